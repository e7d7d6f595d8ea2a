/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * From 7.2 on tasks are preempted within programs at the tracepoints of system calls
 * (trace_call_bpf_faultable()), and until such a task goes on, the kernel skips that program for everybody else
 * on its CPU. There calls are counted before, at the return of the kernel's function (kretprobe.multi, which
 * runs with preemption off), and the thread gets a claim for the program at the tracepoint: this call is
 * counted. That one takes the claim away, or, where there is none, counts itself: calls that seccomp denies do
 * not reach the function, and a task preempted within a bpf() map call hides the probes of functions on its CPU
 * (bpf_prog_active).
 *
 * A claim that is still there when the next one is made tells that the kernel skipped the program at the
 * tracepoint, but no count is missing for it.
 */
#ifndef SPILLWAY_CLAIM_BPF_H
#define SPILLWAY_CLAIM_BPF_H

#include "tables.bpf.h"

/* libbpf finds it by its name and by the kinds of its types */
struct trace_event_call {
	struct trace_event_class *class;
};
extern unsigned int trace_call_bpf_faultable(struct trace_event_call *call, void *ctx) __ksym __weak;
#define PROGRAMS_ARE_PREEMPTED bpf_ksym_exists(trace_call_bpf_faultable)

/* Both are each generation's own. */
struct claims_map {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u32);
};
extern struct claims_map claims;
struct skipped_claims_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
};
extern struct skipped_claims_map skipped_claims;

static __always_inline void count_skipped_claim(void)
{
	__u32 zero = 0;
	__u64 *count = bpf_map_lookup_elem(&skipped_claims, &zero);

	if (count)
		ADD(*count, 1);
}

/*
 * At the return of the function: the number of the call if it is to be counted here, else -1. No tracepoint
 * shows the calls of 32-bit programs and of x32, and one that cannot be told of a call counts it itself.
 */
static __always_inline int claim_call(struct task_struct *task)
{
	__u32 *claim;
	int number;

	if (!PROGRAMS_ARE_PREEMPTED)
		return -1;
	number = SYSCALL_NUMBER((struct pt_regs *)bpf_task_pt_regs(task));
	if (IS_FOREIGN(number) || IS_COMPAT(task))
		return -1;
	claim = bpf_task_storage_get(&claims, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!claim)
		return -1;
	if (unlikely(*claim))
		count_skipped_claim();
	*claim = 1;
	return number;
}

/* At the tracepoint: has the call been counted? */
static __always_inline int is_claimed(struct task_struct *task)
{
	__u32 *claim;

	if (!PROGRAMS_ARE_PREEMPTED)
		return 0;
	claim = bpf_task_storage_get(&claims, task, 0, 0);
	if (!claim || !*claim)
		return 0;
	*claim = 0;
	return 1;
}

#endif
