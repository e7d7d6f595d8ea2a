// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/*
 * sendfile, splice, tee, vmsplice and copy_file_range, judged at their exit. The exit alone suffices (the
 * arguments are still in the saved registers) and it alone also sees what seccomp denied: seccomp runs before
 * the entry is traced.
 */
#include "attempt.bpf.h"
#include "copies.bpf.h"
#include "flow.bpf.h"
#include "latency.bpf.h"
#include "pending.bpf.h"
#include "turn.bpf.h"

/* Which call it was, and where it moved what; -1 where the mechanism has no such file. */
struct call {
	enum mechanism mechanism;
	int source;
	int sink;
};

static __always_inline struct call call_of(struct trace_event_raw_sys_exit *ctx, struct pt_regs *regs)
{
	struct call call = { .mechanism = MECHANISM_COUNT };
	int first = SYSCALL_ARG1(regs);

	/* perf_call_bpf_exit() fills in an int */
	switch ((int)ctx->id) {
	case NR_SENDFILE:
		call = (struct call){ MECHANISM_SENDFILE, .source = SYSCALL_ARG2(regs), .sink = first };
		break;
	case NR_SPLICE:
		call = (struct call){ MECHANISM_SPLICE, .source = first, .sink = SYSCALL_ARG3(regs) };
		break;
	case NR_TEE:
		call = (struct call){ MECHANISM_TEE, .source = first, .sink = SYSCALL_ARG2(regs) };
		break;
	case NR_VMSPLICE:
		/* its one descriptor should be a pipe; a socket there is refused, and shown with its flow */
		call = (struct call){ MECHANISM_VMSPLICE, .source = -1, .sink = first };
		break;
	case NR_COPY_FILE_RANGE:
		call = (struct call){ MECHANISM_COPY_FILE_RANGE, .source = first, .sink = SYSCALL_ARG3(regs) };
		break;
	}
	return call;
}

/*
 * All that is to be known of a call that is not ordinary. It begins anew: what the caller kept for it would
 * take the caller's stack to 64 bytes, from which on the kernel keeps stacks elsewhere (6.12 and newer) and
 * every call costs more.
 */
static __noinline int judge(struct trace_event_raw_sys_exit *ctx)
{
	struct process_state *state;
	__u32 process;
	struct task_struct *task = bpf_get_current_task_btf();
	struct call call = call_of(ctx, (struct pt_regs *)bpf_task_pt_regs(task));
	struct attempt attempt = {
		.source = file_of(task, call.source),
		.sink = file_of(task, call.sink),
		.result = ctx->ret,
		.source_fd = call.source,
		.sink_fd = call.sink,
		.mechanism = call.mechanism,
	};

	if (!process_of(task, &state, &process))
		return 0;
	return count_verdict(&attempt, process, state, classify(&attempt));
}

/* The file of a descriptor that a call has just used: it is within the table, for those never shrink. */
static __always_inline struct file *used_file(struct file **files, __u32 fd)
{
	return FIELD(OBJECT(struct poll_table_entry, (__u64)files + fd * sizeof(void *)), filp);
}

/*
 * Sends a file, or what is in a pipe, over TCP: the way of nearly all, with as few loads as tell that nothing
 * was copied. False if that cannot be told from them: then nothing was counted. What it takes for granted was
 * learned from calls that were judged in full.
 */
static __always_inline int count_ordinary(struct task_struct *task, struct process_record *record,
					  struct process_state *state, enum mechanism mechanism,
					  struct file *source, struct file *sink, __u64 bytes)
{
	__u64 protocol, addresses;
	struct flow_record *flow = NULL;
	struct FlowKey key = {};
	struct sock *sk;

	/* no call takes a socket on both ends */
	if (unlikely((__u64)FIELD(sink, f_op) != socket_file_ops ||
		     (__u64)FIELD(FIELD(source, f_op), splice_read) == copy_splice_read ||
		     FIELD(FIELD(source, f_inode), i_flags) & S_DAX))
		return 0;
	sk = sock_of(sink);
	protocol = (__u64)FIELD(sk, __sk_common.skc_prot);
	if (unlikely((protocol != plain_tcp && protocol != plain_tcp6) || why_tcp_copies(sk)))
		return 0;
	/* all atomic additions at the end: each waits for everything before it */
	if (likely(protocol == plain_tcp)) {
		addresses = FIELD(sk, __sk_common.skc_addrpair);
		key.src_ip = LOCAL_OF(addresses);
		key.dst_ip = PEER_OF(addresses);
		key.proto = IPPROTO_TCP;
		flow = latest_flow(&key, state);
	}
	/* of these two calls only their own threads add to the record, unless it is one that processes share */
	if (likely(FIELD(task->signal, nr_threads) == 1 && record->key.tgid))
		add_moved_alone(&record->mechanisms[mechanism], bytes);
	else
		add_moved(&record->mechanisms[mechanism], bytes);
	recover(record, mechanism);
	if (likely(flow))
		add_moved(&flow->counts, bytes);
	else
		count_flow(sk, state, OUTCOME_ZEROCOPY, bytes);
	return 1;
}

/*
 * One program for all five: what is out of the ordinary is then verified once, not five times, which is most of
 * the time that loading takes. The agent attaches it to the exits of the others too.
 */
SEC("tp/syscalls/sys_exit_sendfile64")
int attempt_exit(struct trace_event_raw_sys_exit *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct process_record *record;
	struct process_state *state;
	__u32 process;

	if (unlikely(!has_turn(TURN_OF_CALL)))
		return 0;
	record = process_of(task, &state, &process);
	if (unlikely(!record))
		return 0;
	if (likely(!before_6_5() && ctx->ret > 0 && !latency_enabled && !has_pending(task))) {
		struct pt_regs *regs = OBJECT(struct pt_regs, (__u64)task->stack + registers_on_stack);
		/* not by TASK_POINTER: one such load may take its time at load, to be a plain one here */
		struct file **files = task->files->fdt->fd;
		int number = ctx->id;

		/* not by call_of(): what it returns would not stay in registers */
		if (likely(number == NR_SENDFILE)) {
			if (likely(count_ordinary(task, record, state, MECHANISM_SENDFILE,
						  used_file(files, SYSCALL_ARG2(regs)),
						  used_file(files, SYSCALL_ARG1(regs)), ctx->ret)))
				return 0;
		} else if (number == NR_SPLICE) {
			if (count_ordinary(task, record, state, MECHANISM_SPLICE,
					   used_file(files, SYSCALL_ARG1(regs)),
					   used_file(files, SYSCALL_ARG3(regs)), ctx->ret))
				return 0;
		}
	}
	return judge(ctx);
}
