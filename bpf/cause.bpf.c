// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/* Why attempts ended as they did. */
#include "attempt.bpf.h"
#include "slots.bpf.h"

DEFINE_FIND(cause, struct cause_key, struct cause_record, causes, cause_index, TABLE_CAUSES, free_causes,
	    cause_capacity)

__noinline int count_cause(__u32 process, __u32 kind, __u32 mechanism, __u32 code)
{
	struct cause_key key = { .process = process, .code = code, .kind = kind, .mechanism = mechanism };
	__u32 slot = find_cause(&key);
	struct cause_record *record = bpf_map_lookup_elem(&causes, &slot);

	if (record)
		ADD(record->count, 1);
	return 0;
}
