/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* One attempt that returned -> the counts of its process, its cause and its flow. */
#ifndef SPILLWAY_ATTEMPT_BPF_H
#define SPILLWAY_ATTEMPT_BPF_H

#include "classify.bpf.h"
#include "flow.bpf.h"
#include "latency.bpf.h"
#include "pending.bpf.h"
#include "process.bpf.h"

/* struct cause_key as one number: the arguments of a function are five at most. */
static __always_inline __u64 cause_words(__u32 process, enum cause_kind kind, __u32 mechanism, __u16 code)
{
	return process | (__u64)code << 32 | (__u64)kind << 48 | (__u64)mechanism << 56;
}

/*
 * Counts one more of a cause. `attempt` is given for those that one of its files explains; `state` may be NULL.
 * A global function: the verifier looks at it once.
 */
int count_cause(__u64 words, struct process_state *state, const struct attempt *attempt);

static __always_inline void count_verdict(__u32 process, struct process_state *state,
					  const struct attempt *attempt, __u32 verdict)
{
	struct process_record *record = bpf_map_lookup_elem(&processes, &process);
	__u32 outcome = OUTCOME_OF(verdict), reason = REASON_OF(verdict), mechanism = attempt->mechanism;
	__u64 bytes = attempt->result > 0 ? attempt->result : 0;

	if (!record || mechanism >= MECHANISM_COUNT || outcome >= OUTCOME_COUNT)
		return;
	add_counts(&record->mechanisms[mechanism], outcome, bytes);
	if (attempt->result < 0)
		count_cause(cause_words(process, CAUSE_ERRNO, mechanism, errno_of(attempt->result)), NULL,
			    outcome == OUTCOME_DENIED ? attempt : NULL);
	if (reason)
		count_cause(cause_words(process, outcome == OUTCOME_COPIED ? CAUSE_COPIED : CAUSE_REFUSED,
					mechanism, reason),
			    state, attempt);
	else if (bytes && (READ_ONCE(record->fallen) & 1U << mechanism))
		__sync_fetch_and_and(&record->fallen, ~(1U << mechanism));
	if (is_socket(attempt->sink))
		count_flow(attempt->sink, state, outcome, bytes);
	else if (is_socket(attempt->source))
		count_flow(attempt->source, state, outcome, bytes);
}

/*
 * Judges and counts one attempt of the current task. The flow is that of the sink if it is a socket, else that
 * of the source if that is one: a file has none.
 */
static __always_inline void count_attempt(struct task_struct *task, __u32 process, struct process_state *state,
					  const struct attempt *attempt)
{
	__u32 verdict = classify(attempt);

	count_verdict(process, state, attempt, verdict);
	if (latency_enabled)
		count_latency(attempt, OUTCOME_OF(verdict));
	if (has_pending(task))
		settle_attempt(attempt, verdict);
	if (OUTCOME_OF(verdict) == OUTCOME_REFUSED)
		suspend_refusal(attempt, process);
}

#endif
