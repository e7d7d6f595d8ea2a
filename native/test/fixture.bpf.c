// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/* The object that the tests of native/ load: for each mechanism of the binding the smallest program
 * or map that shows whether it took effect. */
#include <linux/bpf.h>
#include <stdbool.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

/* Only this thread group counts; replaced by the test before load. */
const volatile __u32 watched_tgid = 0xffffffff;

struct record {
	__u64 words[8];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, struct record);
} records SEC(".maps");

/* A value size that is no multiple of 8: elements lie 16 bytes apart. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 10);
	__uint(value_size, 12);
	__type(key, __u32);
} odd SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} unmapped SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4);
	__uint(key_size, 12);
	__type(value, __u32);
} by_key SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 4);
	__type(value, __u32);
} queue SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} per_cpu SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} events SEC(".maps");

static __always_inline bool watched(void)
{
	return bpf_get_current_pid_tgid() >> 32 == watched_tgid;
}

static __always_inline struct record *record_at(__u32 index)
{
	return bpf_map_lookup_elem(&records, &index);
}

/* Adds one to the first word of record 0 at every geteuid(2) of the watched process. */
SEC("tp/syscalls/sys_enter_geteuid")
int count_classic(void *ctx)
{
	struct record *record = record_at(0);

	if (record && watched())
		__sync_fetch_and_add(&record->words[0], 1);
	return 0;
}

/* As count_classic, at the BTF tracepoint before every system call: all of them, in record 1. */
SEC("tp_btf/sys_enter")
int count_btf(void *ctx)
{
	struct record *record = record_at(1);

	if (record && watched())
		__sync_fetch_and_add(&record->words[0], 1);
	return 0;
}

struct spin {
	__u64 until;
};

static int spin_once(__u64 index, struct spin *spin)
{
	return bpf_ktime_get_ns() > spin->until;
}

/* At getegid(2): marks its begin in record 2, runs for 200 ms, marks its end. */
SEC("tp/syscalls/sys_enter_getegid")
int linger(void *ctx)
{
	struct record *record = record_at(2);
	struct spin spin = { .until = bpf_ktime_get_ns() + 200 * 1000 * 1000 };

	if (!record || !watched())
		return 0;
	__sync_fetch_and_add(&record->words[0], 1);
	bpf_loop(1 << 23, spin_once, &spin, 0);
	__sync_fetch_and_add(&record->words[1], 1);
	return 0;
}

/* There is no such event: loads, and cannot be attached. */
SEC("tp/syscalls/sys_enter_nonesuch")
int nowhere(void *ctx)
{
	return 0;
}

struct emit_context {
	__u64 first; /* in: number of the first event; out: of the one after the last */
	__u32 count;
	__u32 size; /* bytes of each event: 16, or 8 for a malformed one */
};

struct event {
	__u64 number;
	__u64 check;
};

struct emit_state {
	__u64 first;
	__u32 size;
	__u32 lost;
};

static int emit_one(__u64 index, struct emit_state *state)
{
	struct event event = { .number = state->first + index, .check = ~(state->first + index) };
	__u64 size = state->size == sizeof(event) ? sizeof(event) : sizeof(event.number);

	if (bpf_ringbuf_output(&events, &event, size, 0))
		state->lost++;
	return 0;
}

/* Puts `count` events into the ring buffer; returns how many found no room. */
SEC("syscall")
int emit(struct emit_context *context)
{
	struct emit_state state = { .first = context->first, .size = context->size };

	bpf_loop(context->count, emit_one, &state, 0);
	context->first += context->count;
	return state.lost;
}

/* Returns a negative number, as programs do with errno. */
SEC("syscall")
int refuse(void *ctx)
{
	return -22;
}

struct task_struct {
	int tgid;
} __attribute__((preserve_access_index));

struct bpf_iter_meta {
	struct seq_file *seq;
} __attribute__((preserve_access_index));

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
} __attribute__((preserve_access_index));

/* Writes the thread group of every thread there is. */
SEC("iter/task")
int tasks(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	int tgid;

	if (!task)
		return 0;
	tgid = task->tgid;
	bpf_seq_write(ctx->meta->seq, &tgid, sizeof(tgid));
	return 0;
}
