/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* One attempt that returned -> the counts of its process, its cause and its flow. */
#ifndef SPILLWAY_ATTEMPT_BPF_H
#define SPILLWAY_ATTEMPT_BPF_H

#include "classify.bpf.h"
#include "process.bpf.h"

/* struct cause_key as one number: the arguments of a function are five at most. */
static __always_inline __u64 cause_words(__u32 process, enum cause_kind kind, __u32 mechanism, __u16 code)
{
	return process | (__u64)code << 32 | (__u64)kind << 48 | (__u64)mechanism << 56;
}

/*
 * Counts one more of a cause. `attempt` is given for those that one of its files explains; `state` may be NULL.
 * A global function: the verifier looks at it once.
 */
int count_cause(__u64 words, struct process_state *state, const struct attempt *attempt);

/*
 * Counts an attempt of the process in slot `process` by its verdict, and follows what was refused. A global
 * function, and the way of all that is out of the ordinary.
 */
int count_verdict(const struct attempt *attempt, __u32 process, struct process_state *state, __u32 verdict);

#endif
