/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * Why an attempt that moved bytes was a copy all the same. In a header, for it is what most attempts go
 * through: each field is read once, and only if the outcome depends on it.
 */
#ifndef SPILLWAY_COPIES_BPF_H
#define SPILLWAY_COPIES_BPF_H

#include "file.bpf.h"
#include "spillway.h"

/*
 * The address of copy_splice_read(), learned from a file that is known to use it (learn_symbols()):
 * /proc/kallsyms hides addresses from whom lacks CAP_SYSLOG, and reading all of it takes longer than everything
 * else at start. 0 before 6.5.
 */
extern __u64 copy_splice_read;
/* Likewise of iter_file_splice_write(): splice_write of files that are written to by write_iter. */
extern __u64 iter_file_splice_write;
/* The operations of the files of all sockets, learned from the first one that bytes were moved to. */
extern __u64 socket_file_ops;
/*
 * The protocols of TCP sockets that encrypt nothing, of IPv4 and of IPv6: likewise. A socket that does has
 * another one (update_sk_prot() in net/tls).
 */
extern __u64 plain_tcp, plain_tcp6;
/* Offset of the saved registers from a task's stack, learned at start: adding it costs less than a helper's
 * call. */
extern __u64 registers_on_stack;

/* One end of a transfer. */
struct end {
	struct file *file;
	struct inode *inode;
	/* the kernel's part of a socket; for others one of which everything reads as 0 */
	struct sock *sk;
	/* 0 where there is no file */
	__u64 address;
	/* S_IFREG, ...; 0 for no file */
	__u16 type;
};

static __always_inline struct end end_at(__u64 address)
{
	struct end end = { .address = address };

	end.file = OBJECT(struct file, address);
	end.inode = FIELD(end.file, f_inode);
	end.type = FIELD(end.inode, i_mode) & S_IFMT;
	end.sk = end.type == S_IFSOCK ? sock_of(end.file) : OBJECT(struct sock, 0);
	return end;
}

static __always_inline int before_6_5(void)
{
	return bpf_core_field_exists(((struct proto_ops___before_6_5 *)0)->sendpage);
}

/* Direct I/O moves between the device and the pages themselves: no CPU copy. */
static __always_inline int is_direct(struct end end)
{
	return (end.type == S_IFREG || end.type == S_IFBLK) && (FIELD(end.file, f_flags) & O_DIRECT);
}

static __always_inline __u32 why_source_copies(struct end source)
{
	if (source.type == S_IFIFO || !source.address)
		return COPY_NONE;
	if (source.type == S_IFSOCK) {
		struct socket *socket = OBJECT(struct socket, FIELD(source.file, private_data));

		if (!FIELD(FIELD(socket, ops), splice_read))
			return COPY_SOURCE_SOCKET_WITHOUT_SPLICE;
	}
	if (FIELD(source.inode, i_flags) & S_DAX)
		return COPY_SOURCE_DAX;
	if (before_6_5()) {
		/* generic_file_splice_read() serves all: it copies what is not in the page cache */
		if (source.type == S_IFCHR || is_synthetic(source.address))
			return COPY_SOURCE_COPIES;
	} else if ((__u64)FIELD(FIELD(source.file, f_op), splice_read) == copy_splice_read &&
		   !is_direct(source)) {
		return COPY_SOURCE_COPIES;
	}
	return COPY_NONE;
}

#define TLS_SW 1
#define TLS_HW 2

/* kTLS encrypts into pages of its own, unless the device encrypts and the user vouches for the pages. */
static __noinline int is_copying_ulp(const void *sk)
{
	const void *operations = KERNEL_READ(struct inet_connection_sock, sk, icsk_ulp_ops);
	const struct tls_context *context;
	__u32 name = 0;

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

/*
 * The route's device. sk_route_caps alone does not tell: TCP takes software segmentation for gathering
 * (sk_setup_caps()), and the packets are then copied on their way to such a device; of UDP over IPv4 there are
 * none.
 */
static __always_inline __u32 why_device_copies(struct sock *sk)
{
	struct dst_entry *route = FIELD(sk, sk_dst_cache);

	if (route && !(FIELD(FIELD(route, dev), features) & NETIF_F_SG))
		return COPY_SINK_SOCKET_WITHOUT_SG;
	return COPY_NONE;
}

static __always_inline int is_tcp(struct sock *sk, __u16 family)
{
	return (family == AF_INET || family == AF_INET6) && FIELD(sk, sk_protocol) == IPPROTO_TCP &&
	       FIELD(sk, sk_type) == SOCK_STREAM;
}

/* Of packets that TCP has not to encrypt. */
static __always_inline __u32 why_tcp_copies(struct sock *sk)
{
	if (!(FIELD(sk, sk_route_caps) & NETIF_F_SG))
		return COPY_SINK_SOCKET_WITHOUT_SG;
	return why_device_copies(sk);
}

static __always_inline void learn_tcp(struct sock *sk, __u16 family)
{
	__u64 *protocol = family == AF_INET ? &plain_tcp : &plain_tcp6;

	if (!*protocol)
		*protocol = KERNEL_READ_ADDRESS(struct sock, sk, __sk_common.skc_prot);
}

/*
 * What splice_to_socket() ends in (6.5 and newer: sendmsg with MSG_SPLICE_PAGES; before: the protocol's
 * sendpage).
 */
static __always_inline __u32 why_socket_copies(struct end sink)
{
	struct sock *sk = sink.sk;
	__u16 family = FIELD(sk, __sk_common.skc_family);

	if (!socket_file_ops)
		socket_file_ops = KERNEL_READ_ADDRESS(struct file, sink.address, f_op);

	if (is_tcp(sk, family)) {
		if (!FIELD(OBJECT(struct inet_connection_sock, sk), icsk_ulp_ops))
			learn_tcp(sk, family);
		else if (is_copying_ulp(sk))
			return COPY_SINK_TLS;
		return why_tcp_copies(sk);
	}
	if (family == AF_INET || family == AF_INET6) {
		if (FIELD(sk, sk_protocol) != IPPROTO_UDP || (before_6_5() && family == AF_INET6))
			return COPY_SINK_PROTOCOL;
		return why_device_copies(sk);
	}
	if (family == AF_UNIX && FIELD(sk, sk_type) == SOCK_STREAM)
		return COPY_NONE;
	return family == AF_ALG || family == AF_KCM ? COPY_NONE : COPY_SINK_PROTOCOL;
}

static __always_inline __u32 why_sink_copies(struct end sink)
{
	switch (sink.type) {
	case S_IFSOCK:
		return why_socket_copies(sink);
	case S_IFREG:
	case S_IFBLK:
		/* iter_file_splice_write() copies into the page cache, in all versions */
		return is_direct(sink) ? COPY_NONE : COPY_SINK_REGULAR_FILE;
	case S_IFCHR:
		return (__u64)FIELD(FIELD(sink.file, f_op), splice_write) == iter_file_splice_write
			       ? COPY_SINK_COPIES
			       : COPY_NONE;
	}
	return COPY_NONE;
}

static __always_inline __u32 why_splice_copies(struct end source, __u64 sink)
{
	__u32 reason = why_source_copies(source);

	return reason ? reason : why_sink_copies(end_at(sink));
}

/* Without an operation of the filesystem or a reflink, the kernel copies through the page cache. */
static __always_inline __u32 why_copy_file_range_copies(__u64 source, __u64 sink)
{
	if (!source || !sink || OPERATION_OF(sink, copy_file_range) || OPERATION_OF(source, remap_file_range))
		return COPY_NONE;
	return COPY_COPY_FILE_RANGE_IN_KERNEL;
}

/* SEND_ZC keeps the pages of the user, unless the device cannot gather, or they come in again on this host. */
static __always_inline __u32 why_send_zc_copies(struct end sink)
{
	struct dst_entry *route;
	struct net_device *device;

	if (sink.type != S_IFSOCK)
		return COPY_NONE;
	route = FIELD(sink.sk, sk_dst_cache);
	if (!route)
		return COPY_NONE;
	device = FIELD(route, dev);
	/* skb_orphan_frags_rx() on the way in */
	if (FIELD(device, flags) & IFF_LOOPBACK)
		return COPY_LOOPBACK;
	return FIELD(device, features) & NETIF_F_SG ? COPY_NONE : COPY_SINK_SOCKET_WITHOUT_SG;
}

/*
 * Why an attempt that moved bytes was a copy all the same; COPY_NONE if it was none. Takes the addresses of the
 * files: each is looked at only where its kind matters.
 */
static __always_inline __u32 copy_reason(__u32 mechanism, __u64 source, __u64 sink)
{
	switch (mechanism) {
	case MECHANISM_SENDFILE:
	case MECHANISM_SPLICE:
	case MECHANISM_IO_URING_SPLICE:
		return why_splice_copies(end_at(source), sink);
	case MECHANISM_VMSPLICE:
		return sink && !(mode_of(sink) & FMODE_WRITE) ? COPY_VMSPLICE_TO_USER : COPY_NONE;
	case MECHANISM_COPY_FILE_RANGE:
		return why_copy_file_range_copies(source, sink);
	case MECHANISM_IO_URING_SEND_ZC:
	case MECHANISM_IO_URING_SENDMSG_ZC:
		return why_send_zc_copies(end_at(sink));
	}
	return COPY_NONE;
}

#endif
