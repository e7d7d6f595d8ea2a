/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Task -> the record of its process, found through the task storage of the process' main thread. */
#ifndef SPILLWAY_PROCESS_BPF_H
#define SPILLWAY_PROCESS_BPF_H

#include "tables.bpf.h"

/* Not a slot: this process is not counted. */
#define SLOT_UNCOUNTED 0xffffffffu

struct events_map {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
};
extern struct events_map events SEC(".maps");

static __always_inline void send_event(enum event_kind kind, __u32 slot)
{
	struct event event = { .kind = kind, .slot = slot };

	if ((int)bpf_ringbuf_output(&events, &event, sizeof(event), 0))
		ADD(events_lost, 1);
}

/* `slot` will get no more attempts but the few that are under way. */
static __always_inline void end_process(__u32 slot)
{
	struct process_record *record = bpf_map_lookup_elem(&processes, &slot);

	if (slot < SLOT_FIRST || !record || READ_ONCE(record->ended_at))
		return;
	WRITE_ONCE(record->ended_at, bpf_ktime_get_boot_ns());
	send_event(EVENT_PROCESS_ENDED, slot);
}

static __always_inline int is_process(struct process_record *record, struct task_struct *leader, __u64 exec_id)
{
	return READ_ONCE(record->key.state) == SLOT_LIVE && record->key.start_time == leader->start_boottime &&
	       record->key.exec_id == exec_id && record->key.tgid == (__u32)leader->tgid;
}

/*
 * The first attempt of the current process, or of a program it went on to, or the first since its slot was
 * retired: takes a slot. A global function: the verifier looks at it once.
 */
__u32 claim_process(struct process_state *state);

/* The mechanism has moved bytes without a copy: if it had fallen back, that is over. */
static __always_inline void recover(struct process_record *record, __u32 mechanism)
{
	__u32 fallen = READ_ONCE(record->fallen);

	if (unlikely(fallen) && (fallen & 1U << mechanism))
		__sync_fetch_and_and(&record->fallen, ~(1U << mechanism));
}

/* The record that a process has already, or NULL. */
static __always_inline struct process_record *
known_record(struct process_state *state, struct task_struct *leader, __u64 exec_id, __u32 *slot)
{
	struct process_record *record;

	*slot = READ_ONCE(state->slot);
	record = bpf_map_lookup_elem(&processes, slot);
	return likely(record && is_process(record, leader, exec_id)) ? record : NULL;
}

/* The same of the task's process: for who leaves first attempts, and those of processes without a place, to
 * others. */
static __always_inline struct process_record *known_process_of(struct task_struct *task,
							       struct process_state **state)
{
	struct task_struct *leader = task->group_leader;
	__u64 exec_id = task->self_exec_id;
	__u32 slot;

	*state = bpf_task_storage_get(&process_states, leader, 0, 0);
	return likely(*state) ? known_record(*state, leader, exec_id, &slot) : NULL;
}

/*
 * The record of the task's process and its slot; NULL if it is not to be counted. *state is NULL when the
 * kernel would not give us task storage (out of memory, or its per-CPU lock was taken by whom we interrupted).
 * Once for each attempt: who finds the table full is counted.
 */
static __always_inline struct process_record *process_of(struct task_struct *task, struct process_state **state,
							 __u32 *process)
{
	struct task_struct *leader = task->group_leader;
	__u64 exec_id = task->self_exec_id;
	struct process_record *record;
	__u32 slot = SLOT_OVERFLOW;

	*state = bpf_task_storage_get(&process_states, leader, 0,
				      tracked_only ? 0 : BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (likely(*state)) {
		record = known_record(*state, leader, exec_id, process);
		if (likely(record))
			return record;
		slot = claim_process(*state);
	} else if (tracked_only) {
		return NULL;
	} else {
		/* the kernel says no to who came second, with another thread of the process (-EEXIST) */
		*state = bpf_task_storage_get(&process_states, leader, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
		if (*state)
			slot = claim_process(*state);
		else
			count_overflow(TABLE_PROCESSES);
	}
	*process = slot;
	/* there is none for SLOT_UNCOUNTED */
	return bpf_map_lookup_elem(&processes, &slot);
}

#endif
