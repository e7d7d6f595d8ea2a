// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/*
 * Rings: setup, enter, completions. Through the classic tracepoints: their records kept their layout while the
 * arguments of the raw ones changed (6.1, 6.16), and the wrong prototype would load and read nonsense.
 */
#include "attempt.bpf.h"

/* include/uapi/linux/io_uring.h */
#define IORING_OP_SPLICE 30
#define IORING_OP_TEE 33
#define IORING_OP_SEND_ZC 47
#define IORING_OP_SENDMSG_ZC 48
#define IORING_OP_RECV_ZC 58

/* The mechanism of a zero-copy opcode; MECHANISM_COUNT for the others. */
static __always_inline enum mechanism mechanism_of(__u8 opcode)
{
	switch (opcode) {
	case IORING_OP_SPLICE:
		return MECHANISM_IO_URING_SPLICE;
	case IORING_OP_TEE:
		return MECHANISM_IO_URING_TEE;
	case IORING_OP_SEND_ZC:
		return MECHANISM_IO_URING_SEND_ZC;
	case IORING_OP_SENDMSG_ZC:
		return MECHANISM_IO_URING_SENDMSG_ZC;
	case IORING_OP_RECV_ZC:
		return MECHANISM_IO_URING_RECV_ZC;
	default:
		return MECHANISM_COUNT;
	}
}

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
 * The slot of the process that made the request. It runs here itself, or one of its threads does: all but
 * requests that outlive it, which a kernel worker completes.
 */
static __always_inline __u32 process_of_request(const void *req, struct task_struct *task,
						struct process_state **state)
{
	if (owner_of(req) == task->tgid)
		return process_of(task, state);
	*state = NULL;
	return tracked_only ? SLOT_UNCOUNTED : SLOT_NOBODY;
}

/* A request of a zero-copy opcode returned. Notifications (the buffer is free again) have opcode NOP. */
SEC("tp/io_uring/io_uring_complete")
int io_uring_completion(struct trace_event_raw_io_uring_complete *ctx)
{
	const void *req = ctx->req;
	struct task_struct *task;
	struct process_state *state;
	enum mechanism mechanism;
	__u32 process;

	/* completions that belong to no request: messages between rings, later shots of a multishot */
	if (!req)
		return 0;
	mechanism = mechanism_of(KERNEL_READ(struct io_kiocb, req, opcode));
	if (mechanism == MECHANISM_COUNT)
		return 0;
	task = bpf_get_current_task_btf();
	process = process_of_request(req, task, &state);
	if (process != SLOT_UNCOUNTED)
		/* SPLICE and TEE keep their sink here, SEND_ZC and RECV_ZC their socket */
		count_attempt(process, state, mechanism, ctx->res,
			      KERNEL_READ_ADDRESS(struct io_kiocb, req, file), 0);
	return 0;
}

/* A zero-copy request was handed to a worker: the norm for SPLICE and TEE, a degradation for SEND_ZC. */
SEC("tp/io_uring/io_uring_queue_async_work")
int io_uring_async_work(struct trace_event_raw_io_uring_queue_async_work *ctx)
{
	enum mechanism mechanism = mechanism_of(ctx->opcode);
	struct process_state *state;
	__u32 process;

	if (mechanism == MECHANISM_COUNT)
		return 0;
	process = process_of_request(ctx->req, bpf_get_current_task_btf(), &state);
	if (process != SLOT_UNCOUNTED)
		count_cause(process, CAUSE_ASYNC_WORK, mechanism, 0);
	return 0;
}

/* A completion found its queue full. From 6.1 on such a one is not seen by io_uring_completion. */
SEC("tp/io_uring/io_uring_cqe_overflow")
int io_uring_overflow(void *ctx)
{
	struct process_state *state;
	__u32 process = process_of(bpf_get_current_task_btf(), &state);
	struct process_record *record = bpf_map_lookup_elem(&processes, &process);

	if (record)
		ADD(record->rings.cq_overflows, 1);
	return 0;
}

SEC("tp/syscalls/sys_exit_io_uring_enter")
int io_uring_enter_exit(struct trace_event_raw_sys_exit *ctx)
{
	struct process_state *state;
	__u32 process = process_of(bpf_get_current_task_btf(), &state);
	struct process_record *record = bpf_map_lookup_elem(&processes, &process);

	if (!record)
		return 0;
	ADD(record->rings.enters, 1);
	if (ctx->ret < 0)
		count_cause(process, CAUSE_ENTER_ERRNO, 0, errno_of(ctx->ret));
	else if (ctx->ret)
		ADD(record->rings.submitted, ctx->ret);
	return 0;
}

SEC("tp/syscalls/sys_exit_io_uring_setup")
int io_uring_setup_exit(struct trace_event_raw_sys_exit *ctx)
{
	struct process_state *state;
	__u32 process = process_of(bpf_get_current_task_btf(), &state);
	struct process_record *record = bpf_map_lookup_elem(&processes, &process);

	if (!record)
		return 0;
	if (ctx->ret < 0)
		count_cause(process, CAUSE_SETUP_ERRNO, 0, errno_of(ctx->ret));
	else
		ADD(record->rings.setups, 1);
	return 0;
}
