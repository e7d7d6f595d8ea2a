// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/* Processes: their first attempt, their children, their end. */
#include "cgroup.bpf.h"
#include "claim.bpf.h"
#include "pending.bpf.h"
#include "process.bpf.h"
#include "slots.bpf.h"
#include "turn.bpf.h"

/* Threads that race for the slot of their process end with one, like find_NAME(). */
__noinline __u32 claim_process(struct process_state *state)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct task_struct *leader = task->group_leader;
	__u64 exec_id = task->self_exec_id;
	struct process_record *record;
	__u32 old, slot, seen;

	if (!state)
		return SLOT_OVERFLOW;
	old = READ_ONCE(state->slot);
	if (state->flags & (PROCESS_IGNORED | PROCESS_TRACKS_CHILDREN))
		return SLOT_UNCOUNTED;
	if (tracked_only && !(state->flags & PROCESS_TRACKED))
		return SLOT_UNCOUNTED;
	if (leader->flags & PF_KTHREAD)
		return SLOT_NOBODY;
	/* another thread may have been here since the caller looked */
	record = bpf_map_lookup_elem(&processes, &old);
	if (record && is_process(record, leader, exec_id))
		return old;

	slot = take_slot(TABLE_PROCESSES, &free_processes, process_capacity);
	record = bpf_map_lookup_elem(&processes, &slot);
	if (slot == SLOT_OVERFLOW || !record) {
		count_overflow(TABLE_PROCESSES);
		return SLOT_OVERFLOW;
	}
	record->key.start_time = leader->start_boottime;
	record->key.exec_id = exec_id;
	record->key.tgid = leader->tgid;
	record->claimed_at = bpf_ktime_get_ns();
	record->ended_at = 0;
	record->fell_back_at = 0;
	record->fallen = 0;
	bpf_probe_read_kernel(record->comm, sizeof(record->comm), leader->comm);
	remember_cgroup(record);
	WRITE_ONCE(record->key.state, SLOT_LIVE);

	seen = __sync_val_compare_and_swap(&state->slot, old, slot);
	if (seen == old) {
		struct process_record *before = bpf_map_lookup_elem(&processes, &old);

		/* the same process under another exec id: that program is over */
		if (before && READ_ONCE(before->key.state) == SLOT_LIVE &&
		    before->key.start_time == leader->start_boottime &&
		    before->key.tgid == (__u32)leader->tgid) {
			if (has_pending(task))
				settle_end();
			end_process(old);
		}
		return slot;
	}
	WRITE_ONCE(record->key.state, SLOT_ORPHAN);
	record = bpf_map_lookup_elem(&processes, &seen);
	if (record && is_process(record, leader, exec_id))
		return seen;
	count_overflow(TABLE_PROCESSES);
	return SLOT_OVERFLOW;
}

/*
 * A thread exits. With the last one of a process its record can be retired soon. All of this may be done twice.
 */
static __always_inline int thread_exits(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct process_state *state;

	/* the program at the tracepoint was skipped for its last call */
	if (is_claimed(task))
		count_skipped_claim();
	if (!has_turn(TURN_OF_EXIT))
		return 0;
	if (has_pending(task))
		settle_end();
	/* do_exit() takes a thread off `live` before this tracepoint */
	if (TASK_POINTER(task, signal)->live.counter)
		return 0;
	state = bpf_task_storage_get(&process_states, task->group_leader, 0, 0);
	if (state && state->slot)
		end_process(state->slot);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int process_exit(void *ctx)
{
	return thread_exits();
}

/*
 * Where the kernel preempts programs it does so at every tracepoint. This function is called by each thread of
 * a process that exits, a little later, while it still has its memory; probes of functions run with preemption
 * off.
 */
SEC("kprobe.multi/exit_mm_release")
int process_exit_mm(void *ctx)
{
	return PROGRAMS_ARE_PREEMPTED ? thread_exits() : 0;
}

/*
 * `spillway stat`: what a counted process forks is counted from its first instruction on. Threads are marked
 * too: one that execs becomes the main thread, and the state of the former one is gone (de_thread()).
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
