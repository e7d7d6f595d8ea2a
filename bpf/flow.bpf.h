/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Is a file a socket? What follows from there is flow.bpf.c. */
#ifndef SPILLWAY_FLOW_BPF_H
#define SPILLWAY_FLOW_BPF_H

#include "file.bpf.h"
#include "tables.bpf.h"

static __always_inline int is_socket(__u64 file)
{
	return type_of(file) == S_IFSOCK;
}

/*
 * Counts an attempt for the flow of `file` (the address of a struct file that is a socket). A global function:
 * the verifier looks at it once, and not again for each way that leads to it. `state` may be NULL.
 */
int count_flow(__u64 file, struct process_state *state, __u32 outcome, __u64 bytes);

#endif
