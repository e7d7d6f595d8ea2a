/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Refusals that wait for what the thread does next. */
#ifndef SPILLWAY_PENDING_BPF_H
#define SPILLWAY_PENDING_BPF_H

#include "classify.bpf.h"
#include "process.bpf.h"

/* How many refusals of processes with this remainder of tgid are pending: 0 spares everything that follows. */
extern __u32 pending_buckets[PENDING_BUCKETS];
/* All that are pending; the agent looks at it. */
extern __u64 pending_total;
/* Set by the agent while the evidence program is attached. */
extern __u32 watching;

static __always_inline int has_pending(struct task_struct *task)
{
	return READ_ONCE(pending_buckets[(__u32)task->tgid % PENDING_BUCKETS]) != 0;
}

static __always_inline void count_pending(__u32 tgid, __u64 added)
{
	ADD(pending_buckets[tgid % PENDING_BUCKETS], (__u32)added);
	ADD(pending_total, added);
}

/* Begins to watch what follows a refused attempt, counted for the process in slot `process`. */
int suspend_refusal(const struct attempt *attempt, __u32 process);

/*
 * What an attempt (with this verdict) that was not refused, or refused once more, means for those that are
 * pending.
 */
int settle_attempt(const struct attempt *attempt, __u32 verdict);

/* A request of a ring that is no zero-copy one has read from or written to a file. */
int settle_request(__u64 file, __u32 is_write);

/* The current thread ends, or its program does: what is pending for it ends too. */
int settle_end(void);

#endif
