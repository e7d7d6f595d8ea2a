// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/* Socket -> flow. */
#include <bpf/bpf_endian.h>
#include "flow.bpf.h"
#include "slots.bpf.h"

DEFINE_FIND(flow, struct FlowKey, struct flow_record, flows, flow_index, TABLE_FLOWS, free_flows, flow_capacity)
DEFINE_FIND(flow6, struct Flow6Key, struct flow6_record, flows6, flow6_index, TABLE_FLOWS6, free_flows6,
	    flow6_capacity)

__noinline int count_flow4(const struct FlowKey *key, struct process_state *state, __u32 outcome, __u64 bytes)
{
	struct flow_record *record;
	struct FlowKey wanted;
	__u32 slot;

	if (!key || outcome >= OUTCOME_COUNT)
		return 0;
	/* on our own stack: up to 6.1 a key may not stand in a caller's memory */
	wanted = *key;
	record = latest_flow(&wanted, state);
	if (!record) {
		slot = find_flow(&wanted);
		record = bpf_map_lookup_elem(&flows, &slot);
		if (state)
			WRITE_ONCE(state->flow_hint, slot);
	}
	if (record)
		add_counts(line_of(&record->counts, &record->shards), outcome, bytes);
	return 0;
}

/* An IPv4 peer behind an IPv6 socket, ::ffff:a.b.c.d: the 12-byte key serves. */
static __always_inline int is_v4_mapped(const __be32 *address)
{
	return address[0] == 0 && address[1] == 0 && address[2] == bpf_htonl(0xffff);
}

__noinline int count_flow6(const struct Flow6Key *key, struct process_state *state, __u32 outcome, __u64 bytes)
{
	struct flow6_record *record;
	struct Flow6Key wanted;
	__u32 slot;

	if (!key || outcome >= OUTCOME_COUNT)
		return 0;
	if (is_v4_mapped(key->dst_ip)) {
		struct FlowKey mapped = {
			.src_ip = key->src_ip[3],
			.dst_ip = key->dst_ip[3],
			.proto = key->proto,
		};

		return count_flow4(&mapped, state, outcome, bytes);
	}
	wanted = *key;
	slot = find_flow6(&wanted);
	record = bpf_map_lookup_elem(&flows6, &slot);
	if (record)
		add_counts(line_of(&record->counts, &record->shards), outcome, bytes);
	return 0;
}

__noinline int count_flow_of_nobody(__u32 outcome, __u64 bytes)
{
	__u32 slot = SLOT_NOBODY;
	struct flow_record *record = bpf_map_lookup_elem(&flows, &slot);

	if (record && outcome < OUTCOME_COUNT)
		add_counts(line_of(&record->counts, &record->shards), outcome, bytes);
	return 0;
}
