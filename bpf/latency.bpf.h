/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* How long attempts take: only if wanted, because it takes a second program at the entry of each call. */
#ifndef SPILLWAY_LATENCY_BPF_H
#define SPILLWAY_LATENCY_BPF_H

#include "classify.bpf.h"

/* Set by the agent before load: without it nothing of this is left in the programs. */
extern const volatile __u8 latency_enabled;

/* Counts the duration of an attempt whose beginning was seen (not that of what seccomp answered). */
int count_latency(const struct attempt *attempt, __u32 outcome);

#endif
