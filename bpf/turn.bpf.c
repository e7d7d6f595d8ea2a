// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/*
 * One generation of the programs takes over from another while both are attached, and every event is counted by
 * exactly one of them. The kernel runs the older one first, on the same CPU, and nothing of the same kind in
 * between (bpf_prog_active in trace_call_bpf()), so a mark of the CPU can tell the younger one what the older
 * one did:
 *
 *   PREPARE  the older counts and marks; the younger does nothing. Then all runs that began earlier must end.
 *   SWITCH   the older takes marks away, and counts no more; the younger counts what is not marked. Then all
 * runs that began earlier must end, and the turn is the younger one's.
 *
 * An event that the older one saw in PREPARE and the younger one in SWITCH has a mark: it is counted once, like
 * all others.
 */
#include "turn.bpf.h"

const volatile __u64 generation = 0;

struct turns_map turns SEC(".maps");

/* As large for ever, like struct turn. */
#define MARKS 64
_Static_assert(TURN_OF_COUNT <= MARKS, "each program that decides has a mark");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MARKS);
	__type(key, __u32);
	__type(value, __u32);
} turn_marks SEC(".maps");

__noinline int has_turn_in_handover(__u32 program)
{
	__u32 zero = 0, *mark = bpf_map_lookup_elem(&turn_marks, &program);
	struct turn *turn = bpf_map_lookup_elem(&turns, &zero);
	__u64 step;

	/* another's turn */
	if (!turn || !mark || READ_ONCE(turn->generation))
		return 0;
	step = READ_ONCE(turn->step);
	if (turn->from == generation) {
		*mark = step != HANDOVER_SWITCH;
		return *mark;
	}
	if (turn->to != generation || step == HANDOVER_PREPARE)
		return 0;
	if (!*mark)
		return 1;
	*mark = 0;
	return 0;
}
