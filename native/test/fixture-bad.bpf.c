// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/* Programs that the verifier refuses: they use a look-up's result without asking whether there is one. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} values SEC(".maps");

SEC("tp/syscalls/sys_enter_geteuid")
int unchecked(void *ctx)
{
	__u32 key = 0;
	__u64 *value = bpf_map_lookup_elem(&values, &key);

	return (int)*value;
}

/* The same after a thousand turns that the verifier walks one by one: its log runs to megabytes. */
SEC("tp/syscalls/sys_enter_geteuid")
int unchecked_at_length(void *ctx)
{
	__u32 key = 0;
	__u64 *value;

	for (volatile int i = 0; i < 1000; i++)
		key += bpf_get_smp_processor_id();
	value = bpf_map_lookup_elem(&values, &key);
	return (int)*value;
}
