/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* What the witness keeps; only witness*.c look inside. */
#ifndef WITNESS_COUNTS_H
#define WITNESS_COUNTS_H

#include <sys/types.h>

#include "witness.h"

enum outcome {
	ZEROCOPY,
	COPIED,
	RETRY,
	REFUSED,
	DENIED,
	FAILED,
	OUTCOME_COUNT,
};

#define OUTCOMES_WITH_BYTES 2
/* Above every errno and every restart code. */
#define ERRNO_LIMIT 1024
#define PROCESS_LIMIT 262144
/* A power of two, well above the largest `flows` run: open addressing slows down when it fills. */
#define FLOW_LIMIT 524288

struct counts {
	uint64_t attempts;
	uint64_t bytes;
	uint64_t outcomes[OUTCOME_COUNT];
	/* only the first two move any */
	uint64_t outcome_bytes[OUTCOME_COUNT];
	uint64_t errnos[ERRNO_LIMIT];
	uint64_t copied[COPY_REASON_COUNT];
	uint64_t refused[REFUSAL_REASON_COUNT];
	uint64_t resolutions[RESOLUTION_COUNT];
};

struct flow_key {
	/* AF_INET, AF_INET6, or AF_UNSPEC for a socket that has no IP flow; the field is never 0 when used */
	uint16_t family_plus_one;
	uint16_t proto;
	uint8_t src[16];
	uint8_t dst[16];
};

struct flow {
	uint64_t attempts;
	uint64_t bytes;
	struct flow_key key;
};

struct process_row {
	uint64_t attempts;
	pid_t pid;
};

struct witness {
	struct counts mechanisms[MECHANISM_COUNT];
	uint64_t setups_ok;
	uint64_t setup_errnos[ERRNO_LIMIT];
	uint64_t enters;
	uint64_t submitted;
	uint64_t enter_errnos[ERRNO_LIMIT];
	uint64_t cq_overflows;
	/* whether the program tells how its refusals end */
	uint64_t resolutions_told;
	/* members of a JSON array */
	char culprits[4096];
	uint64_t rows;
	uint32_t flow_lock;
	/* in order of first use, so that a run prints the same each time */
	uint32_t flow_count;
	uint32_t flow_order[FLOW_LIMIT];
	struct flow flows[FLOW_LIMIT];
	struct process_row processes[PROCESS_LIMIT];
};

extern struct witness *witness;

/* Count the outcome of this thread's attempt as the errno alone tells it; the program may say more. */
void witness_judge(enum mechanism mechanism, bool without_fds, long ret);

/* Of an outcome, a copy_reason, a refusal_reason, a resolution. */
const char *outcome_name(int outcome);
const char *copy_reason_name(int reason);
const char *refusal_reason_name(int reason);
const char *resolution_name(int resolution);

/* What this thread's latest attempt was counted for; the reason is null where there is none. */
struct last_judgement {
	enum mechanism mechanism;
	enum outcome outcome;
	const char *reason;
};
struct last_judgement last_judgement(void);

/* The slot of the flow that the socket belongs to now, made when it is new. */
uint32_t flow_slot(int fd);

#endif
