// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/* Which cgroup a process belongs to. */
#include "cgroup.bpf.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct task_struct___cgroup {
	struct css_set *cgroups;
};

/*
 * A task's cgroups, one of each hierarchy. A controller that is not mounted, or used by v2, has its v2 cgroup
 * here.
 */
struct css_set {
	struct cgroup_subsys_state *subsys[16];
	struct cgroup *dfl_cgrp;
};

struct cgroup_subsys_state {
	struct cgroup *cgroup;
};

struct cgroup_root {
	int hierarchy_id;
};

struct cgroup {
	int level;
	struct kernfs_node *kn;
	struct cgroup_root *root;
};

struct kernfs_node {
	const char *name;
	__u64 id;
	/* 6.15 and newer (commit 741c10b096bc); before that, `parent` */
	struct kernfs_node *__parent;
};

struct kernfs_node___before_6_15 {
	struct kernfs_node *parent;
};

#pragma clang attribute pop

/* The numbers are those of the running kernel, which has only the controllers that it was built with. */
enum cgroup_subsys_id {
	cpu_cgrp_id,
	memory_cgrp_id,
	pids_cgrp_id,
};

/* Those that are rare go first when it is full: they are needed until the agent has read the record. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct cgroup_key);
	__type(value, struct cgroup_names);
} cgroups SEC(".maps");

/* Names on their way into the map: too much for the stack. */
struct cgroup_scratch {
	struct cgroup_names names;
	__u32 taken;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct cgroup_scratch);
} cgroup_scratch SEC(".maps");

static __always_inline const void *parent_of(const void *node)
{
	__u32 offset = bpf_core_field_exists(((struct kernfs_node *)0)->__parent)
			       ? bpf_core_field_offset(((struct kernfs_node *)0)->__parent)
			       : bpf_core_field_offset(((struct kernfs_node___before_6_15 *)0)->parent);

	return (const void *)KERNEL_READ_WORD(node + offset);
}

/* The names from a cgroup `level` steps below the root upwards; the root has none. */
static __always_inline void read_names(const void *node, int level, struct cgroup_names *names)
{
	for (int i = 0; i < CGROUP_NAMES; i++)
		names->names[i * CGROUP_NAME_SIZE] = 0;
	for (int i = 0; i < CGROUP_NAMES; i++) {
		if (i >= level)
			break;
		bpf_probe_read_kernel_str(&names->names[i * CGROUP_NAME_SIZE], CGROUP_NAME_SIZE,
					  (const void *)KERNEL_READ_ADDRESS(struct kernfs_node, node, name));
		node = parent_of(node);
	}
}

/*
 * Programs are preempted (7.2 and newer, by fexit before) and interrupted: who finds the scratch taken leaves
 * the names to the next process of that cgroup. The map is never wrong, at worst it lacks a name.
 */
static __noinline void store_names(const void *node, int level, const struct cgroup_key *key)
{
	__u32 zero = 0;
	struct cgroup_scratch *scratch = bpf_map_lookup_elem(&cgroup_scratch, &zero);

	if (!scratch || __sync_val_compare_and_swap(&scratch->taken, 0, 1))
		return;
	read_names(node, level, &scratch->names);
	bpf_map_update_elem(&cgroups, key, &scratch->names, BPF_ANY);
	WRITE_ONCE(scratch->taken, 0);
}

/* The task's cgroup in the hierarchy of a controller; NULL where the kernel was built without it. */
#define CGROUP_OF(set, controller)                                                                             \
	({                                                                                                     \
		const void *__cgroup = 0;                                                                      \
		if (bpf_core_enum_value_exists(enum cgroup_subsys_id, controller)) {                           \
			__u64 __offset =                                                                       \
				bpf_core_field_offset(((struct css_set *)0)->subsys) +                         \
				sizeof(void *) * bpf_core_enum_value(enum cgroup_subsys_id, controller);       \
			const void *__state = (const void *)KERNEL_READ_WORD((set) + __offset);                \
			__cgroup = (const void *)KERNEL_READ_ADDRESS(struct cgroup_subsys_state, __state,      \
								     cgroup);                                  \
		}                                                                                              \
		__cgroup;                                                                                      \
	})

#define TAKE_DEEPER(candidate)                                                                                 \
	({                                                                                                     \
		const void *__candidate = (candidate);                                                         \
		int __level = level_of(__candidate);                                                           \
		if (__level > level) {                                                                         \
			cgroup = __candidate;                                                                  \
			level = __level;                                                                       \
		}                                                                                              \
	})

/* Steps from the root of its hierarchy: 0 for the root itself, which says nothing. */
static __always_inline int level_of(const void *cgroup)
{
	return KERNEL_READ(struct cgroup, cgroup, level);
}

static __always_inline const void *node_of(const void *cgroup)
{
	return (const void *)KERNEL_READ_ADDRESS(struct cgroup, cgroup, kn);
}

/* Container managers name cgroups by ids of 64 digits. */
static __always_inline int has_long_name(const void *cgroup)
{
	const void *name = (const void *)KERNEL_READ_ADDRESS(struct kernfs_node, node_of(cgroup), name);
	char start[64 + 1];

	return (int)bpf_probe_read_kernel_str(start, sizeof(start), name) == sizeof(start);
}

/*
 * The v2 cgroup, or that of v1's controllers which lies deepest where v2 is not used: of those, systemd fills
 * the one of pids for every unit. Where systemd uses both (hybrid), managers that place their containers by v1
 * leave all of them in the v2 cgroup of their own service: so an id there goes first.
 */
__noinline int remember_cgroup(struct process_record *record)
{
	const void *set, *v2, *node, *root, *cgroup = 0;
	struct cgroup_key key = {};
	int v2_level, level = 0;

	if (!record)
		return 0;
	record->cgroup = 0;
	record->cgroup_hierarchy = 0;
	if (!bpf_core_field_exists(((struct task_struct___cgroup *)0)->cgroups))
		return 0;
	set = (const void *)KERNEL_READ_ADDRESS(struct task_struct___cgroup, bpf_get_current_task_btf(),
						cgroups);
	TAKE_DEEPER(CGROUP_OF(set, pids_cgrp_id));
	TAKE_DEEPER(CGROUP_OF(set, memory_cgrp_id));
	TAKE_DEEPER(CGROUP_OF(set, cpu_cgrp_id));
	v2 = (const void *)KERNEL_READ_ADDRESS(struct css_set, set, dfl_cgrp);
	v2_level = level_of(v2);
	if (v2_level > 0 && !(level > 0 && has_long_name(cgroup))) {
		cgroup = v2;
		level = v2_level;
	}
	if (!level)
		return 0;
	node = node_of(cgroup);
	root = (const void *)KERNEL_READ_ADDRESS(struct cgroup, cgroup, root);
	key.id = KERNEL_READ(struct kernfs_node, node, id);
	key.hierarchy = KERNEL_READ(struct cgroup_root, root, hierarchy_id);
	if (!bpf_map_lookup_elem(&cgroups, &key))
		store_names(node, level, &key);
	record->cgroup = key.id;
	record->cgroup_hierarchy = key.hierarchy;
	return 0;
}
