// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/* Why attempts ended as they did, and because of which file. */
#include "attempt.bpf.h"
#include "culprit.bpf.h"
#include "file.bpf.h"
#include "slots.bpf.h"

DEFINE_FIND(cause, struct cause_key, struct cause_record, causes, cause_index, TABLE_CAUSES, free_causes,
	    cause_capacity)

/* The file that a reason is about; where it is about both, or none, the source. */
static __noinline __u64 culprit_of(const struct attempt *attempt, __u32 kind, __u32 reason)
{
	int is_sink = 0;

	switch (kind) {
	case CAUSE_ERRNO:
		/* denied: what may not be written */
		is_sink = 1;
		break;
	case CAUSE_COPIED:
		is_sink = reason != COPY_SOURCE_COPIES && reason != COPY_SOURCE_DAX &&
			  reason != COPY_SOURCE_SOCKET_WITHOUT_SPLICE &&
			  reason != COPY_COPY_FILE_RANGE_IN_KERNEL;
		break;
	case CAUSE_REFUSED:
		switch (reason) {
		case REFUSAL_SINK_CANNOT_SPLICE:
		case REFUSAL_SINK_APPEND:
		case REFUSAL_CROSS_DEVICE:
			is_sink = 1;
			break;
		case REFUSAL_NOT_SUPPORTED:
			is_sink = type_of(attempt->sink) == S_IFSOCK;
			break;
		case REFUSAL_EINVAL_OTHER:
			/* a plain file is seldom to blame */
			is_sink = type_of(attempt->source) == S_IFREG && !is_synthetic(attempt->source);
			break;
		case REFUSAL_NOT_REGULAR:
			is_sink = type_of(attempt->source) == S_IFREG;
			break;
		case REFUSAL_NOT_A_PIPE:
			is_sink = type_of(attempt->source) == S_IFIFO;
			break;
		}
	}
	if (is_sink)
		return attempt->sink ? attempt->sink : attempt->source;
	return attempt->source ? attempt->source : attempt->sink;
}

__noinline int count_cause(__u64 words, struct process_state *state, const struct attempt *attempt)
{
	struct cause_key key = {
		.process = words,
		.code = words >> 32,
		.kind = words >> 48,
		.mechanism = words >> 56,
	};
	__u32 slot = state ? READ_ONCE(state->cause_hint) : SLOT_OVERFLOW;
	struct cause_record *record = bpf_map_lookup_elem(&causes, &slot);

	if (!record || !HOLDS(record, &key)) {
		slot = find_cause(&key);
		record = bpf_map_lookup_elem(&causes, &slot);
		if (state)
			WRITE_ONCE(state->cause_hint, slot);
	}
	if (!record)
		return 0;
	if (attempt && !__sync_fetch_and_add(&record->count, 1) && slot >= SLOT_FIRST)
		describe_culprit(&record->culprit, culprit_of(attempt, key.kind, key.code));
	else if (!attempt)
		ADD(record->count, 1);
	return 0;
}
