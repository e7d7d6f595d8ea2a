// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/* Attempts that succeeded: was it a copy, and why? */
#include "claim.bpf.h"
#include "classify.bpf.h"
#include "copies.bpf.h"
#include "tables.bpf.h"

__u64 copy_splice_read = 0;
__u64 iter_file_splice_write = 0;
__u64 socket_file_ops = 0;
__u64 plain_tcp = 0;
__u64 plain_tcp6 = 0;

/* include/uapi/linux/magic.h: filesystems whose files are made up as they are read, most of them without a size
 */
#define PROC_SUPER_MAGIC 0x9fa0
#define SYSFS_MAGIC 0x62656572
#define DEBUGFS_MAGIC 0x64626720
#define TRACEFS_MAGIC 0x74726163
#define CGROUP_SUPER_MAGIC 0x27e0eb
#define CGROUP2_SUPER_MAGIC 0x63677270
#define SECURITYFS_MAGIC 0x73636673
#define CONFIGFS_MAGIC 0x62656570
#define BPF_FS_MAGIC 0xcafe4a11
#define SELINUX_MAGIC 0xf97cff8c
#define SMACK_MAGIC 0x43415d53
#define FUSE_CTL_SUPER_MAGIC 0x65735543
#define NSFS_MAGIC 0x6e736673

__noinline int is_synthetic(__u64 file)
{
	const void *superblock = KERNEL_READ(struct inode, inode_of(file), i_sb);

	switch ((__u32)KERNEL_READ(struct super_block, superblock, s_magic)) {
	case PROC_SUPER_MAGIC:
	case SYSFS_MAGIC:
	case DEBUGFS_MAGIC:
	case TRACEFS_MAGIC:
	case CGROUP_SUPER_MAGIC:
	case CGROUP2_SUPER_MAGIC:
	case SECURITYFS_MAGIC:
	case CONFIGFS_MAGIC:
	case BPF_FS_MAGIC:
	case SELINUX_MAGIC:
	case SMACK_MAGIC:
	case FUSE_CTL_SUPER_MAGIC:
	case NSFS_MAGIC:
		return 1;
	}
	return 0;
}

__noinline int is_zero_size_source(const struct attempt *attempt)
{
	const void *inode;

	if (!attempt || !attempt->source)
		return 0;
	/* len: asked for nothing, and got it */
	if (!SYSCALL_ARG5((struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf())))
		return 0;
	inode = inode_of(attempt->source);
	return !KERNEL_READ(struct inode, inode, i_size) && is_synthetic(attempt->source);
}

__noinline __u32 copy_reason_of(const struct attempt *attempt)
{
	return attempt ? copy_reason(attempt->mechanism, attempt->source, attempt->sink) : COPY_NONE;
}

__u64 registers_on_stack = 0;
__u64 programs_are_preempted = 0;

/*
 * Learns where a task's registers are on its stack, whether calls are to be claimed, and the addresses of
 * kernel functions from a file of sysfs that the agent has opened: kernfs reads by copy_splice_read() from 6.5
 * on, and writes by iter_file_splice_write().
 */
SEC("syscall")
int learn_symbols(int *fd)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 file = file_of(task, *fd);

	if (!before_6_5()) {
		copy_splice_read = OPERATION_OF(file, splice_read);
		/* by way of memory: a pointer is not subtracted from */
		WRITE_ONCE(registers_on_stack, (__u64)bpf_task_pt_regs(task));
		WRITE_ONCE(registers_on_stack, READ_ONCE(registers_on_stack) - (__u64)task->stack);
	}
	iter_file_splice_write = OPERATION_OF(file, splice_write);
	if (PROGRAMS_ARE_PREEMPTED)
		WRITE_ONCE(programs_are_preempted, 1);
	return 0;
}
