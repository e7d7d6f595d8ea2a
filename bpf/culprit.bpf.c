// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/* What a file is, for people: done once for each cause, so it may take its time. */
#include <bpf/bpf_endian.h>
#include "culprit.bpf.h"
#include "file.bpf.h"
#include "tables.bpf.h"

#define DESCRIBED 1
#define DESCRIBED_FROM_ROOT 2

static __noinline void describe_socket(struct culprit *culprit, __u64 file)
{
	const void *socket = KERNEL_READ(struct file, (const void *)file, private_data);
	const struct sock *sk = KERNEL_READ(struct socket, socket, sk);

	culprit->family = KERNEL_READ(struct sock, sk, __sk_common.skc_family);
	culprit->protocol = KERNEL_READ(struct sock, sk, sk_protocol);
	culprit->type = KERNEL_READ(struct sock, sk, sk_type);
	if (culprit->family != AF_INET && culprit->family != AF_INET6)
		return;
	culprit->local_port = KERNEL_READ(struct sock, sk, __sk_common.skc_num);
	culprit->peer_port = bpf_ntohs(KERNEL_READ(struct sock, sk, __sk_common.skc_dport));
	if (culprit->family == AF_INET) {
		bpf_core_read(culprit->local, 4, &sk->__sk_common.skc_rcv_saddr);
		bpf_core_read(culprit->peer, 4, &sk->__sk_common.skc_daddr);
	} else {
		bpf_core_read(culprit->local, 16, &sk->__sk_common.skc_v6_rcv_saddr);
		bpf_core_read(culprit->peer, 16, &sk->__sk_common.skc_v6_daddr);
	}
}

/* Where a walk towards the root stands. */
struct place {
	const void *dentry;
	const void *mnt;
};

/* From the root of a mounted filesystem to the directory on which it is mounted; 0 at the very top. */
static __noinline int leave_mount(struct place *place)
{
	const void *mount, *parent;

	if (KERNEL_READ(struct vfsmount, place->mnt, mnt_root) != place->dentry)
		return 1;
	mount = place->mnt - bpf_core_field_offset(((struct mount *)0)->mnt);
	parent = KERNEL_READ(struct mount, mount, mnt_parent);
	if (parent == mount)
		return 0;
	place->dentry = KERNEL_READ(struct mount, mount, mnt_mountpoint);
	place->mnt = parent + bpf_core_field_offset(((struct mount *)0)->mnt);
	return 1;
}

/* A filesystem may be mounted on the root of another: up to three are at / of Linux 7 (nullfs, rootfs, what is
 * seen). */
static __always_inline int leave_mounts(struct place *place)
{
	return leave_mount(place) && leave_mount(place) && leave_mount(place);
}

/* The names from the file upwards; says whether they reach the root. */
static __noinline int describe_path(struct culprit *culprit, __u64 file)
{
	const void *path = (const void *)file + bpf_core_field_offset(((struct file *)0)->f_path);
	struct place place = {
		.dentry = KERNEL_READ(struct path, path, dentry),
		.mnt = KERNEL_READ(struct path, path, mnt),
	};

#pragma unroll
	for (int i = 0; i < CULPRIT_NAMES; i++) {
		const void *parent, *name;

		if (!leave_mounts(&place))
			return 1;
		parent = KERNEL_READ(struct dentry, place.dentry, d_parent);
		name = KERNEL_READ(struct dentry, place.dentry, d_name.name);
		bpf_probe_read_kernel_str(culprit->names + i * CULPRIT_NAME_SIZE, CULPRIT_NAME_SIZE, name);
		if (parent == place.dentry)
			return 1;
		place.dentry = parent;
	}
	return !leave_mounts(&place);
}

__noinline int describe_culprit(struct culprit *culprit, __u64 file)
{
	int from_root = 0;
	const void *inode, *superblock, *filesystem, *name;

	if (!culprit)
		return 0;
	if (file) {
		inode = inode_of(file);
		culprit->mode = KERNEL_READ(struct inode, inode, i_mode);
		culprit->flags = flags_of(file);
		superblock = KERNEL_READ(struct inode, inode, i_sb);
		filesystem = KERNEL_READ(struct super_block, superblock, s_type);
		name = KERNEL_READ(struct file_system_type, filesystem, name);
		bpf_probe_read_kernel_str(culprit->filesystem, sizeof(culprit->filesystem), name);
		if ((culprit->mode & S_IFMT) == S_IFSOCK)
			describe_socket(culprit, file);
		else
			from_root = describe_path(culprit, file);
	}
	WRITE_ONCE(culprit->described, from_root ? DESCRIBED_FROM_ROOT : DESCRIBED);
	return 0;
}
