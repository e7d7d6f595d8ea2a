// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/* What a verdict means: which counts it adds to, what becomes of a refusal. */
#include "attempt.bpf.h"
#include "file.bpf.h"
#include "flow.bpf.h"
#include "latency.bpf.h"
#include "pending.bpf.h"

static __always_inline void explain(const struct attempt *attempt, __u32 process, struct process_state *state,
				    __u32 verdict)
{
	__u32 outcome = OUTCOME_OF(verdict), reason = REASON_OF(verdict), mechanism = attempt->mechanism;

	if (attempt->result < 0)
		count_cause(cause_words(process, CAUSE_ERRNO, mechanism, errno_of(attempt->result)), NULL,
			    outcome == OUTCOME_DENIED ? attempt : NULL);
	if (reason)
		count_cause(cause_words(process, outcome == OUTCOME_COPIED ? CAUSE_COPIED : CAUSE_REFUSED,
					mechanism, reason),
			    state, attempt);
}

__noinline int count_verdict(const struct attempt *attempt, __u32 process, struct process_state *state,
			     __u32 verdict)
{
	struct process_record *record = bpf_map_lookup_elem(&processes, &process);
	__u32 outcome = OUTCOME_OF(verdict), mechanism;
	__u64 bytes, socket;

	if (!attempt || !record || attempt->mechanism >= MECHANISM_COUNT || outcome >= OUTCOME_COUNT)
		return 0;
	bytes = attempt->result > 0 ? attempt->result : 0;
	mechanism = attempt->mechanism;
	add_counts(line_of(&record->mechanisms[mechanism], &record->shards[mechanism]), outcome, bytes);
	explain(attempt, process, state, verdict);
	if (outcome == OUTCOME_ZEROCOPY && bytes)
		recover(record, mechanism);
	/* the flow is that of the sink if it is a socket, else that of the source if that is one: a file has
	 * none */
	socket = type_of(attempt->sink) == S_IFSOCK ? attempt->sink : attempt->source;
	if (type_of(socket) == S_IFSOCK)
		count_flow(sock_of(OBJECT(struct file, socket)), state, outcome, bytes);
	if (latency_enabled)
		count_latency(attempt, outcome);
	if (has_pending(bpf_get_current_task_btf()))
		settle_attempt(attempt, verdict);
	if (outcome == OUTCOME_REFUSED)
		suspend_refusal(attempt, process);
	return 0;
}
