/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* fd -> file; is it a socket? What follows from there is flow.bpf.c. */
#ifndef SPILLWAY_FLOW_BPF_H
#define SPILLWAY_FLOW_BPF_H

#include "tables.bpf.h"

/*
 * The address of the file behind a descriptor of the current task; 0 when there is none. The descriptor may
 * have been closed and reused by another thread since the call began: then this is the wrong file, and nothing
 * here could tell.
 */
static __always_inline __u64 file_of(struct task_struct *task, int fd)
{
	struct fdtable *table = task->files->fdt;

	if ((__u32)fd >= table->max_fds)
		return 0;
	return KERNEL_READ_WORD((const void *)table->fd + (__u64)(__u32)fd * sizeof(void *));
}

static __always_inline int is_socket(__u64 file)
{
	const void *inode;

	if (!file)
		return 0;
	inode = KERNEL_READ(struct file, (const void *)file, f_inode);
	return (KERNEL_READ(struct inode, inode, i_mode) & S_IFMT) == S_IFSOCK;
}

/*
 * Counts an attempt for the flow of `file` (the address of a struct file that is a socket). A global function:
 * the verifier looks at it once, and not again for each way that leads to it. `state` may be NULL.
 */
int count_flow(__u64 file, struct process_state *state, __u32 outcome, __u64 bytes);

#endif
