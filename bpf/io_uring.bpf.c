// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/*
 * Rings: setup, enter, completions. Through the classic tracepoints: their records kept their layout while the
 * arguments of the raw ones changed (6.1, 6.16), and the wrong prototype would load and read nonsense.
 */
#include "attempt.bpf.h"
#include "claim.bpf.h"
#include "file.bpf.h"
#include "opcode.bpf.h"
#include "pending.bpf.h"
#include "turn.bpf.h"

/* include/uapi/linux/io_uring.h */
#define SPLICE_F_FD_IN_FIXED (1U << 31)
#define IORING_SEND_ZC_REPORT_USAGE (1U << 3)
#define IORING_CQE_F_MORE (1U << 1)
#define IORING_CQE_F_NOTIF (1U << 3)
#define IORING_NOTIF_USAGE_ZC_COPIED (1U << 31)

/* The tgid of who made the request; workers and SQPOLL threads share it (create_io_thread(), 5.12). */
static __always_inline int owner_of(const void *req)
{
	const void *task;

	if (bpf_core_field_exists(((struct io_kiocb *)0)->tctx)) {
		const void *tctx = KERNEL_READ(struct io_kiocb, req, tctx);

		task = KERNEL_READ(struct io_uring_task, tctx, task);
	} else {
		bpf_core_read(&task, sizeof(task), &((struct io_kiocb___before_6_13 *)req)->task);
	}
	return KERNEL_READ(struct task_struct, task, tgid);
}

/*
 * The record of the process that made the request. It runs here itself, or one of its threads does: all but
 * requests that outlive it, which a kernel worker completes.
 */
static __always_inline struct process_record *process_of_request(const void *req, struct task_struct *task,
								 struct process_state **state, __u32 *process)
{
	if (owner_of(req) == task->tgid)
		return process_of(task, state, process);
	*state = NULL;
	*process = SLOT_NOBODY;
	return tracked_only ? NULL : bpf_map_lookup_elem(&processes, process);
}

/* Opcodes that an application would use instead: 1 if they read, 2 if they write, 0 for the others. */
static __always_inline __u32 evidence_of_opcode(__u8 opcode)
{
	switch (opcode) {
	case 1:	 /* READV */
	case 4:	 /* READ_FIXED */
	case 10: /* RECVMSG */
	case 22: /* READ */
	case 27: /* RECV */
		return 1;
	case 2:	 /* WRITEV */
	case 5:	 /* WRITE_FIXED */
	case 9:	 /* SENDMSG */
	case 23: /* WRITE */
	case 26: /* SEND */
		return 2;
	}
	return 0;
}

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct reported_key);
	__type(value, struct reported);
} reported_requests SEC(".maps");

/*
 * Puts a request off until its notification; false if there is no room. The kernel posts the completions of a
 * ring one after the other, so nobody else is at this entry.
 */
static __always_inline int await_report(const void *ring, __u64 user_data, const struct attempt *attempt)
{
	struct reported_key key = { .ring = (__u64)ring, .user_data = user_data };
	struct reported *known = bpf_map_lookup_elem(&reported_requests, &key);
	struct reported first = {
		.bytes = attempt->result,
		.sink = attempt->sink,
		.waiting = 1,
		.mechanism = attempt->mechanism,
	};

	if (!known)
		return !(int)bpf_map_update_elem(&reported_requests, &key, &first, BPF_ANY);
	known->bytes += attempt->result;
	known->waiting++;
	return 1;
}

/* The kernel has let go of the pages of a request, and says whether it had copied them. */
static __always_inline int report_arrived(const void *ring, __u64 user_data, const void *req, __u32 usage)
{
	struct reported_key key = { .ring = (__u64)ring, .user_data = user_data };
	struct reported *known = bpf_map_lookup_elem(&reported_requests, &key);
	struct task_struct *task = bpf_get_current_task_btf();
	struct attempt attempt = {
		.source_fd = -1,
		.sink_fd = -1,
	};
	struct process_state *state;
	__u32 process, waiting;

	/* of a request that did not ask */
	if (!known)
		return 0;
	waiting = known->waiting;
	attempt.request = (__u64)req;
	attempt.mechanism = known->mechanism;
	attempt.sink = known->sink;
	attempt.result = waiting > 1 ? known->bytes / waiting : known->bytes;
	if (waiting > 1) {
		known->bytes -= attempt.result;
		known->waiting = waiting - 1;
	} else {
		bpf_map_delete_elem(&reported_requests, &key);
	}
	if (process_of_request(req, task, &state, &process))
		count_verdict(&attempt, process, state,
			      verdict_of_reason(usage & IORING_NOTIF_USAGE_ZC_COPIED ? COPY_ZC_NOTIFIED_COPIED
										     : COPY_NONE));
	return 0;
}

/* The other end of a splice is known by its descriptor only, or by its number among the ring's own files. */
static __always_inline int source_fd_of(const void *req)
{
	if (KERNEL_READ(struct io_splice, req, flags) & SPLICE_F_FD_IN_FIXED)
		return -1;
	return KERNEL_READ(struct io_splice, req, splice_fd_in);
}

static __always_inline int asked_for_report(const void *req)
{
	return KERNEL_READ(struct io_sr_msg, req, flags) & IORING_SEND_ZC_REPORT_USAGE;
}

/* A request of a zero-copy opcode returned. */
SEC("tp/io_uring/io_uring_complete")
int io_uring_completion(struct trace_event_raw_io_uring_complete *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	const void *req = ctx->req;
	struct attempt attempt = {
		.source_fd = -1,
		.sink_fd = -1,
	};
	struct process_state *state;
	enum mechanism mechanism;
	__u32 process;
	__u8 opcode;

	/* completions that belong to no request: messages between rings, later shots of a multishot */
	if (!req || !has_turn(TURN_OF_COMPLETION))
		return 0;
	if (ctx->cflags & IORING_CQE_F_NOTIF)
		return report_arrived(ctx->ctx, ctx->user_data, req, ctx->res);
	opcode = KERNEL_READ(struct io_kiocb, req, opcode);
	mechanism = mechanism_of(opcode);
	if (mechanism == MECHANISM_COUNT) {
		if (has_pending(task) && ctx->res > 0 && evidence_of_opcode(opcode))
			settle_request(KERNEL_READ_ADDRESS(struct io_kiocb, req, file),
				       evidence_of_opcode(opcode) == 2);
		return 0;
	}
	if (!process_of_request(req, task, &state, &process))
		return 0;
	/* SPLICE and TEE keep their sink here, SEND_ZC and RECV_ZC their socket */
	attempt.sink = KERNEL_READ_ADDRESS(struct io_kiocb, req, file);
	attempt.request = (__u64)req;
	attempt.result = ctx->res;
	attempt.mechanism = mechanism;
	if (mechanism == MECHANISM_IO_URING_SPLICE || mechanism == MECHANISM_IO_URING_TEE) {
		/* refused before its files were looked up: what stands there is of another request */
		if (attempt.sink)
			attempt.source_fd = source_fd_of(req);
		attempt.source = file_of(task, attempt.source_fd);
	} else if (mechanism != MECHANISM_IO_URING_RECV_ZC && (ctx->cflags & IORING_CQE_F_MORE) &&
		   ctx->res > 0 && asked_for_report(req) && await_report(ctx->ctx, ctx->user_data, &attempt)) {
		return 0;
	}
	count_verdict(&attempt, process, state, classify(&attempt));
	return 0;
}

/* A zero-copy request was handed to a worker: the norm for SPLICE and TEE, a degradation for SEND_ZC. */
SEC("tp/io_uring/io_uring_queue_async_work")
int io_uring_async_work(struct trace_event_raw_io_uring_queue_async_work *ctx)
{
	enum mechanism mechanism = mechanism_of(ctx->opcode);
	struct process_state *state;
	__u32 process;

	if (mechanism == MECHANISM_COUNT || !has_turn(TURN_OF_ASYNC_WORK))
		return 0;
	if (process_of_request(ctx->req, bpf_get_current_task_btf(), &state, &process))
		count_cause(cause_words(process, CAUSE_ASYNC_WORK, mechanism, 0), NULL, NULL);
	return 0;
}

/* A completion found its queue full. From 6.1 on such a one is not seen by io_uring_completion. */
SEC("tp/io_uring/io_uring_cqe_overflow")
int io_uring_overflow(struct trace_event_raw_io_uring_cqe_overflow *ctx)
{
	struct process_record *record;
	struct process_state *state;
	__u32 process;

	if (!has_turn(TURN_OF_CQ_OVERFLOW))
		return 0;
	record = process_of(bpf_get_current_task_btf(), &state, &process);
	if (record)
		ADD(record->rings.cq_overflows, 1);
	return 0;
}

/* Out of line: three programs would have it. */
static __noinline struct ring_counts *shard_of_rings(struct process_record *record)
{
	return line_of(&record->rings, &record->ring_shards);
}

static __always_inline int enter_returned(__s64 result)
{
	struct process_record *record;
	struct ring_counts *rings;
	struct process_state *state;
	__u32 process;

	if (!has_turn(TURN_OF_ENTER))
		return 0;
	record = process_of(bpf_get_current_task_btf(), &state, &process);
	if (!record)
		return 0;
	rings = shard_mask ? shard_of_rings(record) : &record->rings;
	ADD(rings->enters, 1);
	if (result < 0)
		count_cause(cause_words(process, CAUSE_ENTER_ERRNO, 0, errno_of(result)), NULL, NULL);
	else if (result)
		ADD(rings->submitted, result);
	return 0;
}

SEC("tp/syscalls/sys_exit_io_uring_enter")
int io_uring_enter_exit(struct trace_event_raw_sys_exit *ctx)
{
	return is_claimed(bpf_get_current_task_btf()) ? 0 : enter_returned(ctx->ret);
}

RETURN_OF_SYSCALL(io_uring_enter, io_uring_enter_return)
{
	return claim_call(bpf_get_current_task_btf()) < 0 ? 0 : enter_returned(RETURN_VALUE(ctx));
}

FEXIT_SYSCALL(io_uring_enter, enter_fexit)
{
	return IS_COMPAT(bpf_get_current_task_btf()) ? 0 : enter_returned(FEXIT_RESULT(ctx));
}

static __always_inline int setup_returned(__s64 result)
{
	struct process_record *record;
	struct process_state *state;
	__u32 process;

	if (!has_turn(TURN_OF_SETUP))
		return 0;
	record = process_of(bpf_get_current_task_btf(), &state, &process);
	if (!record)
		return 0;
	if (result < 0) {
		count_cause(cause_words(process, CAUSE_SETUP_ERRNO, 0, errno_of(result)), NULL, NULL);
		__sync_fetch_and_or(&record->fallen, 1U << FALLEN_RINGS);
		WRITE_ONCE(record->fell_back_at, bpf_ktime_get_boot_ns());
		return 0;
	}
	ADD(record->rings.setups, 1);
	if (READ_ONCE(record->fallen) & 1U << FALLEN_RINGS)
		__sync_fetch_and_and(&record->fallen, ~(1U << FALLEN_RINGS));
	return 0;
}

SEC("tp/syscalls/sys_exit_io_uring_setup")
int io_uring_setup_exit(struct trace_event_raw_sys_exit *ctx)
{
	return is_claimed(bpf_get_current_task_btf()) ? 0 : setup_returned(ctx->ret);
}

RETURN_OF_SYSCALL(io_uring_setup, io_uring_setup_return)
{
	return claim_call(bpf_get_current_task_btf()) < 0 ? 0 : setup_returned(RETURN_VALUE(ctx));
}

FEXIT_SYSCALL(io_uring_setup, setup_fexit)
{
	return IS_COMPAT(bpf_get_current_task_btf()) ? 0 : setup_returned(FEXIT_RESULT(ctx));
}
