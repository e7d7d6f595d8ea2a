/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * Slot tables: an index from key to slot number, mmap-able records that the agent reads in place, and a
 * pool of free slots. Counts are only ever added to here; the agent alone gives slots back.
 *
 * What makes this exact:
 * - A slot's key is written before the index shows it, and compared after every look-up: a stale hint, and an
 *   element of a preallocated hash that was reused between look-up and use, are both recognised.
 * - Whoever finds no slot adds to the reserved overflow record instead: sums hold whatever happens.
 * - Helper results are cast to int: up to 6.1 they are not sign-extended.
 */
#ifndef SPILLWAY_TABLES_BPF_H
#define SPILLWAY_TABLES_BPF_H

#include "kernel.h"
#include "spillway.h"

#define ADD(counter, n) ((void)__sync_fetch_and_add(&(counter), (n)))

/* A load that the compiler may neither repeat nor drop: the agent and other CPUs write what it reads. */
#define READ_ONCE(x) (*(const volatile typeof(x) *)&(x))
#define WRITE_ONCE(x, value) (*(volatile typeof(x) *)&(x) = (value))

/* Set by the agent before load: to the verifier they are constants, and what they switch off is removed. */
extern const volatile __u32 process_capacity;
extern const volatile __u32 flow_capacity;
extern const volatile __u32 flow6_capacity;
extern const volatile __u32 cause_capacity;
/* count only processes marked TRACKED (`spillway stat`) */
extern const volatile __u8 tracked_only;
/* lines of a set of shards, a power of two, minus one; 0 where no counts have such sets */
extern const volatile __u32 shard_mask;

/* Events that found the ring full; forks that could not be marked as TRACKED. */
extern __u64 events_lost;
extern __u64 forks_lost;

/* max_entries of 1 is a stand-in: the agent sets it from the configured capacity before load. */
#define RECORDS(name, record)                                                                                  \
	struct name##_map {                                                                                    \
		__uint(type, BPF_MAP_TYPE_ARRAY);                                                              \
		__uint(map_flags, BPF_F_MMAPABLE);                                                             \
		__uint(max_entries, 1);                                                                        \
		__type(key, __u32);                                                                            \
		__type(value, record);                                                                         \
	};                                                                                                     \
	extern struct name##_map name SEC(".maps")

#define INDEX(name, key_type)                                                                                  \
	struct name##_map {                                                                                    \
		__uint(type, BPF_MAP_TYPE_HASH);                                                               \
		__uint(max_entries, 1);                                                                        \
		__type(key, key_type);                                                                         \
		__type(value, __u32);                                                                          \
	};                                                                                                     \
	extern struct name##_map name SEC(".maps")

RECORDS(processes, struct process_record);
RECORDS(flows, struct flow_record);
RECORDS(flows6, struct flow6_record);
RECORDS(causes, struct cause_record);
RECORDS(departed, struct departed_record);
RECORDS(departed_causes, struct cause_record);

INDEX(flow_index, struct FlowKey);
INDEX(flow6_index, struct Flow6Key);
INDEX(cause_index, struct cause_key);

/* Rings of returned slots, one a table; see struct slot_pool. */
RECORDS(free_processes, __u64);
RECORDS(free_flows, __u64);
RECORDS(free_flows6, __u64);
RECORDS(free_causes, __u64);

/* The sets one behind the other, from number 1 on. */
RECORDS(shards, struct shard);

RECORDS(pools, struct slot_pool);
RECORDS(latencies, struct latency);

struct process_states_map {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct process_state);
};
extern struct process_states_map process_states SEC(".maps");

static __always_inline void count_overflow(__u32 table)
{
	struct slot_pool *pool = bpf_map_lookup_elem(&pools, &table);

	if (pool)
		ADD(pool->overflows, 1);
}

/*
 * The line that the current processor adds to, of counts that stand in `own` and have the set `set`. Who goes
 * on on another processor before it has added does no harm: additions are atomic, and one line has as much room
 * as another.
 */
static __always_inline void *line_of(void *own, const __u32 *set)
{
	__u32 mask = shard_mask, number, place;
	struct shard *shard;

	if (!mask)
		return own;
	number = READ_ONCE(*set);
	if (likely(!number))
		return own;
	place = (number - 1) * (mask + 1) + (bpf_get_smp_processor_id() & mask);
	shard = bpf_map_lookup_elem(&shards, &place);
	return likely(shard) ? shard : own;
}

static __always_inline void add_counts(struct counts *counts, enum outcome outcome, __u64 bytes)
{
	ADD(counts->attempts[outcome], 1);
	if (outcome < OUTCOMES_WITH_BYTES && bytes)
		ADD(counts->bytes[outcome], bytes);
}

/* The same of an attempt that moved bytes, and copied none. */
static __always_inline void add_moved(struct counts *counts, __u64 bytes)
{
	ADD(counts->attempts[OUTCOME_ZEROCOPY], 1);
	ADD(counts->bytes[OUTCOME_ZEROCOPY], bytes);
}

/* The same of counts that nobody else adds to: an atomic addition costs five nanoseconds. */
static __always_inline void add_moved_alone(struct counts *counts, __u64 bytes)
{
	__u64 *attempts = &counts->attempts[OUTCOME_ZEROCOPY], *sum = &counts->bytes[OUTCOME_ZEROCOPY];

	WRITE_ONCE(*attempts, READ_ONCE(*attempts) + 1);
	WRITE_ONCE(*sum, READ_ONCE(*sum) + bytes);
}

/* Keys are whole 32-bit words without padding. */
static __always_inline int same_key(const void *a, const void *b, int size)
{
	const __u32 *x = a, *y = b;

#pragma unroll
	for (int i = 0; i < size / 4; i++)
		if (READ_ONCE(x[i]) != y[i])
			return 0;
	return 1;
}

/* Is this record the one of `key`, and may it be added to? */
#define HOLDS(record, wanted)                                                                                  \
	(READ_ONCE((record)->state) == SLOT_LIVE && same_key(&(record)->key, (wanted), sizeof(*(wanted))))

#endif
