// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/*
 * sendfile, splice, tee, vmsplice and copy_file_range, judged at their exit. The exit alone suffices: the
 * arguments are still in the saved registers. There are two places for it. The tracepoint at the exit also sees
 * what seccomp denied (seccomp runs before the entry is traced); the return of the kernel's function (fexit)
 * costs other system calls nothing. The agent loads the programs of one or of the other.
 */
#include "attempt.bpf.h"
#include "claim.bpf.h"
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

static __always_inline struct call call_of(int number, struct pt_regs *regs)
{
	struct call call = { .mechanism = MECHANISM_COUNT };
	int first = SYSCALL_ARG1(regs);

	switch (number) {
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

/* All that is to be known of a call that is not ordinary. */
static __always_inline int judge(int number, __s64 result)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct attempt attempt = { .result = result };
	struct process_state *state;
	struct call call;
	__u32 process;

	if (!process_of(task, &state, &process))
		return 0;
	call = call_of(number, (struct pt_regs *)bpf_task_pt_regs(task));
	attempt.source = file_of(task, call.source);
	attempt.sink = file_of(task, call.sink);
	attempt.source_fd = call.source;
	attempt.sink_fd = call.sink;
	attempt.mechanism = call.mechanism;
	return count_verdict(&attempt, process, state, classify(&attempt));
}

/*
 * It begins anew: what the caller kept for it would take the caller's stack to 64 bytes, from which on the
 * kernel keeps stacks elsewhere (6.12 and newer) and every call costs more.
 */
static __noinline int judge_exit(struct trace_event_raw_sys_exit *ctx)
{
	/* perf_call_bpf_exit() fills in an int */
	return judge((int)ctx->id, ctx->ret);
}

static __noinline int judge_return(int number, __s64 result)
{
	return judge(number, result);
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
	/* of these two calls only their own threads add to the record */
	if (likely(FIELD(task->signal, nr_threads) == 1))
		add_moved_alone(&record->mechanisms[mechanism], bytes);
	else
		add_moved(line_of(&record->mechanisms[mechanism], &record->shards[mechanism]), bytes);
	recover(record, mechanism);
	if (likely(flow))
		add_moved(line_of(&flow->counts, &flow->shards), bytes);
	else
		count_flow(sk, state, OUTCOME_ZEROCOPY, bytes);
	return 1;
}

/*
 * Counts the current thread's call if it is an ordinary one, by little code. False if it is to be judged; not
 * so if it is not to be counted at all.
 */
static __always_inline int is_done(struct task_struct *task, int number, __s64 result)
{
	struct process_record *record;
	struct process_state *state;
	struct pt_regs *regs;
	struct file **files;

	if (unlikely(!has_turn(TURN_OF_CALL)))
		return 1;
	if (unlikely(before_6_5() || result <= 0 || latency_enabled || has_pending(task)))
		return 0;
	record = known_process_of(task, &state);
	if (unlikely(!record))
		return 0;
	regs = OBJECT(struct pt_regs, (__u64)task->stack + registers_on_stack);
	/* not by TASK_POINTER: one such load may take its time at load, to be a plain one here */
	files = task->files->fdt->fd;
	/* not by call_of(): what it returns would not stay in registers */
	if (likely(number == NR_SENDFILE))
		return count_ordinary(task, record, state, MECHANISM_SENDFILE,
				      used_file(files, SYSCALL_ARG2(regs)),
				      used_file(files, SYSCALL_ARG1(regs)), result);
	if (number == NR_SPLICE)
		return count_ordinary(task, record, state, MECHANISM_SPLICE,
				      used_file(files, SYSCALL_ARG1(regs)),
				      used_file(files, SYSCALL_ARG3(regs)), result);
	return 0;
}

/*
 * One program for all five: what is out of the ordinary is then verified once, not five times, which is most of
 * the time that loading takes. The agent attaches it to the exits of the others too.
 */
SEC("tp/syscalls/sys_exit_sendfile64")
int attempt_exit(struct trace_event_raw_sys_exit *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if (is_claimed(task))
		return 0;
	return likely(is_done(task, ctx->id, ctx->ret)) ? 0 : judge_exit(ctx);
}

static __always_inline int attempt_returned(int number, __s64 result)
{
	struct task_struct *task = bpf_get_current_task_btf();

	/* on arm64 the calls of 32-bit programs come this way too, which no tracepoint shows */
	if (IS_COMPAT(task) || likely(is_done(task, number, result)))
		return 0;
	return judge_return(number, result);
}

/* One program for all five as well. */
RETURN_OF_SYSCALL(sendfile64, attempt_return)
{
	struct task_struct *task = bpf_get_current_task_btf();
	int number = claim_call(task);

	if (number < 0 || likely(is_done(task, number, RETURN_VALUE(ctx))))
		return 0;
	return judge_return(number, RETURN_VALUE(ctx));
}

/* One program each: fexit is bound to its function when it is loaded. */
FEXIT_SYSCALL(sendfile64, sendfile_fexit)
{
	return attempt_returned(NR_SENDFILE, FEXIT_RESULT(ctx));
}

FEXIT_SYSCALL(splice, splice_fexit)
{
	return attempt_returned(NR_SPLICE, FEXIT_RESULT(ctx));
}

FEXIT_SYSCALL(tee, tee_fexit)
{
	return attempt_returned(NR_TEE, FEXIT_RESULT(ctx));
}

FEXIT_SYSCALL(vmsplice, vmsplice_fexit)
{
	return attempt_returned(NR_VMSPLICE, FEXIT_RESULT(ctx));
}

FEXIT_SYSCALL(copy_file_range, copy_file_range_fexit)
{
	return attempt_returned(NR_COPY_FILE_RANGE, FEXIT_RESULT(ctx));
}
