// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/* Socket -> flow. */
#include <bpf/bpf_endian.h>
#include "flow.bpf.h"
#include "slots.bpf.h"

DEFINE_FIND(flow, struct FlowKey, struct flow_record, flows, flow_index, TABLE_FLOWS, free_flows, flow_capacity)
DEFINE_FIND(flow6, struct Flow6Key, struct flow6_record, flows6, flow6_index, TABLE_FLOWS6, free_flows6,
	    flow6_capacity)

static __always_inline void count_flow4(const struct FlowKey *key, struct process_state *state,
					enum outcome outcome, __u64 bytes)
{
	__u32 slot = state ? READ_ONCE(state->flow_hint) : SLOT_OVERFLOW;
	struct flow_record *record = bpf_map_lookup_elem(&flows, &slot);

	if (!record || !HOLDS(record, key)) {
		slot = find_flow(key);
		record = bpf_map_lookup_elem(&flows, &slot);
		if (state)
			WRITE_ONCE(state->flow_hint, slot);
	}
	if (record)
		add_counts(&record->counts, outcome, bytes);
}

/* The same without a hint, and out of line: reading IPv6 addresses costs more than the call. */
static __noinline void count_flow6(const struct Flow6Key *key, enum outcome outcome, __u64 bytes)
{
	__u32 slot = find_flow6(key);
	struct flow6_record *record = bpf_map_lookup_elem(&flows6, &slot);

	if (record)
		add_counts(&record->counts, outcome, bytes);
}

static __always_inline void count_flow_of_nobody(enum outcome outcome, __u64 bytes)
{
	__u32 slot = SLOT_NOBODY;
	struct flow_record *record = bpf_map_lookup_elem(&flows, &slot);

	if (record)
		add_counts(&record->counts, outcome, bytes);
}

/* An IPv4 peer behind an IPv6 socket, ::ffff:a.b.c.d: the 12-byte key serves. */
static __always_inline int is_v4_mapped(const __be32 *address)
{
	return address[0] == 0 && address[1] == 0 && address[2] == bpf_htonl(0xffff);
}

/* Other sockets than IP ones are counted as such, together. */
__noinline int count_flow(__u64 file, struct process_state *state, __u32 outcome, __u64 bytes)
{
	const void *socket = KERNEL_READ(struct file, (const void *)file, private_data);
	const void *sk = KERNEL_READ(struct socket, socket, sk);
	__u16 family = KERNEL_READ(struct sock, sk, __sk_common.skc_family);
	struct Flow6Key key6 = {};
	struct FlowKey key = {};

	if (outcome >= OUTCOME_COUNT)
		return 0;
	if (!sk || (family != AF_INET && family != AF_INET6)) {
		count_flow_of_nobody(outcome, bytes);
		return 0;
	}
	/* MPTCP is 262, of which the low byte is TCP's 6: what is on the wire */
	key.proto = KERNEL_READ(struct sock, sk, sk_protocol);
	if (family == AF_INET) {
		key.src_ip = KERNEL_READ(struct sock, sk, __sk_common.skc_rcv_saddr);
		key.dst_ip = KERNEL_READ(struct sock, sk, __sk_common.skc_daddr);
		count_flow4(&key, state, outcome, bytes);
		return 0;
	}
	bpf_core_read(key6.src_ip, sizeof(key6.src_ip), &((struct sock *)sk)->__sk_common.skc_v6_rcv_saddr);
	bpf_core_read(key6.dst_ip, sizeof(key6.dst_ip), &((struct sock *)sk)->__sk_common.skc_v6_daddr);
	if (is_v4_mapped(key6.dst_ip)) {
		key.src_ip = key6.src_ip[3];
		key.dst_ip = key6.dst_ip[3];
		count_flow4(&key, state, outcome, bytes);
		return 0;
	}
	key6.proto = key.proto;
	count_flow6(&key6, outcome, bytes);
	return 0;
}
