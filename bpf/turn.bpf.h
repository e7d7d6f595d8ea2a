/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Whether this generation of the programs counts what has happened, or leaves it to another. */
#ifndef SPILLWAY_TURN_BPF_H
#define SPILLWAY_TURN_BPF_H

#include "tables.bpf.h"

/* Set by the agent before load: 0 where nothing outlives the agent, and all of this is removed. */
extern const volatile __u64 generation;

RECORDS(turns, struct turn);

/* Programs that decide this for themselves: each has a mark of its own. */
enum turn_of {
	TURN_OF_CALL,
	TURN_OF_ENTER,
	TURN_OF_SETUP,
	TURN_OF_COMPLETION,
	TURN_OF_ASYNC_WORK,
	TURN_OF_CQ_OVERFLOW,
	TURN_OF_EXIT,
	TURN_OF_COUNT,
};

int has_turn_in_handover(__u32 program);

static __always_inline int has_turn(enum turn_of program)
{
	struct turn *turn;
	__u32 zero = 0;

	if (!generation)
		return 1;
	turn = bpf_map_lookup_elem(&turns, &zero);
	if (likely(turn && READ_ONCE(turn->generation) == generation))
		return 1;
	return has_turn_in_handover(program);
}

#endif
