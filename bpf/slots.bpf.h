/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* How a key gets its slot. */
#ifndef SPILLWAY_SLOTS_BPF_H
#define SPILLWAY_SLOTS_BPF_H

#include "tables.bpf.h"

#define EEXIST 17

/* How often a CPU tries for a returned slot while others take them: beyond that it takes a fresh one. */
#define TAKE_TRIES 8

/* A free slot of a table, or SLOT_OVERFLOW when there is none. */
static __noinline __u32 take_slot(__u32 table, void *returned, __u32 capacity)
{
	struct slot_pool *pool = bpf_map_lookup_elem(&pools, &table);

	if (!pool || !capacity)
		return SLOT_OVERFLOW;
	for (int i = 0; i < TAKE_TRIES; i++) {
		/* an atomic read: orders the ring's entry after the tail that the agent stored behind it */
		__u64 tail = __sync_fetch_and_add(&pool->tail, 0);
		__u64 head = READ_ONCE(pool->head);
		__u32 place = head % capacity;
		__u64 *entry;
		__u64 slot;

		if (head == tail)
			break;
		entry = bpf_map_lookup_elem(returned, &place);
		if (!entry)
			break;
		slot = READ_ONCE(*entry);
		if (__sync_val_compare_and_swap(&pool->head, head, head + 1) == head)
			return slot;
	}
	if (READ_ONCE(pool->fresh) < capacity) {
		__u64 fresh = __sync_fetch_and_add(&pool->fresh, 1);

		if (fresh < capacity)
			return SLOT_FIRST + fresh;
	}
	return SLOT_OVERFLOW;
}

/*
 * find_NAME(key): the slot of a key, made when it is new; SLOT_OVERFLOW when the table is full. Two CPUs that
 * race for one key end with one slot: the index decides, the loser's slot becomes an ORPHAN for the agent to
 * collect. The second look-up serves that loser, and whoever saw an index element that was reused meanwhile.
 */
#define DEFINE_FIND(name, key_type, record_type, records, index, table, returned, capacity)                    \
	static __noinline __u32 find_##name(const key_type *key)                                               \
	{                                                                                                      \
		_Pragma("unroll") for (int i = 0; i < 2; i++)                                                  \
		{                                                                                              \
			__u32 *found = bpf_map_lookup_elem(&index, key);                                       \
			record_type *record;                                                                   \
			__u32 slot;                                                                            \
			int error;                                                                             \
                                                                                                               \
			if (found) {                                                                           \
				slot = *found;                                                                 \
				record = bpf_map_lookup_elem(&records, &slot);                                 \
				if (record && HOLDS(record, key))                                              \
					return slot;                                                           \
				continue;                                                                      \
			}                                                                                      \
			slot = take_slot(table, &returned, capacity);                                          \
			if (slot == SLOT_OVERFLOW)                                                             \
				break;                                                                         \
			record = bpf_map_lookup_elem(&records, &slot);                                         \
			if (!record)                                                                           \
				break;                                                                         \
			record->key = *key;                                                                    \
			WRITE_ONCE(record->state, SLOT_LIVE);                                                  \
			error = (int)bpf_map_update_elem(&index, key, &slot, BPF_NOEXIST);                     \
			if (!error)                                                                            \
				return slot;                                                                   \
			WRITE_ONCE(record->state, SLOT_ORPHAN);                                                \
			if (error != -EEXIST)                                                                  \
				break;                                                                         \
		}                                                                                              \
		count_overflow(table);                                                                         \
		return SLOT_OVERFLOW;                                                                          \
	}

#endif
