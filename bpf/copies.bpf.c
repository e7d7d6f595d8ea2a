// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/* Attempts that succeeded: was it a copy, and why? */
#include "classify.bpf.h"
#include "file.bpf.h"

__u64 copy_splice_read = 0;
__u64 iter_file_splice_write = 0;

/* include/uapi/linux/magic.h: filesystems whose files are made up as they are read, most of them without a size
 */
#define PROC_SUPER_MAGIC 0x9fa0
#define SYSFS_MAGIC 0x62656572
#define DEBUGFS_MAGIC 0x64626720
#define TRACEFS_MAGIC 0x74726163
#define CGROUP_SUPER_MAGIC 0x27e0eb
#define CGROUP2_SUPER_MAGIC 0x63677270
#define SECURITYFS_MAGIC 0x73636673
#define CONFIGFS_MAGIC 0x62656570
#define BPF_FS_MAGIC 0xcafe4a11
#define SELINUX_MAGIC 0xf97cff8c
#define SMACK_MAGIC 0x43415d53
#define FUSE_CTL_SUPER_MAGIC 0x65735543
#define NSFS_MAGIC 0x6e736673

__noinline int is_synthetic(__u64 file)
{
	const void *superblock = KERNEL_READ(struct inode, inode_of(file), i_sb);

	switch ((__u32)KERNEL_READ(struct super_block, superblock, s_magic)) {
	case PROC_SUPER_MAGIC:
	case SYSFS_MAGIC:
	case DEBUGFS_MAGIC:
	case TRACEFS_MAGIC:
	case CGROUP_SUPER_MAGIC:
	case CGROUP2_SUPER_MAGIC:
	case SECURITYFS_MAGIC:
	case CONFIGFS_MAGIC:
	case BPF_FS_MAGIC:
	case SELINUX_MAGIC:
	case SMACK_MAGIC:
	case FUSE_CTL_SUPER_MAGIC:
	case NSFS_MAGIC:
		return 1;
	}
	return 0;
}

__noinline int is_zero_size_source(const struct attempt *attempt)
{
	const void *inode;

	if (!attempt || !attempt->source)
		return 0;
	/* len: asked for nothing, and got it */
	if (!SYSCALL_ARG5((struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf())))
		return 0;
	inode = inode_of(attempt->source);
	return !KERNEL_READ(struct inode, inode, i_size) && is_synthetic(attempt->source);
}

static __always_inline int before_6_5(void)
{
	return bpf_core_field_exists(((struct proto_ops___before_6_5 *)0)->sendpage);
}

/* Direct I/O moves between the device and the pages themselves: no CPU copy. */
static __always_inline int is_direct(__u64 file, __u16 type)
{
	return (type == S_IFREG || type == S_IFBLK) && (flags_of(file) & O_DIRECT);
}

static __always_inline __u32 why_source_copies(__u64 source)
{
	const void *inode;
	__u16 type;

	if (!source)
		return COPY_NONE;
	inode = inode_of(source);
	type = type_of_inode(inode);
	if (type == S_IFIFO)
		return COPY_NONE;
	if (type == S_IFSOCK) {
		const void *socket = KERNEL_READ(struct file, (const void *)source, private_data);
		const void *operations = KERNEL_READ(struct socket, socket, ops);

		return KERNEL_READ_ADDRESS(struct proto_ops, operations, splice_read)
			       ? COPY_NONE
			       : COPY_SOURCE_SOCKET_WITHOUT_SPLICE;
	}
	if (KERNEL_READ(struct inode, inode, i_flags) & S_DAX)
		return COPY_SOURCE_DAX;
	if (before_6_5()) {
		/* generic_file_splice_read() serves all: it copies what is not in the page cache */
		if (type == S_IFCHR || is_synthetic(source))
			return COPY_SOURCE_COPIES;
	} else if (OPERATION_OF(source, splice_read) == copy_splice_read && !is_direct(source, type)) {
		return COPY_SOURCE_COPIES;
	}
	return COPY_NONE;
}

#define TLS_SW 1
#define TLS_HW 2

/* kTLS encrypts into pages of its own, unless the device encrypts and the user vouches for the pages. */
static __always_inline int copies_for_tls(const void *sk)
{
	const void *operations = KERNEL_READ(struct inet_connection_sock, sk, icsk_ulp_ops);
	const struct tls_context *context;
	__u32 name = 0;

	if (!operations)
		return 0;
	bpf_probe_read_kernel(&name, sizeof(name),
			      operations + bpf_core_field_offset(((struct tcp_ulp_ops *)0)->name));
	if (name != ('t' | 'l' << 8 | 's' << 16))
		return 0;
	if (!bpf_core_type_exists(struct tls_context))
		return 1;
	context = KERNEL_READ(struct inet_connection_sock, sk, icsk_ulp_data);
	switch (BPF_CORE_READ_BITFIELD_PROBED(context, tx_conf)) {
	case TLS_SW:
		return 1;
	case TLS_HW:
		return !BPF_CORE_READ_BITFIELD_PROBED(context, zerocopy_sendfile);
	}
	/* only what is received is decrypted */
	return 0;
}

/* The device that a socket's packets leave by; NULL while it has no route. */
static __always_inline const void *device_of(const void *sk)
{
	const void *route = KERNEL_READ(struct sock, sk, sk_dst_cache);

	return route ? KERNEL_READ(struct dst_entry, route, dev) : NULL;
}

/*
 * The route's device. sk_route_caps alone does not tell: TCP takes software segmentation for gathering
 * (sk_setup_caps()), and the packets are then copied on their way to such a device; of UDP over IPv4 there are
 * none.
 */
static __always_inline __u32 why_device_copies(const void *sk)
{
	const void *device = device_of(sk);

	if (device && !(KERNEL_READ(struct net_device, device, features) & NETIF_F_SG))
		return COPY_SINK_SOCKET_WITHOUT_SG;
	return COPY_NONE;
}

/*
 * What splice_to_socket() ends in (6.5 and newer: sendmsg with MSG_SPLICE_PAGES; before: the protocol's
 * sendpage).
 */
static __noinline __u32 why_socket_copies(__u64 file)
{
	const void *socket = KERNEL_READ(struct file, (const void *)file, private_data);
	const void *sk = KERNEL_READ(struct socket, socket, sk);
	__u16 family = KERNEL_READ(struct sock, sk, __sk_common.skc_family);
	__u16 type = KERNEL_READ(struct sock, sk, sk_type);
	__u16 protocol = KERNEL_READ(struct sock, sk, sk_protocol);

	switch (family) {
	case AF_INET:
	case AF_INET6:
		switch (protocol) {
		case IPPROTO_TCP:
			if (type != SOCK_STREAM)
				break;
			if (copies_for_tls(sk))
				return COPY_SINK_TLS;
			if (!(KERNEL_READ(struct sock, sk, sk_route_caps) & NETIF_F_SG))
				return COPY_SINK_SOCKET_WITHOUT_SG;
			return why_device_copies(sk);
		case IPPROTO_UDP:
			return before_6_5() && family == AF_INET6 ? COPY_SINK_PROTOCOL : why_device_copies(sk);
		}
		return COPY_SINK_PROTOCOL;
	case AF_UNIX:
		return type == SOCK_STREAM ? COPY_NONE : COPY_SINK_PROTOCOL;
	case AF_ALG:
	case AF_KCM:
		return COPY_NONE;
	}
	return COPY_SINK_PROTOCOL;
}

static __always_inline __u32 why_sink_copies(__u64 sink)
{
	__u16 type = type_of(sink);

	switch (type) {
	case S_IFSOCK:
		return why_socket_copies(sink);
	case S_IFREG:
	case S_IFBLK:
		/* iter_file_splice_write() copies into the page cache, in all versions */
		return is_direct(sink, type) ? COPY_NONE : COPY_SINK_REGULAR_FILE;
	case S_IFCHR:
		return OPERATION_OF(sink, splice_write) == iter_file_splice_write ? COPY_SINK_COPIES
										  : COPY_NONE;
	}
	return COPY_NONE;
}

/* Without an operation of the filesystem or a reflink, the kernel copies through the page cache. */
static __noinline __u32 why_copy_file_range_copies(__u64 source, __u64 sink)
{
	if (OPERATION_OF(sink, copy_file_range) || OPERATION_OF(source, remap_file_range))
		return COPY_NONE;
	return COPY_COPY_FILE_RANGE_IN_KERNEL;
}

/* SEND_ZC keeps the pages of the user, unless the device cannot gather, or they come in again on this host. */
static __noinline __u32 why_send_zc_copies(__u64 sink)
{
	const void *socket = KERNEL_READ(struct file, (const void *)sink, private_data);
	const void *device = device_of(KERNEL_READ(struct socket, socket, sk));

	if (!device)
		return COPY_NONE;
	/* skb_orphan_frags_rx() on the way in */
	if (KERNEL_READ(struct net_device, device, flags) & IFF_LOOPBACK)
		return COPY_LOOPBACK;
	return KERNEL_READ(struct net_device, device, features) & NETIF_F_SG ? COPY_NONE
									     : COPY_SINK_SOCKET_WITHOUT_SG;
}

__noinline __u32 copy_reason_of(const struct attempt *attempt)
{
	__u32 reason;

	if (!attempt)
		return COPY_NONE;
	switch (attempt->mechanism) {
	case MECHANISM_SENDFILE:
	case MECHANISM_SPLICE:
	case MECHANISM_IO_URING_SPLICE:
		reason = why_source_copies(attempt->source);
		return reason ? reason : why_sink_copies(attempt->sink);
	case MECHANISM_VMSPLICE:
		return attempt->sink && !(mode_of(attempt->sink) & FMODE_WRITE) ? COPY_VMSPLICE_TO_USER
										: COPY_NONE;
	case MECHANISM_COPY_FILE_RANGE:
		return attempt->sink && attempt->source
			       ? why_copy_file_range_copies(attempt->source, attempt->sink)
			       : COPY_NONE;
	case MECHANISM_IO_URING_SEND_ZC:
	case MECHANISM_IO_URING_SENDMSG_ZC:
		return why_send_zc_copies(attempt->sink);
	}
	return COPY_NONE;
}

/*
 * Learns the addresses of kernel functions from a file of sysfs that the agent has opened: kernfs reads by
 * copy_splice_read() from 6.5 on, and writes by iter_file_splice_write().
 */
SEC("syscall")
int learn_symbols(int *fd)
{
	__u64 file = file_of(bpf_get_current_task_btf(), *fd);

	if (!before_6_5())
		copy_splice_read = OPERATION_OF(file, splice_read);
	iter_file_splice_write = OPERATION_OF(file, splice_write);
	return 0;
}
