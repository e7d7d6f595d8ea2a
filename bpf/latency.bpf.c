// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/* Durations of attempts, by mechanism and outcome. */
#include "latency.bpf.h"
#include "opcode.bpf.h"
#include "tables.bpf.h"

const volatile __u8 latency_enabled = 0;

/* Where the current call of a thread began; nanoseconds of CLOCK_MONOTONIC, 0 for none. */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u64);
} call_starts SEC(".maps");

/* The same of requests, by the address of their io_kiocb. What never completes goes by age. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, __u64);
} request_starts SEC(".maps");

/* By mechanism, then by outcome. */
struct latencies_map latencies SEC(".maps");

static __always_inline __u32 log2_of(__u64 value)
{
	__u32 result = 0;

#pragma unroll
	for (int shift = 32; shift; shift /= 2) {
		if (value >> shift) {
			value >>= shift;
			result += shift;
		}
	}
	return result;
}

static __always_inline __u64 take_start(const struct attempt *attempt)
{
	/* on our own stack: up to 6.1 a key may not stand in a caller's memory */
	__u64 request = attempt->request;
	__u64 *start, started;

	if (request) {
		start = bpf_map_lookup_elem(&request_starts, &request);
		started = start ? *start : 0;
		if (start)
			bpf_map_delete_elem(&request_starts, &request);
		return started;
	}
	start = bpf_task_storage_get(&call_starts, bpf_get_current_task_btf(), 0, 0);
	started = start ? *start : 0;
	if (start)
		*start = 0;
	return started;
}

__noinline int count_latency(const struct attempt *attempt, __u32 outcome)
{
	struct latency *latency;
	__u64 started;
	__u32 place, bucket;

	if (!attempt || attempt->mechanism >= MECHANISM_COUNT || outcome >= OUTCOME_COUNT)
		return 0;
	started = take_start(attempt);
	if (!started)
		return 0;
	place = attempt->mechanism * OUTCOME_COUNT + outcome;
	bucket = log2_of(bpf_ktime_get_ns() - started);
	latency = bpf_map_lookup_elem(&latencies, &place);
	if (latency)
		ADD(latency->buckets[bucket < LATENCY_BUCKETS ? bucket : LATENCY_BUCKETS - 1], 1);
	return 0;
}

/* The agent attaches it to the entries of the other calls too. */
SEC("tp/syscalls/sys_enter_sendfile64")
int time_call(void *ctx)
{
	__u64 *start = bpf_task_storage_get(&call_starts, bpf_get_current_task_btf(), 0,
					    BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (start)
		*start = bpf_ktime_get_ns();
	return 0;
}

/* Before 6.4 (commit 2ad57931db64) the tracepoint is io_uring_submit_sqe: there requests are not timed. */
SEC("tp/io_uring/io_uring_submit_req")
int time_request(struct trace_event_raw_io_uring_submit_req *ctx)
{
	__u64 request = (__u64)ctx->req, now;

	if (mechanism_of(ctx->opcode) == MECHANISM_COUNT)
		return 0;
	now = bpf_ktime_get_ns();
	bpf_map_update_elem(&request_starts, &request, &now, BPF_ANY);
	return 0;
}
