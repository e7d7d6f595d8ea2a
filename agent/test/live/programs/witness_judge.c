/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* What became of an attempt: as the errno tells it, then as the program does that arranged it. */
#define _GNU_SOURCE
#include <errno.h>

#include "setup.h"
#include "witness_counts.h"

struct judgement {
	enum outcome outcome;
	/* a copy_reason or a refusal_reason, as the outcome says */
	int reason;
};

/* This thread's latest attempt: what is said of it afterwards takes the place of what was counted first. */
static __thread struct {
	enum mechanism mechanism;
	long ret;
	struct judgement judgement;
} last;

static struct judgement refusal(enum refusal_reason reason)
{
	return (struct judgement){ REFUSED, reason };
}

static struct judgement by_errno(enum mechanism mechanism, long ret)
{
	bool sends = mechanism == IO_URING_SEND_ZC || mechanism == IO_URING_SENDMSG_ZC;

	if (ret >= 0)
		return (struct judgement){ .outcome = ZEROCOPY };
	switch (-ret) {
	case EAGAIN:
	case EINTR:
		return (struct judgement){ .outcome = RETRY };
	case EINVAL:
		return refusal(EINVAL_OTHER);
	case EOPNOTSUPP:
		return refusal(sends ? ZC_NOT_SUPPORTED : NOT_SUPPORTED);
	case ENOSYS:
		return refusal(NO_SYSCALL);
	case EXDEV:
		return refusal(CROSS_DEVICE);
	case EPERM:
	case EACCES:
		return (struct judgement){ .outcome = DENIED };
	default:
		return (struct judgement){ .outcome = FAILED };
	}
}

/* n is 1, or -1 to take back what was counted. */
static void add_last(uint64_t n)
{
	struct counts *counts = &witness->mechanisms[last.mechanism];
	struct judgement judgement = last.judgement;

	__atomic_fetch_add(&counts->outcomes[judgement.outcome], n, __ATOMIC_RELAXED);
	if (last.ret > 0)
		__atomic_fetch_add(&counts->outcome_bytes[judgement.outcome], n * last.ret, __ATOMIC_RELAXED);
	if (judgement.outcome == COPIED)
		__atomic_fetch_add(&counts->copied[judgement.reason], n, __ATOMIC_RELAXED);
	if (judgement.outcome == REFUSED)
		__atomic_fetch_add(&counts->refused[judgement.reason], n, __ATOMIC_RELAXED);
}

void witness_judge(enum mechanism mechanism, bool without_fds, long ret)
{
	struct judgement judgement = by_errno(mechanism, ret);

	/* a question whether the call exists: no transfer is refused */
	if (without_fds && judgement.outcome == REFUSED)
		judgement.outcome = FAILED;
	last.mechanism = mechanism;
	last.ret = ret;
	last.judgement = judgement;
	add_last(1);
}

static void judge_again(struct judgement judgement)
{
	add_last(-1);
	last.judgement = judgement;
	add_last(1);
}

static void must_be_last(long ret)
{
	errno = EINVAL;
	if (ret != last.ret)
		die("the latest attempt returned %ld, not %ld", last.ret, ret);
}

long witness_copied(long ret, enum copy_reason reason)
{
	must_be_last(ret);
	/* the end of a file moves nothing */
	if (ret > 0)
		judge_again((struct judgement){ COPIED, reason });
	return ret;
}

long witness_refused(long ret, enum refusal_reason reason)
{
	must_be_last(ret);
	if (last.judgement.outcome == REFUSED || last.judgement.outcome == FAILED ||
	    (ret == 0 && reason == ZERO_SIZE_SOURCE))
		judge_again(refusal(reason));
	return ret;
}

long witness_failed(long ret)
{
	must_be_last(ret);
	if (last.judgement.outcome == REFUSED)
		judge_again((struct judgement){ .outcome = FAILED });
	return ret;
}

struct last_judgement last_judgement(void)
{
	enum outcome outcome = last.judgement.outcome;
	const char *reason = outcome == COPIED	  ? copy_reason_name(last.judgement.reason)
			     : outcome == REFUSED ? refusal_reason_name(last.judgement.reason)
						  : NULL;

	return (struct last_judgement){ last.mechanism, outcome, reason };
}

void witness_resolved(enum mechanism mechanism, enum resolution resolution)
{
	__atomic_store_n(&witness->resolutions_told, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&witness->mechanisms[mechanism].resolutions[resolution], 1, __ATOMIC_RELAXED);
}
