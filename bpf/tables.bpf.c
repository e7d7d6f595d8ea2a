// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/* The tables themselves, and their retirement. */
#include "tables.bpf.h"
#include "claim.bpf.h"
#include "pending.bpf.h"
#include "process.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile __u32 process_capacity = 1;
const volatile __u32 flow_capacity = 1;
const volatile __u32 flow6_capacity = 1;
const volatile __u32 cause_capacity = 1;
const volatile __u8 tracked_only = 0;
const volatile __u32 shard_mask = 0;

__u64 events_lost = 0;
__u64 forks_lost = 0;

struct processes_map processes SEC(".maps");
struct flows_map flows SEC(".maps");
struct flows6_map flows6 SEC(".maps");
struct causes_map causes SEC(".maps");
struct departed_map departed SEC(".maps");
struct departed_causes_map departed_causes SEC(".maps");
struct flow_index_map flow_index SEC(".maps");
struct flow6_index_map flow6_index SEC(".maps");
struct cause_index_map cause_index SEC(".maps");
struct free_processes_map free_processes SEC(".maps");
struct free_flows_map free_flows SEC(".maps");
struct free_flows6_map free_flows6 SEC(".maps");
struct free_causes_map free_causes SEC(".maps");
struct pools_map pools SEC(".maps");
struct shards_map shards SEC(".maps");
struct process_states_map process_states SEC(".maps");
struct events_map events SEC(".maps");
struct claims_map claims SEC(".maps");
struct skipped_claims_map skipped_claims SEC(".maps");

/* What no map refers to: this keeps it in the object's BTF, from which the agent's layout is generated. */
struct shared_types {
	struct event event;
	struct cgroup_key cgroup_key;
	struct cgroup_names cgroup_names;
	struct thread_state thread_state;
	struct latency latency;
	enum mechanism mechanism;
	enum outcome outcome;
	enum copy_reason copy_reason;
	enum refusal_reason refusal_reason;
	enum resolution resolution;
	enum cause_kind cause_kind;
	enum slot_state slot_state;
	enum reserved_slot reserved_slot;
	enum table table;
	enum event_kind event_kind;
	enum process_flag process_flag;
	enum handover handover;
	enum departed_place departed_place;
	struct fold fold;
};
const struct shared_types *shared_types = 0;

/* What these tables are, in words of the agent that made them. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct identity);
} identity SEC(".maps");

/* The slots that the next retire_* run takes out of use: written by the agent. */
struct retirement_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct retirement);
} retirement SEC(".maps");

static __always_inline struct retirement *batch(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&retirement, &zero);
}

/*
 * Take slots out of their index, so that no program that starts from now on finds them: the agent then waits
 * for those that have started, folds what the records hold, and gives the slots back. A program does it, not
 * bpf() map calls: a task preempted inside one of those makes the kernel skip tracepoint programs on its CPU
 * (preemptible kernels).
 */
#define DEFINE_RETIRE(name, records, record_type, index)                                                       \
	SEC("syscall")                                                                                         \
	int retire_##name(void *ctx)                                                                           \
	{                                                                                                      \
		struct retirement *slots = batch();                                                            \
                                                                                                               \
		if (!slots)                                                                                    \
			return 0;                                                                              \
		for (__u32 i = 0; i < RETIRE_BATCH; i++) {                                                     \
			record_type *record;                                                                   \
			__u32 slot, *found;                                                                    \
                                                                                                               \
			if (i >= slots->count)                                                                 \
				break;                                                                         \
			slot = slots->slots[i];                                                                \
			record = bpf_map_lookup_elem(&records, &slot);                                         \
			if (!record || record->state != SLOT_LIVE)                                             \
				continue;                                                                      \
			/* not ours: the loser of a race, about to become an orphan */                         \
			found = bpf_map_lookup_elem(&index, &record->key);                                     \
			if (!found || *found != slot)                                                          \
				continue;                                                                      \
			bpf_map_delete_elem(&index, &record->key);                                             \
			WRITE_ONCE(record->state, SLOT_RETIRING);                                              \
		}                                                                                              \
		return 0;                                                                                      \
	}

DEFINE_RETIRE(flows, flows, struct flow_record, flow_index)
DEFINE_RETIRE(flows6, flows6, struct flow6_record, flow6_index)
DEFINE_RETIRE(causes, causes, struct cause_record, cause_index)

/* Adds counters to others and leaves 0: a straggler's addition stays for the next owner. */
static __always_inline void move(__u64 *from, __u64 *to, __u32 size)
{
	for (__u32 i = 0; i < size / sizeof(*from); i++) {
		__u64 count = __sync_lock_test_and_set(&from[i], 0);

		if (count)
			ADD(to[i], count);
	}
}

/* More than that no set has. */
#define MOST_SHARDS 256

/*
 * What the lines of a set hold, to its record's own counts or to where these go: the set is free then. A global
 * function: the verifier looks at it once.
 */
__noinline int fold_shards(__u32 set, struct shard *sum)
{
	__u32 mask = shard_mask;

	if (!mask || !set || !sum)
		return 0;
	for (__u32 i = 0; i < MOST_SHARDS; i++) {
		__u32 place = (set - 1) * (mask + 1) + i;
		struct shard *shard;

		if (i > mask)
			break;
		shard = bpf_map_lookup_elem(&shards, &place);
		if (shard)
			move(shard->words, sum->words, sizeof(*shard));
	}
	return 0;
}

static __always_inline void copy(const __u32 *from, __u32 *to, __u32 size)
{
	for (__u32 i = 0; i < size / sizeof(*from); i++)
		WRITE_ONCE(to[i], from[i]);
}

static __always_inline void clear(__u32 *words, __u32 size)
{
	for (__u32 i = 0; i < size / sizeof(*words); i++)
		WRITE_ONCE(words[i], 0);
}

/*
 * What the sets of a process have counted, to its record: nobody adds to either any more. A global function,
 * for what verifies fold_process() would walk this again and again.
 */
__noinline int gather_shards(__u32 slot)
{
	__u32 process = slot;
	struct process_record *record;

	if (!shard_mask)
		return 0;
	record = bpf_map_lookup_elem(&processes, &process);
	if (!record)
		return 0;
	fold_shards(record->ring_shards, (struct shard *)&record->rings);
	for (int i = 0; i < MECHANISM_COUNT; i++)
		fold_shards(record->shards[i], (struct shard *)&record->mechanisms[i]);
	return 0;
}

/* Back into the pool. Only the agent runs this, one after the other, so one addition to `tail` publishes it. */
static __always_inline void give_back(__u32 table, void *returned, __u32 capacity, __u32 slot)
{
	struct slot_pool *pool = bpf_map_lookup_elem(&pools, &table);
	__u64 *entry;
	__u32 place;

	if (!pool || !capacity)
		return;
	place = pool->tail % capacity;
	entry = bpf_map_lookup_elem(returned, &place);
	if (!entry)
		return;
	WRITE_ONCE(*entry, slot);
	ADD(pool->tail, 1);
}

/*
 * What is still pending of a process that is retired waits for nothing any more: nobody saw its thread exit, or
 * the process was taken for dead. Whoever resolves such a refusal all the same finds that the record is not its
 * own any more, and leaves it to this (see resolve()): each is counted once.
 */
static __always_inline void presume_pending(struct process_record *record)
{
	__u32 tgid = record->key.tgid;

	for (__u32 mechanism = 0; mechanism < MECHANISM_COUNT; mechanism++) {
		__u64 pending = record->mechanisms[mechanism].attempts[OUTCOME_REFUSED];
		__u64 *ways = record->resolutions[mechanism].refusals;

		for (__u32 way = 0; way < RESOLUTION_COUNT; way++)
			pending -= ways[way];
		if (!pending)
			continue;
		ADD(ways[RESOLUTION_PRESUMED], pending);
		count_pending(tgid, -pending);
	}
}

/*
 * Fold one retired record into where it is kept from now on, and give its slot back; an orphan's slot, which
 * holds nothing, likewise. Each is one run of a program, which a signal does not interrupt: wherever the agent
 * is killed, a count stands in one of the two places.
 */
SEC("syscall")
int fold_process(struct fold *fold)
{
	__u32 slot = fold->slot, place = fold->place;
	struct process_record *record = bpf_map_lookup_elem(&processes, &slot);
	struct departed_record *sum = bpf_map_lookup_elem(&departed, &place);
	__u32 state;

	if (!record || !sum)
		return 0;
	state = record->key.state;
	if (state != SLOT_RETIRING && state != SLOT_ORPHAN)
		return 0;
	if (state == SLOT_RETIRING) {
		/* first, for they have counted refusals too; and not by the number that is at hand: the
		 * verifier would walk move() for each of its values */
		gather_shards(fold->slot);
		presume_pending(record);
		move((__u64 *)&record->rings, (__u64 *)&sum->rings,
		     sizeof(*record) - offsetof(struct process_record, rings));
	}
	clear((__u32 *)record, offsetof(struct process_record, rings));
	give_back(TABLE_PROCESSES, &free_processes, process_capacity, slot);
	return 0;
}

SEC("syscall")
int fold_cause(struct fold *fold)
{
	__u32 slot = fold->slot, place = fold->place;
	struct cause_record *record = bpf_map_lookup_elem(&causes, &slot);
	struct cause_record *sum = bpf_map_lookup_elem(&departed_causes, &place);

	if (!record || !sum || (record->state != SLOT_RETIRING && record->state != SLOT_ORPHAN))
		return 0;
	if (record->state == SLOT_RETIRING) {
		if (!sum->culprit.described)
			copy((__u32 *)&record->culprit, (__u32 *)&sum->culprit, sizeof(record->culprit));
		move(&record->count, &sum->count, sizeof(record->count));
	}
	clear((__u32 *)&record->key, sizeof(*record) - offsetof(struct cause_record, key));
	give_back(TABLE_CAUSES, &free_causes, cause_capacity, slot);
	return 0;
}

#define DEFINE_FOLD_FLOW(name, records, record_type, table, returned, capacity)                                \
	SEC("syscall")                                                                                         \
	int fold_##name(struct fold *fold)                                                                     \
	{                                                                                                      \
		__u32 slot = fold->slot, place = SLOT_DEPARTED;                                                \
		record_type *record = bpf_map_lookup_elem(&records, &slot);                                    \
		record_type *sum = bpf_map_lookup_elem(&records, &place);                                      \
                                                                                                               \
		if (!record || !sum || (record->state != SLOT_RETIRING && record->state != SLOT_ORPHAN))       \
			return 0;                                                                              \
		if (record->state == SLOT_RETIRING) {                                                          \
			move((__u64 *)&record->counts, (__u64 *)&sum->counts, sizeof(record->counts));         \
			fold_shards(record->shards, (struct shard *)&sum->counts);                             \
		}                                                                                              \
		clear((__u32 *)&record->key,                                                                   \
		      sizeof(record->key) + sizeof(record->state) + sizeof(record->shards));                   \
		give_back(table, &returned, capacity, slot);                                                   \
		return 0;                                                                                      \
	}

DEFINE_FOLD_FLOW(flow, flows, struct flow_record, TABLE_FLOWS, free_flows, flow_capacity)
DEFINE_FOLD_FLOW(flow6, flows6, struct flow6_record, TABLE_FLOWS6, free_flows6, flow6_capacity)
