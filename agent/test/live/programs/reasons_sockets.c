/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Sinks that are sockets: whether they take pages as they are. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "attempt.h"
#include "exactly.h"
#include "network.h"
#include "reasons.h"
#include "setup.h"
#include "sockets.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

#define SOME 100

static long send_some(int out, int in)
{
	return attempt_sendfile(out, in, &(off_t){ 0 }, SOME);
}

static long splice_some(int out, int in)
{
	struct pipe p = make_pipe();
	long ret;

	exactly("file to pipe", attempt_splice(in, &(off_t){ 0 }, p.write, NULL, SOME, 0), SOME);
	ret = attempt_splice(p.read, NULL, out, NULL, SOME, 0);
	shut_pipe(p);
	return ret;
}

static void by_both(int out, enum copy_reason reason)
{
	for (int i = 0; i < 3; i++)
		exactly("sendfile", witness_copied(send_some(out, place.file), reason), SOME);
	witness_culprit("socket", NULL, "sockfs");
	exactly("splice", witness_copied(splice_some(out, place.file), reason), SOME);
	witness_culprit("socket", NULL, "sockfs");
}

/* The kernel lays the pages end to end in new memory when it hands them to the device (validate_xmit_skb). */
static void tcp_without_sg(void)
{
	enter_own_network(false);
	by_both(tcp_beyond(false).tx, SINK_SOCKET_WITHOUT_SG);
}

static void signed_tcp_without_sg(void)
{
	enter_own_network(false);
	by_both(tcp_beyond(true).tx, SINK_SOCKET_WITHOUT_SG);
}

static void udp_without_sg(void)
{
	enter_own_network(false);
	by_both(udp_beyond().tx, SINK_SOCKET_WITHOUT_SG);
}

static void unix_datagrams(void)
{
	by_both(unix_pair(SOCK_DGRAM).tx, SINK_PROTOCOL);
}

static void unix_seqpacket(void)
{
	by_both(unix_pair(SOCK_SEQPACKET).tx, SINK_PROTOCOL);
}

/* Bound to 127.0.0.1 and connected to its own port. */
static int connected_to_itself(int type, int protocol)
{
	struct sockaddr_in self = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(self);
	int fd = must(socket(AF_INET, type, protocol), "socket");

	must(bind(fd, (struct sockaddr *)&self, sizeof(self)), "bind");
	must(getsockname(fd, (struct sockaddr *)&self, &length), "getsockname");
	must(connect(fd, (struct sockaddr *)&self, sizeof(self)), "connect");
	witness_socket(fd);
	return fd;
}

/* Gone since Linux 7.1. */
static void udp_lite(void)
{
	int probe = socket(AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE);

	if (probe < 0 && errno == EPROTONOSUPPORT)
		impossible("this kernel has no UDP-Lite");
	must(close(must(probe, "socket")), "close");
	by_both(connected_to_itself(SOCK_DGRAM, IPPROTO_UDPLITE), SINK_PROTOCOL);
}

/* 253: for experiments (RFC 3692). */
static void raw(void)
{
	by_both(connected_to_itself(SOCK_RAW, 253), SINK_PROTOCOL);
}

static void mptcp(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(at);
	int listener = must(socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP), "socket IPPROTO_MPTCP");
	int fd = must(socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP), "socket IPPROTO_MPTCP");

	must(bind(listener, (struct sockaddr *)&at, sizeof(at)), "bind");
	must(listen(listener, 1), "listen");
	must(getsockname(listener, (struct sockaddr *)&at, &length), "getsockname");
	must(connect(fd, (struct sockaddr *)&at, sizeof(at)), "connect");
	witness_socket(fd);
	by_both(fd, SINK_PROTOCOL);
}

/* To the kernel, which finds no message in it. */
static void netlink(void)
{
	by_both(bare_socket(AF_NETLINK, SOCK_RAW), SINK_PROTOCOL);
}

static void packet(void)
{
	struct sockaddr_ll lo = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_LOOPBACK) };
	int fd;

	/* where nobody hears it */
	enter_own_network(true);
	lo.sll_ifindex = if_nametoindex("lo");
	fd = bare_socket(AF_PACKET, SOCK_RAW);
	must(bind(fd, (struct sockaddr *)&lo, sizeof(lo)), "bind to lo");
	by_both(fd, SINK_PROTOCOL);
}

static void taken_as_they_are(void)
{
	int sinks[] = {
		tcp_pair("127.0.0.1").tx,
		tcp_pair("::1").tx,
		tcp_pair("::ffff:127.0.0.1").tx,
		udp_pair("127.0.0.1", "127.0.0.1").tx,
		unix_pair(SOCK_STREAM).tx,
	};

	for (size_t i = 0; i < sizeof(sinks) / sizeof(*sinks); i++) {
		exactly("sendfile", send_some(sinks[i], place.file), SOME);
		exactly("splice", splice_some(sinks[i], place.file), SOME);
	}
	enter_own_network(true);
	exactly("tcp by a device with scatter-gather", send_some(tcp_beyond(false).tx, place.file), SOME);
	exactly("udp by a device with scatter-gather", send_some(udp_beyond().tx, place.file), SOME);
}

/*
 * Whether what waits to be sent from the file is still in its page: what is written there now is then received. Two
 * of its words change places, which leaves the checksum as it is.
 */
static bool is_by_reference(struct pair udp, int file)
{
	char words[4], received[SOME];

	exactly("read behind the call", pread(file, words, 4, 0), 4);
	exactly("write", pwrite(file, words + 2, 2, 0) + pwrite(file, words, 2, 2), 4);
	must(setsockopt(udp.tx, IPPROTO_UDP, UDP_CORK, &(int){ 0 }, sizeof(int)), "setsockopt UDP_CORK");
	exactly("recv", recv(udp.rx, received, SOME, 0), SOME);
	return memcmp(received, words, 4);
}

/* Copied by kernels before 6.5, whose UDP takes pages over IPv4 only. */
static void udp_over_ipv6(void)
{
	struct pair udp = udp_pair("::1", "::1");
	int room = 1 << 16;

	must(setsockopt(udp.rx, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)), "setsockopt SO_RCVBUF");
	for (int i = 0; i < 4; i++) {
		int file = make_memfd(PAGE);
		long ret;

		must(setsockopt(udp.tx, IPPROTO_UDP, UDP_CORK, &(int){ 1 }, sizeof(int)), "setsockopt UDP_CORK");
		ret = i % 2 ? splice_some(udp.tx, file) : send_some(udp.tx, file);
		exactly("udp over IPv6", is_by_reference(udp, file) ? ret : witness_copied(ret, SINK_PROTOCOL), SOME);
		shut(file);
	}
}

/* What the probes have learned from calls without a reason must not hide the reason of another. */
static void among_ordinary_ones(void)
{
	/* spliced by every kernel, unlike /dev/zero */
	int device = must(open("/dev/urandom", O_RDONLY), "open /dev/urandom");
	struct pair v4, v6, datagrams = unix_pair(SOCK_DGRAM);
	int beyond;

	enter_own_network(false);
	v4 = tcp_pair("127.0.0.1");
	v6 = tcp_pair("::1");
	beyond = tcp_beyond(false).tx;
	for (int i = 0; i < 3; i++) {
		exactly("file", send_some(v4.tx, place.file), SOME);
		exactly("file over IPv6", send_some(v6.tx, place.file), SOME);
		exactly("pipe", splice_some(v4.tx, place.file), SOME);
		exactly("device", witness_copied(attempt_sendfile(v4.tx, device, NULL, SOME), SOURCE_COPIES), SOME);
		exactly("device over IPv6", witness_copied(attempt_sendfile(v6.tx, device, NULL, SOME), SOURCE_COPIES),
			SOME);
		exactly("datagram", witness_copied(send_some(datagrams.tx, place.file), SINK_PROTOCOL), SOME);
		exactly("no gathering", witness_copied(send_some(beyond, place.file), SINK_SOCKET_WITHOUT_SG), SOME);
	}
}

const struct named_case socket_cases[] = {
	{ "sink-tcp-without-sg", tcp_without_sg },
	{ "sink-signed-tcp-without-sg", signed_tcp_without_sg },
	{ "sink-udp-without-sg", udp_without_sg },
	{ "sink-unix-datagram", unix_datagrams },
	{ "sink-unix-seqpacket", unix_seqpacket },
	{ "sink-udp-lite", udp_lite },
	{ "sink-raw", raw },
	{ "sink-mptcp", mptcp },
	{ "sink-netlink", netlink },
	{ "sink-packet", packet },
	{ "sink-socket-is-no-copy", taken_as_they_are },
	{ "sink-udp-over-ipv6", udp_over_ipv6 },
	{ "sink-among-ordinary-ones", among_ordinary_ones },
	{ NULL, NULL },
};
