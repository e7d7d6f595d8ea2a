/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* One attempt that returned, and how it is judged. */
#ifndef SPILLWAY_CLASSIFY_BPF_H
#define SPILLWAY_CLASSIFY_BPF_H

#include "kernel.h"
#include "spillway.h"

#define EPERM 1
#define EINTR 4
#define EBADF 9
#define EAGAIN 11
#define EACCES 13
#define EXDEV 18
#define EINVAL 22
#define ESPIPE 29
#define ENOSYS 38
#define EOPNOTSUPP 95
/* include/linux/errno.h: never seen by user space, but what an interrupted call holds at its exit */
#define ERESTARTSYS 512
#define ERESTARTNOINTR 513
#define ERESTARTNOHAND 514
#define ERESTART_RESTARTBLOCK 516

struct attempt {
	/* addresses of files; 0 where there is none, or none that is open */
	__u64 source;
	__u64 sink;
	/* address of the io_kiocb; 0 for system calls */
	__u64 request;
	/* bytes moved, or -errno */
	__s64 result;
	/*
	 * descriptors as the caller gave them; -1 where the mechanism has none, or the ring knows the file
	 * otherwise
	 */
	__s32 source_fd;
	__s32 sink_fd;
	__u32 mechanism;
	__u32 reserved;
};

/* An outcome and its reason (enum copy_reason or enum refusal_reason, by outcome) as one number. */
#define VERDICT(outcome, reason) ((outcome) | (reason) << 8)
#define OUTCOME_OF(verdict) ((verdict) & 0xff)
#define REASON_OF(verdict) ((verdict) >> 8)

/* The errno that user space would name: an interrupted call is EINTR, whatever restarts it. */
static __always_inline __u16 errno_of(long result)
{
	switch (-result) {
	case ERESTARTSYS:
	case ERESTARTNOINTR:
	case ERESTARTNOHAND:
	case ERESTART_RESTARTBLOCK:
		return EINTR;
	default:
		return -result;
	}
}

static __always_inline int is_ring_mechanism(__u32 mechanism)
{
	return mechanism >= MECHANISM_IO_URING_SPLICE;
}

/* Of an attempt that moved bytes. */
static __always_inline __u32 verdict_of_reason(__u32 reason)
{
	return VERDICT(reason ? OUTCOME_COPIED : OUTCOME_ZEROCOPY, reason);
}

/* The verdict on an attempt that returned an error which may mean: use other means. */
__u32 classify_error(const struct attempt *attempt, __u32 error);

/* Did copy_file_range find nothing to copy in a file that has no size, though it may have contents? */
int is_zero_size_source(const struct attempt *attempt);

/* Why an attempt that moved bytes was a copy all the same; COPY_NONE if it was none. */
__u32 copy_reason_of(const struct attempt *attempt);

static __always_inline __u32 classify(const struct attempt *attempt)
{
	if (attempt->result > 0)
		return verdict_of_reason(copy_reason_of(attempt));
	if (attempt->result < 0) {
		__u16 error = errno_of(attempt->result);

		if (error == EAGAIN || error == EINTR)
			return VERDICT(OUTCOME_RETRY, 0);
		return classify_error(attempt, error);
	}
	if (attempt->mechanism == MECHANISM_COPY_FILE_RANGE && is_zero_size_source(attempt))
		return VERDICT(OUTCOME_REFUSED, REFUSAL_ZERO_SIZE_SOURCE);
	return VERDICT(OUTCOME_ZEROCOPY, 0);
}

#endif
