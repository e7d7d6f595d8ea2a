/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* One attempt that returned -> the counts of its process, its cause and its flow. */
#ifndef SPILLWAY_ATTEMPT_BPF_H
#define SPILLWAY_ATTEMPT_BPF_H

#include "classify.bpf.h"
#include "flow.bpf.h"
#include "process.bpf.h"

/*
 * Counts one more of `kind` for the process in a slot. Only what did not succeed comes here. A global function:
 * the verifier looks at it once.
 */
int count_cause(__u32 process, __u32 kind, __u32 mechanism, __u32 code);

/*
 * Counts one attempt of the current task. `result` is bytes moved or -errno; `sink` and `source` are addresses
 * of files or 0. The flow is that of the sink if it is a socket, else that of the source if that is one: a file
 * has none.
 */
static __always_inline void count_attempt(__u32 process, struct process_state *state, enum mechanism mechanism,
					  long result, __u64 sink, __u64 source)
{
	struct process_record *record = bpf_map_lookup_elem(&processes, &process);
	enum outcome outcome = OUTCOME_ZEROCOPY;
	__u64 bytes = 0;

	if (!record)
		return;
	if (result < 0) {
		__u16 error = errno_of(result);

		outcome = outcome_of_errno(error);
		count_cause(process, CAUSE_ERRNO, mechanism, error);
	} else {
		bytes = result;
	}
	add_counts(&record->mechanisms[mechanism], outcome, bytes);
	if (is_socket(sink))
		count_flow(sink, state, outcome, bytes);
	else if (is_socket(source))
		count_flow(source, state, outcome, bytes);
}

#endif
