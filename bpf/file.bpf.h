/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* What a file is. Files are known by their address; 0 is no file, and everything reads as 0 there. */
#ifndef SPILLWAY_FILE_BPF_H
#define SPILLWAY_FILE_BPF_H

#include "kernel.h"

/*
 * The address of the file behind a descriptor of a task; 0 when there is none. The descriptor may have been
 * closed and reused by another thread since the call began: then this is the wrong file, and nothing here could
 * tell.
 */
static __always_inline __u64 file_of(struct task_struct *task, int fd)
{
	struct fdtable *table = TASK_POINTER(task, files)->fdt;

	if ((__u32)fd >= table->max_fds)
		return 0;
	return KERNEL_READ_WORD((const void *)table->fd + (__u64)(__u32)fd * sizeof(void *));
}

static __always_inline const void *inode_of(__u64 file)
{
	return KERNEL_READ(struct file, (const void *)file, f_inode);
}

static __always_inline __u16 type_of_inode(const void *inode)
{
	return KERNEL_READ(struct inode, inode, i_mode) & S_IFMT;
}

/* S_IFREG, S_IFSOCK, ...; 0 for no file, and for files whose inode has no type (anonymous ones) */
static __always_inline __u16 type_of(__u64 file)
{
	return file ? type_of_inode(inode_of(file)) : 0;
}

static __always_inline __u64 inode_number_of(__u64 file)
{
	return file ? KERNEL_READ(struct inode, inode_of(file), i_ino) : 0;
}

/* A file of proc, sysfs, ...: made up as it is read. A global function: the verifier looks at it once. */
int is_synthetic(__u64 file);

static __always_inline __u32 flags_of(__u64 file)
{
	return KERNEL_READ(struct file, (const void *)file, f_flags);
}

static __always_inline __u32 mode_of(__u64 file)
{
	return KERNEL_READ(struct file, (const void *)file, f_mode);
}

/* The kernel's part of a socket, of the file that stands for it. */
static __always_inline struct sock *sock_of(struct file *file)
{
	return FIELD(OBJECT(struct socket, FIELD(file, private_data)), sk);
}

/* The address of a file operation, to be compared. */
#define OPERATION_OF(address, operation)                                                                       \
	({                                                                                                     \
		const void *__operations = KERNEL_READ(struct file, (const void *)(address), f_op);            \
		KERNEL_READ_ADDRESS(struct file_operations, __operations, operation);                          \
	})

#endif
