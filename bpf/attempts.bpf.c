// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/*
 * sendfile, splice, tee, vmsplice and copy_file_range, judged at their exit. The exit alone suffices (the
 * arguments are still in the saved registers) and it alone also sees what seccomp denied: seccomp runs before
 * the entry is traced.
 */
#include "attempt.bpf.h"

/* `sink` and `source` are descriptors of the call; -1 where the mechanism has no such file. */
static __always_inline int system_call_exit(struct task_struct *task, enum mechanism mechanism, long result,
					    int sink, int source)
{
	struct process_state *state;
	__u32 process = process_of(task, &state);
	struct attempt attempt = {
		.result = result,
		.source_fd = source,
		.sink_fd = sink,
		.mechanism = mechanism,
	};

	if (process == SLOT_UNCOUNTED)
		return 0;
	attempt.source = file_of(task, source);
	attempt.sink = file_of(task, sink);
	count_attempt(task, process, state, &attempt);
	return 0;
}

static __always_inline struct pt_regs *arguments_of(struct task_struct *task)
{
	return (struct pt_regs *)bpf_task_pt_regs(task);
}

SEC("tp/syscalls/sys_exit_sendfile64")
int sendfile_exit(struct trace_event_raw_sys_exit *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct pt_regs *regs = arguments_of(task);

	return system_call_exit(task, MECHANISM_SENDFILE, ctx->ret, SYSCALL_ARG1(regs), SYSCALL_ARG2(regs));
}

SEC("tp/syscalls/sys_exit_splice")
int splice_exit(struct trace_event_raw_sys_exit *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct pt_regs *regs = arguments_of(task);

	return system_call_exit(task, MECHANISM_SPLICE, ctx->ret, SYSCALL_ARG3(regs), SYSCALL_ARG1(regs));
}

SEC("tp/syscalls/sys_exit_tee")
int tee_exit(struct trace_event_raw_sys_exit *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct pt_regs *regs = arguments_of(task);

	return system_call_exit(task, MECHANISM_TEE, ctx->ret, SYSCALL_ARG2(regs), SYSCALL_ARG1(regs));
}

SEC("tp/syscalls/sys_exit_vmsplice")
int vmsplice_exit(struct trace_event_raw_sys_exit *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();

	/* its one descriptor should be a pipe; a socket there is refused, and shown with its flow */
	return system_call_exit(task, MECHANISM_VMSPLICE, ctx->ret, SYSCALL_ARG1(arguments_of(task)), -1);
}

SEC("tp/syscalls/sys_exit_copy_file_range")
int copy_file_range_exit(struct trace_event_raw_sys_exit *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct pt_regs *regs = arguments_of(task);

	return system_call_exit(task, MECHANISM_COPY_FILE_RANGE, ctx->ret, SYSCALL_ARG3(regs),
				SYSCALL_ARG1(regs));
}
