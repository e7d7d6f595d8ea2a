/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* One attempt that returned -> the counts of its process, its cause and its flow. */
#ifndef SPILLWAY_ATTEMPT_BPF_H
#define SPILLWAY_ATTEMPT_BPF_H

#include "classify.bpf.h"
#include "flow.bpf.h"
#include "process.bpf.h"

DEFINE_FIND(cause, struct cause_key, struct cause_record, causes, cause_index, TABLE_CAUSES, free_causes,
	    cause_capacity)

/* Out of line: only what did not succeed comes here. */
static __noinline void count_cause(__u32 process, __u8 kind, __u8 mechanism, __u16 code)
{
	struct cause_key key = { .process = process, .code = code, .kind = kind, .mechanism = mechanism };
	__u32 slot = find_cause(&key);
	struct cause_record *record = bpf_map_lookup_elem(&causes, &slot);

	if (record)
		ADD(record->count, 1);
}

/*
 * Counts one attempt of the current task. `result` is bytes moved or -errno; `sink` and `source` are files or NULL. The flow is
 * that of the sink if it is a socket, else that of the source if that is one: a file has none.
 */
static __always_inline void count_attempt(__u32 process, struct process_state *state, enum mechanism mechanism,
					  long result, const void *sink, const void *source)
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
