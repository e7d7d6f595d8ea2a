/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Task -> the cgroup that says best what it belongs to, and the names by which people know that. */
#ifndef SPILLWAY_CGROUP_BPF_H
#define SPILLWAY_CGROUP_BPF_H

#include "tables.bpf.h"

/*
 * Writes the cgroup of the current task into the record of its process, and its names into `cgroups`: whoever
 * sees the record can look them up, even when process and cgroup are gone. A global function: the verifier
 * looks at it once.
 */
int remember_cgroup(struct process_record *record);

#endif
