// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/* What the hook of the evidence probe costs by itself: a program there that does nothing. */
#define SECTION(name) __attribute__((section(name), used))

const char LICENSE[] SECTION("license") = "Dual BSD/GPL";

SECTION("tp_btf/sys_exit") int empty(void *context)
{
	(void)context;
	return 0;
}
