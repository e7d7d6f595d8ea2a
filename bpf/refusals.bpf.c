// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/* Attempts that returned an error: does the kernel mean "use other means", and which file explains it? */
#include "classify.bpf.h"
#include "file.bpf.h"

/* include/linux/splice.h; SPLICE_F_FD_IN_FIXED is io_uring's own */
#define SPLICE_F_ALL 0xf
#define SPLICE_F_FD_IN_FIXED (1U << 31)
/* include/linux/fs.h, 6.16 and newer: such inodes are regular files inside the kernel, and nowhere else */
#define S_ANON_INODE (1 << 19)
#define IORING_SETUP_IOPOLL 1

#define REFUSED(reason) VERDICT(OUTCOME_REFUSED, (reason))
#define FAILED VERDICT(OUTCOME_FAILED, 0)
#define DENIED VERDICT(OUTCOME_DENIED, 0)

static __always_inline struct pt_regs *arguments(void)
{
	return (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
}

static __always_inline int is_pipe(__u64 file)
{
	return type_of(file) == S_IFIFO;
}

/* Would rw_verify_area() take this offset, given by the caller, with this length? */
static __noinline int is_bad_range(unsigned long address, __u64 length)
{
	__s64 offset = 0;

	if ((__s64)length < 0)
		return 1;
	if (address && (int)bpf_probe_read_user(&offset, sizeof(offset), (const void *)address))
		return 0;
	return offset < 0 || (__s64)(offset + length) < 0;
}

static __noinline __u32 why_source_refuses(__u64 source)
{
	return OPERATION_OF(source, splice_read) ? REFUSAL_NONE : REFUSAL_SOURCE_CANNOT_SPLICE;
}

static __noinline __u32 why_sink_refuses(__u64 sink)
{
	if (!OPERATION_OF(sink, splice_write))
		return REFUSAL_SINK_CANNOT_SPLICE;
	return flags_of(sink) & O_APPEND ? REFUSAL_SINK_APPEND : REFUSAL_NONE;
}

static __noinline __u32 sendfile_einval(const struct attempt *attempt)
{
	struct pt_regs *regs = arguments();
	__u32 reason;

	if (is_bad_range(SYSCALL_ARG3(regs), SYSCALL_ARG4(regs)))
		return FAILED;
	reason = why_source_refuses(attempt->source);
	if (reason)
		return REFUSED(reason);
	if (!is_pipe(attempt->sink)) {
		reason = why_sink_refuses(attempt->sink);
		if (reason)
			return REFUSED(reason);
		/* splice_direct_to_actor(), 6.0 and newer; before: neither a regular file nor a block device */
		if (!(mode_of(attempt->source) & FMODE_LSEEK))
			return REFUSED(REFUSAL_SOURCE_NOT_SEEKABLE);
	}
	return REFUSED(REFUSAL_EINVAL_OTHER);
}

/* One end is a pipe, or none is: what of the files alone explains that a splice is refused. */
static __noinline __u32 splice_reason(__u64 source, __u64 sink)
{
	__u32 reason = REFUSAL_NONE;

	if (!is_pipe(source) && !is_pipe(sink))
		return REFUSAL_NO_PIPE;
	if (!is_pipe(source))
		reason = why_source_refuses(source);
	else if (!is_pipe(sink))
		reason = why_sink_refuses(sink);
	return reason ? reason : REFUSAL_EINVAL_OTHER;
}

static __noinline __u32 splice_einval(const struct attempt *attempt)
{
	struct pt_regs *regs = arguments();
	unsigned long source_offset = SYSCALL_ARG2(regs), sink_offset = SYSCALL_ARG4(regs);
	__u64 length = SYSCALL_ARG5(regs);
	int source_is_pipe = is_pipe(attempt->source), sink_is_pipe = is_pipe(attempt->sink);

	if (SYSCALL_ARG6(regs) & ~SPLICE_F_ALL)
		return FAILED;
	/* the same pipe on both ends: nothing else about two pipes is refused */
	if (source_is_pipe && sink_is_pipe)
		return FAILED;
	/* do_splice() looks at the offset of the end that is no pipe */
	if (sink_is_pipe && source_offset &&
	    (!(mode_of(attempt->source) & FMODE_PREAD) || is_bad_range(source_offset, length)))
		return FAILED;
	if (source_is_pipe && sink_offset &&
	    (!(mode_of(attempt->sink) & FMODE_PWRITE) || is_bad_range(sink_offset, length)))
		return FAILED;
	return REFUSED(splice_reason(attempt->source, attempt->sink));
}

static __noinline __u32 tee_einval(const struct attempt *attempt)
{
	if (!attempt->request && (SYSCALL_ARG4(arguments()) & ~SPLICE_F_ALL))
		return FAILED;
	return is_pipe(attempt->source) && is_pipe(attempt->sink) ? FAILED : REFUSED(REFUSAL_NOT_A_PIPE);
}

static __always_inline int is_regular(__u64 file)
{
	const void *inode = inode_of(file);

	return type_of_inode(inode) == S_IFREG && !(KERNEL_READ(struct inode, inode, i_flags) & S_ANON_INODE);
}

static __noinline __u32 copy_file_range_einval(const struct attempt *attempt)
{
	struct pt_regs *regs = arguments();

	if (SYSCALL_ARG6(regs))
		return FAILED;
	if (!is_regular(attempt->source) || !is_regular(attempt->sink))
		return REFUSED(REFUSAL_NOT_REGULAR);
	/* ranges of one file that overlap */
	if ((__u64)inode_of(attempt->source) == (__u64)inode_of(attempt->sink))
		return FAILED;
	if (is_bad_range(SYSCALL_ARG2(regs), SYSCALL_ARG5(regs)) ||
	    is_bad_range(SYSCALL_ARG4(regs), SYSCALL_ARG5(regs)))
		return FAILED;
	return REFUSED(REFUSAL_EINVAL_OTHER);
}

static __noinline __u32 ring_einval(const struct attempt *attempt)
{
	const void *request = (const void *)attempt->request;
	const void *ring = KERNEL_READ(struct io_kiocb, request, ctx);

	/* io_init_req(): such rings take only opcodes that can be polled for */
	if (KERNEL_READ(struct io_ring_ctx, ring, flags) & IORING_SETUP_IOPOLL)
		return REFUSED(REFUSAL_RING_IOPOLL);
	/* refused before its file was looked up: for its own arguments */
	if (!attempt->sink)
		return FAILED;
	switch (attempt->mechanism) {
	case MECHANISM_IO_URING_SPLICE:
		if (KERNEL_READ(struct io_splice, request, flags) & ~(SPLICE_F_ALL | SPLICE_F_FD_IN_FIXED))
			return FAILED;
		/* -1 is no offset */
		if (KERNEL_READ(struct io_splice, request, off_in) < -1 ||
		    KERNEL_READ(struct io_splice, request, off_out) < -1)
			return FAILED;
		if (is_pipe(attempt->source) && is_pipe(attempt->sink))
			return FAILED;
		/* one of the ring's own files is not known here */
		return attempt->source ? REFUSED(splice_reason(attempt->source, attempt->sink))
				       : REFUSED(REFUSAL_EINVAL_OTHER);
	case MECHANISM_IO_URING_TEE:
		return attempt->source ? tee_einval(attempt) : FAILED;
	}
	return FAILED;
}

static __noinline __u32 classify_einval(const struct attempt *attempt)
{
	if (attempt->request)
		return ring_einval(attempt);
	/* vmsplice: its flags, or its vector */
	if (attempt->mechanism == MECHANISM_VMSPLICE)
		return FAILED;
	/* another thread has closed one of them since */
	if (!attempt->source || !attempt->sink)
		return REFUSED(REFUSAL_EINVAL_OTHER);
	switch (attempt->mechanism) {
	case MECHANISM_SENDFILE:
		return sendfile_einval(attempt);
	case MECHANISM_SPLICE:
		return splice_einval(attempt);
	case MECHANISM_TEE:
		return tee_einval(attempt);
	case MECHANISM_COPY_FILE_RANGE:
		return copy_file_range_einval(attempt);
	}
	return FAILED;
}

__noinline __u32 classify_error(const struct attempt *attempt, __u32 error)
{
	if (!attempt)
		return FAILED;
	if (error == EPERM || error == EACCES)
		return DENIED;
	/* with no descriptor at all it is a question whether the call exists, not a transfer */
	if (!attempt->request && attempt->source_fd < 0 && attempt->sink_fd < 0)
		return FAILED;
	switch (error) {
	case EINVAL:
		return classify_einval(attempt);
	case EXDEV:
		return REFUSED(REFUSAL_CROSS_DEVICE);
	case ENOSYS:
		return REFUSED(REFUSAL_NO_SYSCALL);
	case EOPNOTSUPP:
		return REFUSED(attempt->mechanism == MECHANISM_IO_URING_SEND_ZC ||
					       attempt->mechanism == MECHANISM_IO_URING_SENDMSG_ZC
				       ? REFUSAL_ZC_NOT_SUPPORTED
				       : REFUSAL_NOT_SUPPORTED);
	case EBADF:
		if (attempt->mechanism == MECHANISM_VMSPLICE && attempt->sink && !is_pipe(attempt->sink) &&
		    !(mode_of(attempt->sink) & FMODE_PATH))
			return REFUSED(REFUSAL_NOT_A_PIPE);
		/* generic_file_rw_checks(), which looks at O_APPEND behind the modes */
		if (attempt->mechanism == MECHANISM_COPY_FILE_RANGE && attempt->source && attempt->sink &&
		    (mode_of(attempt->source) & FMODE_READ) && (mode_of(attempt->sink) & FMODE_WRITE) &&
		    (flags_of(attempt->sink) & O_APPEND))
			return REFUSED(REFUSAL_SINK_APPEND);
		return FAILED;
	case ESPIPE:
		/* an offset was given */
		if (attempt->mechanism == MECHANISM_SENDFILE && attempt->source &&
		    !(mode_of(attempt->source) & FMODE_PREAD))
			return REFUSED(REFUSAL_SOURCE_NOT_SEEKABLE);
		return FAILED;
	}
	return FAILED;
}
