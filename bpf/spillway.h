/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * The ABI between the kernel side and the agent: every struct and enum that both share, and nothing
 * else. The agent's offsets, sizes and names are generated from the BTF of the built object; no layout
 * is written anywhere else. Fields stand in falling order of size, every byte is named.
 */
#ifndef SPILLWAY_H
#define SPILLWAY_H

#include <linux/types.h>

/* A zero-copy system call, or an io_uring request of a zero-copy opcode. */
enum mechanism {
	MECHANISM_SENDFILE,
	MECHANISM_SPLICE,
	MECHANISM_TEE,
	MECHANISM_VMSPLICE,
	MECHANISM_COPY_FILE_RANGE,
	MECHANISM_IO_URING_SPLICE,
	MECHANISM_IO_URING_TEE,
	MECHANISM_IO_URING_SEND_ZC,
	MECHANISM_IO_URING_SENDMSG_ZC,
	MECHANISM_IO_URING_RECV_ZC,
	MECHANISM_COUNT,
};

/* What became of one attempt. The two that move bytes come first: they index bytes[]. */
enum outcome {
	OUTCOME_ZEROCOPY,
	OUTCOME_COPIED,
	OUTCOME_RETRY,
	OUTCOME_REFUSED,
	OUTCOME_DENIED,
	OUTCOME_FAILED,
	OUTCOME_COUNT,
};
#define OUTCOMES_WITH_BYTES 2

/* What a cause record counts; `mechanism` and `code` of its key are read accordingly. */
enum cause_kind {
	CAUSE_NONE,
	/* attempts of `mechanism` that returned -code */
	CAUSE_ERRNO,
	/* io_uring_enter calls that returned -code */
	CAUSE_ENTER_ERRNO,
	/* io_uring_setup calls that returned -code */
	CAUSE_SETUP_ERRNO,
	/* requests of `mechanism` that were handed to an io-wq worker; code is 0 */
	CAUSE_ASYNC_WORK,
	CAUSE_KIND_COUNT,
};

/* Who may use a slot. Only LIVE is found by the probes. */
enum slot_state {
	SLOT_FREE,
	SLOT_LIVE,
	/* the agent has taken it out of the index and waits until no program can still hold it */
	SLOT_RETIRING,
	/* lost the race for its key before anyone saw it: the agent may give it back at once */
	SLOT_ORPHAN,
};

/* Slots that are never given out: they hold what has no slot of its own. */
enum reserved_slot {
	/* the table was full, or the kernel would not let us allocate */
	SLOT_OVERFLOW,
	/* processes: no owner could be found; flows: a socket that has no IP flow (unix, vsock, ...) */
	SLOT_NOBODY,
	SLOT_FIRST,
};

/*
 * A flow is a pair of hosts and a protocol: no ports, which is what bounds the number of flows.
 * src is the local address, dst the peer, both in network order; proto is the IP protocol.
 */
struct FlowKey {
	__be32 src_ip;
	__be32 dst_ip;
	__u8 proto;
	__u8 pad;
	__u16 reserved;
};
_Static_assert(sizeof(struct FlowKey) == 12, "FlowKey is 12 bytes on both sides");

struct Flow6Key {
	__be32 src_ip[4];
	__be32 dst_ip[4];
	__u8 proto;
	__u8 pad;
	__u16 reserved;
};
_Static_assert(sizeof(struct Flow6Key) == 36, "Flow6Key is 36 bytes on both sides");

/* Attempts by outcome and the bytes they moved: one cache line. */
struct counts {
	__u64 attempts[OUTCOME_COUNT];
	__u64 bytes[OUTCOMES_WITH_BYTES];
};
_Static_assert(sizeof(struct counts) == 64, "counts fill one cache line");

struct flow_record {
	struct counts counts;
	struct FlowKey key;
	__u32 state;
	__u8 reserved[48];
};

struct flow6_record {
	struct counts counts;
	struct Flow6Key key;
	__u32 state;
	__u8 reserved[24];
};

/*
 * One run of one program in one process. A recycled pid differs in start_time, an exec in exec_id.
 * start_time is nanoseconds since boot, suspend included (task->start_boottime); tgid is that of the
 * initial pid namespace.
 */
struct process_key {
	__u64 start_time;
	__u64 exec_id;
	__u32 tgid;
	__u32 state;
};

struct ring_counts {
	__u64 enters;
	__u64 submitted;
	__u64 setups;
	__u64 cq_overflows;
	__u64 reserved[4];
};

struct process_record {
	struct process_key key;
	/* nanoseconds since boot at which the process exited or went on to another program; 0 while it lives */
	__u64 ended_at;
	__u64 reserved;
	/* name of the main thread at the first attempt: bytes that the process chose, not text */
	__u8 comm[16];
	__u64 reserved2;
	struct ring_counts rings;
	struct counts mechanisms[MECHANISM_COUNT];
};

/* Why attempts of one process ended as they did. `process` is the slot of its record. */
struct cause_key {
	__u32 process;
	__u16 code;
	__u8 kind;
	__u8 mechanism;
};

struct cause_record {
	__u64 count;
	struct cause_key key;
	__u32 state;
	__u32 reserved;
};

/* The slot tables, in the order of the `pools` map. */
enum table {
	TABLE_PROCESSES,
	TABLE_FLOWS,
	TABLE_FLOWS6,
	TABLE_CAUSES,
	TABLE_COUNT,
};

/*
 * Where free slots of one table come from: slots never used (`fresh`, counting up), then the ring of
 * returned ones. The probes take at `head`; only the agent returns, at `tail`; both count up for ever
 * and are taken modulo the ring's size.
 */
struct slot_pool {
	__u64 fresh;
	__u64 head;
	__u64 tail;
	/* records that found no slot: how many times, not how many keys */
	__u64 overflows;
	__u64 reserved[4];
};

enum event_kind {
	EVENT_NONE,
	/* a process record's ended_at was set */
	EVENT_PROCESS_ENDED,
};

/* Rare news for the agent. Losing one delays the agent, it never changes a count. */
struct event {
	__u32 kind;
	__u32 slot;
};

/* Kept with each process (task storage of its main thread). */
struct process_state {
	__u32 slot;
	__u32 flags;
	/* the flow's slot of the latest attempt: saves the look-up when the next one has the same key */
	__u32 flow_hint;
	__u32 flow6_hint;
};

enum process_flag {
	/* the agent's own process: not counted */
	PROCESS_IGNORED = 1,
	/* `stat`: counted, and so is every process it forks */
	PROCESS_TRACKED = 2,
	/* `stat`: not counted, but every process it forks is TRACKED */
	PROCESS_TRACKS_CHILDREN = 4,
};

/* Slots to take out of their index: filled by the agent, read by one run of a retire program. */
#define RETIRE_BATCH 128
struct retirement {
	__u32 count;
	__u32 slots[RETIRE_BATCH];
};

#endif
