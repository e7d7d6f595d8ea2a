/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Socket -> flow. */
#ifndef SPILLWAY_FLOW_BPF_H
#define SPILLWAY_FLOW_BPF_H

#include "kernel.h"
#include "tables.bpf.h"

/*
 * Counts an attempt for the flow of `key` (IPv4) or `key6`. Global functions: the verifier looks at them once,
 * and not again for each way that leads to them. `state` may be NULL.
 */
int count_flow4(const struct FlowKey *key, struct process_state *state, __u32 outcome, __u64 bytes);
int count_flow6(const struct Flow6Key *key, struct process_state *state, __u32 outcome, __u64 bytes);
/* Of a socket that has none. */
int count_flow_of_nobody(__u32 outcome, __u64 bytes);

/* The record of `key`, if it is the flow of the latest attempt too; NULL otherwise. */
static __always_inline struct flow_record *latest_flow(const struct FlowKey *key, struct process_state *state)
{
	struct flow_record *record;
	__u32 slot;

	if (!state)
		return NULL;
	slot = READ_ONCE(state->flow_hint);
	record = bpf_map_lookup_elem(&flows, &slot);
	return record && HOLDS(record, key) ? record : NULL;
}

/* The local address is behind that of the peer, in memory (struct sock_common). */
#define LOCAL_OF(pair) ((__be32)((pair) >> 32))
#define PEER_OF(pair) ((__be32)(pair))

/* Out of line: its keys are large. MPTCP is 262, of which the low byte is TCP's 6: what is on the wire. */
static __noinline __attribute__((unused)) void count_flow(struct sock *sk, struct process_state *state,
							  __u32 outcome, __u64 bytes)
{
	__u16 family = FIELD(sk, __sk_common.skc_family);

	if (family == AF_INET) {
		__u64 addresses = FIELD(sk, __sk_common.skc_addrpair);
		struct FlowKey key = {
			.src_ip = LOCAL_OF(addresses),
			.dst_ip = PEER_OF(addresses),
			.proto = FIELD(sk, sk_protocol),
		};

		count_flow4(&key, state, outcome, bytes);
	} else if (family == AF_INET6) {
		struct Flow6Key key = { .proto = FIELD(sk, sk_protocol) };

		bpf_core_read(key.src_ip, sizeof(key.src_ip), &sk->__sk_common.skc_v6_rcv_saddr);
		bpf_core_read(key.dst_ip, sizeof(key.dst_ip), &sk->__sk_common.skc_v6_daddr);
		count_flow6(&key, state, outcome, bytes);
	} else {
		count_flow_of_nobody(outcome, bytes);
	}
}

#endif
