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

/* Why an attempt that succeeded was a copy all the same. */
enum copy_reason {
	COPY_NONE,
	/* f_op->splice_read is copy_splice_read; before 6.5: a filesystem or device known to copy */
	COPY_SOURCE_COPIES,
	COPY_SOURCE_DAX,
	COPY_SOURCE_SOCKET_WITHOUT_SPLICE,
	/* a write into the page cache */
	COPY_SINK_REGULAR_FILE,
	/* another file that is written to by write_iter: a terminal, ... */
	COPY_SINK_COPIES,
	COPY_SINK_SOCKET_WITHOUT_SG,
	COPY_SINK_TLS,
	COPY_SINK_PROTOCOL,
	COPY_COPY_FILE_RANGE_IN_KERNEL,
	COPY_VMSPLICE_TO_USER,
	COPY_ZC_NOTIFIED_COPIED,
	COPY_LOOPBACK,
	COPY_COUNT,
};

/* Why the kernel said: not for these files. */
enum refusal_reason {
	REFUSAL_NONE,
	REFUSAL_SOURCE_CANNOT_SPLICE,
	REFUSAL_SINK_CANNOT_SPLICE,
	REFUSAL_SINK_APPEND,
	REFUSAL_SOURCE_NOT_SEEKABLE,
	REFUSAL_NO_PIPE,
	REFUSAL_NOT_A_PIPE,
	REFUSAL_NOT_REGULAR,
	REFUSAL_CROSS_DEVICE,
	REFUSAL_NOT_SUPPORTED,
	REFUSAL_NO_SYSCALL,
	REFUSAL_ZERO_SIZE_SOURCE,
	REFUSAL_RING_IOPOLL,
	REFUSAL_ZC_NOT_SUPPORTED,
	/* the kernel said EINVAL, and neither file explains it */
	REFUSAL_EINVAL_OTHER,
	REFUSAL_COUNT,
};

/* How a refusal ended: each in exactly one of these ways, or it is still pending. */
enum resolution {
	/* the same files were then moved by another zero-copy call, or refused by it, which then has the
	   pending refusal */
	RESOLUTION_CASCADED,
	/* the source was then read, or the sink written */
	RESOLUTION_CONFIRMED,
	/* nothing else was seen in the time allowed, or it could not be watched */
	RESOLUTION_PRESUMED,
	/* one of the two files was closed, or the thread ended, and nothing had been copied: it gave up */
	RESOLUTION_ABANDONED,
	RESOLUTION_COUNT,
};

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
	/* attempts of `mechanism` that were copied; code is a copy_reason */
	CAUSE_COPIED,
	/* attempts of `mechanism` that were refused; code is a refusal_reason */
	CAUSE_REFUSED,
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
	/* flows: what retired records held; see struct departed_record for processes */
	SLOT_DEPARTED,
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

/*
 * A line that one processor adds to, of counts that many processors add to. Such counts have a set of these,
 * one for each processor: the agent chooses them, and writes the number of their set into their record; 0 for
 * none. What was counted is the sum of the record's own line and of all in its set.
 */
struct shard {
	__u64 words[8];
};
_Static_assert(sizeof(struct shard) == sizeof(struct counts), "a shard holds what a line of counts holds");

struct flow_record {
	struct counts counts;
	struct FlowKey key;
	__u32 state;
	__u32 shards;
	__u8 reserved[44];
};

struct flow6_record {
	struct counts counts;
	struct Flow6Key key;
	__u32 state;
	__u32 shards;
	__u8 reserved[20];
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
_Static_assert(sizeof(struct shard) == sizeof(struct ring_counts), "and what rings count");

/* Refusals of one mechanism by how they ended. Those that are pending: refused minus all of these. */
struct resolutions {
	__u64 refusals[RESOLUTION_COUNT];
};

/*
 * Resolutions stand before the attempts that they belong to: who reads from front to back never sees more
 * refusals resolved than made.
 */
struct process_record {
	struct process_key key;
	/* nanoseconds since boot at which the process exited or went on to another program; 0 while it lives */
	__u64 ended_at;
	/* of the latest fallback, or of a ring that could not be set up; nanoseconds since boot */
	__u64 fell_back_at;
	/* the cgroup at the first attempt: key of `cgroups` */
	__u64 cgroup;
	/*
	 * Bit m: mechanism m fell back and has not moved bytes without a copy since. Bit FALLEN_RINGS: a ring
	 * could not be set up, and none has been since.
	 */
	__u32 fallen;
	__u32 cgroup_hierarchy;
	/* name of the main thread at the first attempt: bytes that the process chose, not text */
	__u8 comm[16];
	/* nanoseconds of CLOCK_MONOTONIC: what is pending since before is of an earlier owner of this slot */
	__u64 claimed_at;
	/* of what rings count, and of each mechanism */
	__u32 ring_shards;
	__u32 shards[MECHANISM_COUNT];
	/* with it, what one mechanism counts is one cache line, and no record shares one with its neighbour */
	__u32 reserved;
	struct ring_counts rings;
	struct resolutions resolutions[MECHANISM_COUNT];
	struct counts mechanisms[MECHANISM_COUNT];
};
#define FALLEN_RINGS 31

/* A control group: kernfs ids are unique within one hierarchy only. */
struct cgroup_key {
	__u64 id;
	/* the number that /proc/PID/cgroup gives it, never that of an earlier one: 0 is the unified one (v2) */
	__u32 hierarchy;
	__u32 reserved;
};

/* The names on the way from a cgroup up to the root, its own first; empty names behind the last one. */
#define CGROUP_NAMES 4
#define CGROUP_NAME_SIZE 96
struct cgroup_names {
	__u8 names[CGROUP_NAMES * CGROUP_NAME_SIZE];
};

/*
 * The file that explains a cause, as it was at the first attempt that ended so: the source if the reason is
 * about that, else the sink. Names are bytes that users chose, not text.
 */
#define CULPRIT_NAMES 4
#define CULPRIT_NAME_SIZE 56
struct culprit {
	/* 1 once all the rest is there; 2 if the names reach the root */
	__u32 described;
	/* of open(2) */
	__u32 flags;
	/* i_mode; 0 for no file at all */
	__u16 mode;
	/* sockets: address family, protocol, type; ports in host order */
	__u16 family;
	__u16 protocol;
	__u16 type;
	__u16 local_port;
	__u16 peer_port;
	__u32 reserved;
	/* IPv4 in the first four bytes */
	__u8 local[16];
	__u8 peer[16];
	/* name of the filesystem's type */
	__u8 filesystem[16];
	/* the file's name, that of its directory, and so on; empty names behind the last one */
	__u8 names[CULPRIT_NAMES * CULPRIT_NAME_SIZE];
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
	struct culprit culprit;
};

/* Places of departed records with a meaning of their own. */
enum departed_place {
	/* takes what finds no place of its own */
	DEPARTED_NAMELESS,
	/* what the reserved records of tables held that these took over from */
	DEPARTED_OVERFLOW,
	DEPARTED_NOBODY,
	DEPARTED_FIRST,
};

/*
 * What the retired records of one workload held. The agent chooses the place and writes the names before
 * `state`; then only programs add to it. Causes of retired processes stand in cause records likewise: `process`
 * of their key is the workload's place.
 */
struct departed_record {
	/* UTF-8: 128 characters, and 15 bytes that may be none, each of which then becomes U+FFFD */
	__u8 unit[384];
	__u8 comm[48];
	__u32 state;
	__u32 reserved;
	struct ring_counts rings;
	struct resolutions resolutions[MECHANISM_COUNT];
	struct counts mechanisms[MECHANISM_COUNT];
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
	/* the same of tables that this one took over from */
	__u64 carried_overflows;
	__u64 reserved[3];
};

/*
 * Requests of rings that asked to be told whether they were copied: what is known of them until their
 * notification. Those of one ring with one user_data are told apart by nothing, and share what they moved.
 */
struct reported_key {
	__u64 ring;
	__u64 user_data;
};
struct reported {
	__u64 bytes;
	/* address of the socket's file */
	__u64 sink;
	__u32 waiting;
	__u32 mechanism;
};

enum event_kind {
	EVENT_NONE,
	/* a process record's ended_at was set */
	EVENT_PROCESS_ENDED,
	/* a refusal is pending and nobody watches what comes next; slot is that of the process */
	EVENT_REFUSAL,
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
	/* likewise of the latest cause */
	__u32 cause_hint;
};

/*
 * A refusal whose outcome for the application is not known yet. Whoever exchanges `at` for 0 owns it and counts
 * it.
 */
struct pending {
	/* nanoseconds of CLOCK_MONOTONIC; 0: this place is free */
	__u64 at;
	/* addresses of the two files, 0 where there is none; only ever compared */
	__u64 source;
	__u64 sink;
	/* their inode numbers: an address is used again at once, and a new socket or pipe has a new number */
	__u64 source_inode;
	__u64 sink_inode;
	/*
	 * what the thread had read and written, in bytes, and a count of changes to its mappings; read: ~0 if
	 * unknown
	 */
	__u64 read;
	__u64 written;
	__u64 mappings;
	__s32 source_fd;
	__s32 sink_fd;
	/* slot of the process record */
	__u32 process;
	__u16 error;
	__u8 mechanism;
	/* the evidence probe has seen all that the thread did since */
	__u8 watched;
};

/* Kept with each thread that was ever refused. Pending refusals of rings are kept with the main thread. */
#define PENDING_PLACES 4
struct thread_state {
	struct pending pendings[PENDING_PLACES];
};

/* Processes with a pending refusal, by tgid modulo their number: tells others apart from them with one load. */
#define PENDING_BUCKETS 1024

/* Durations of one mechanism and outcome: bucket b counts those of 2^b up to 2^(b+1) nanoseconds. */
#define LATENCY_BUCKETS 40
struct latency {
	__u64 buckets[LATENCY_BUCKETS];
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

/* The context of one run of a fold program: a slot that is retired, or an orphan's, and where its counts go. */
struct fold {
	__u32 slot;
	__u32 place;
};

/*
 * Whose turn it is to count, where tables outlive the agent: two generations of the programs are attached while
 * one takes over from the other. This struct is for ever: generations with different tables share it.
 */
struct turn {
	/* the generation that counts; 0 while `from` hands over to `to` */
	__u64 generation;
	__u64 from;
	__u64 to;
	/* enum handover */
	__u64 step;
};

/* See has_turn(). */
enum handover {
	/* `from` counts, and leaves a mark that it has */
	HANDOVER_PREPARE,
	/* `from` counts no more; `to` counts what has no mark */
	HANDOVER_SWITCH,
};

/* JSON that says what these tables are: read by a later agent before it knows their layout. */
#define IDENTITY_CHUNK 4096
struct identity {
	__u8 text[IDENTITY_CHUNK];
};

#endif
