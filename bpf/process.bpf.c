// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/* Processes that begin and end. */
#include "process.bpf.h"

/* The last thread of a process has begun to exit: its record can be retired soon. */
SEC("tp_btf/sched_process_exit")
int process_exit(void *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct process_state *state;

	/* do_exit() takes a thread off `live` before this tracepoint */
	if (task->signal->live.counter)
		return 0;
	state = bpf_task_storage_get(&process_states, task->group_leader, 0, 0);
	if (state && state->slot)
		end_process(state->slot);
	return 0;
}

/*
 * `spillway stat`: what a counted process forks is counted from its first instruction on. Threads are marked too: one that
 * execs becomes the main thread, and the state of the former one is gone (de_thread()).
 */
SEC("tp_btf/sched_process_fork")
int process_fork(__u64 *ctx)
{
	struct task_struct *parent = (struct task_struct *)ctx[0];
	struct task_struct *child = (struct task_struct *)ctx[1];
	struct process_state *of_parent, *of_child;

	of_parent = bpf_task_storage_get(&process_states, parent->group_leader, 0, 0);
	if (!of_parent || !(of_parent->flags & (PROCESS_TRACKED | PROCESS_TRACKS_CHILDREN)))
		return 0;
	of_child = bpf_task_storage_get(&process_states, child, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (of_child)
		of_child->flags = PROCESS_TRACKED;
	else
		ADD(forks_lost, 1);
	return 0;
}
