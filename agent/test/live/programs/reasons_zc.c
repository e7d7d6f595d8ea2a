/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* SEND_ZC and SENDMSG_ZC: what the route tells, and what the notification tells when it was asked for. */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "exactly.h"
#include "network.h"
#include "reasons.h"
#include "ring.h"
#include "setup.h"
#include "sockets.h"

#define SOME 1000

static char memory[PAGE] __attribute__((aligned(PAGE)));
static struct iovec part = { memory, SOME };
static const struct msghdr header = { .msg_iov = &part, .msg_iovlen = 1 };

static long send_zc(struct ring *ring, int fd, unsigned int flags)
{
	ring_send_zc(ring, fd, memory, SOME, MSG_NOSIGNAL)->ioprio = flags;
	return ring_do(ring);
}

static long sendmsg_zc(struct ring *ring, int fd, unsigned int flags)
{
	ring_sendmsg_zc(ring, fd, &header, MSG_NOSIGNAL)->ioprio = flags;
	return ring_do(ring);
}

static struct ring open_ring(void)
{
	struct ring ring;

	ring_open(&ring, 4, 0, 0);
	return ring;
}

static void copied_by_both(int fd, enum copy_reason reason)
{
	struct ring ring = open_ring();

	for (int i = 0; i < 3; i++)
		exactly("send_zc", witness_copied(send_zc(&ring, fd, 0), reason), SOME);
	witness_culprit("socket", NULL, "sockfs");
	for (int i = 0; i < 2; i++)
		exactly("sendmsg_zc", witness_copied(sendmsg_zc(&ring, fd, 0), reason), SOME);
	witness_culprit("socket", NULL, "sockfs");
}

static void by_loopback(void)
{
	copied_by_both(tcp_pair("127.0.0.1").tx, LOOPBACK);
	copied_by_both(tcp_pair("::1").tx, LOOPBACK);
	copied_by_both(udp_pair("127.0.0.1", "127.0.0.1").tx, LOOPBACK);
}

static void without_sg(void)
{
	enter_own_network(false);
	copied_by_both(udp_beyond().tx, SINK_SOCKET_WITHOUT_SG);
}

/* The ring's notification says "copied", and the witness heard it. */
static void notified_by_both(int fd)
{
	struct ring ring = open_ring();

	for (int i = 0; i < 3; i++)
		exactly("send_zc", send_zc(&ring, fd, IORING_SEND_ZC_REPORT_USAGE), SOME);
	for (int i = 0; i < 2; i++)
		exactly("sendmsg_zc", sendmsg_zc(&ring, fd, IORING_SEND_ZC_REPORT_USAGE), SOME);
}

static void notified_by_loopback(void)
{
	notified_by_both(tcp_pair("127.0.0.1").tx);
	exactly("copied as notified", witness_copies(IO_URING_SEND_ZC), 3);
	exactly("copied as notified", witness_copies(IO_URING_SENDMSG_ZC), 2);
}

static void notified_without_sg(void)
{
	enter_own_network(false);
	notified_by_both(udp_beyond().tx);
	exactly("copied as notified", witness_copies(IO_URING_SEND_ZC), 3);
}

/* Packets that are dropped as they are, pages and all: the notification says that nobody copied them. */
static void notified_uncopied(void)
{
	enter_own_network(true);
	drop_packets();
	notified_by_both(udp_beyond().tx);
	exactly("copied as notified", witness_copies(IO_URING_SEND_ZC), 0);
}

static void by_device_with_sg(void)
{
	struct ring ring = open_ring();
	int fd;

	enter_own_network(true);
	fd = udp_beyond().tx;
	for (int i = 0; i < 3; i++)
		exactly("send_zc", send_zc(&ring, fd, 0), SOME);
	exactly("sendmsg_zc", sendmsg_zc(&ring, fd, 0), SOME);
}

static void not_supported(void)
{
	struct ring ring = open_ring();
	struct pair local = unix_pair(SOCK_STREAM);

	for (int i = 0; i < 3; i++)
		exactly("send_zc", witness_refused(send_zc(&ring, local.tx, 0), ZC_NOT_SUPPORTED), -EOPNOTSUPP);
	witness_culprit("socket", NULL, "sockfs");
	exactly("sendmsg_zc", witness_refused(sendmsg_zc(&ring, local.tx, 0), ZC_NOT_SUPPORTED), -EOPNOTSUPP);
	/* it never sends: there is no notification that could say more */
	exactly("send_zc", witness_refused(send_zc(&ring, local.tx, IORING_SEND_ZC_REPORT_USAGE), ZC_NOT_SUPPORTED),
		-EOPNOTSUPP);
}

static void iopoll(void)
{
	struct pair tcp = tcp_pair("127.0.0.1");
	struct pipe p = make_pipe(), q = make_pipe();
	struct ring ring;

	ring_open(&ring, 4, 0, IORING_SETUP_IOPOLL);
	for (int i = 0; i < 2; i++) {
		/* no flow: it is refused before its file was looked up */
		witness_forget(tcp.tx);
		exactly("send_zc", witness_refused(send_zc(&ring, tcp.tx, 0), RING_IOPOLL), -EINVAL);
		exactly("sendmsg_zc", witness_refused(sendmsg_zc(&ring, tcp.tx, 0), RING_IOPOLL), -EINVAL);
		ring_splice(&ring, place.file, 0, p.write, PAGE, 0);
		exactly("splice", witness_refused(ring_do(&ring), RING_IOPOLL), -EINVAL);
		ring_tee(&ring, p.read, q.write, PAGE, 0);
		exactly("tee", witness_refused(ring_do(&ring), RING_IOPOLL), -EINVAL);
	}
}

static void bad_sends(void)
{
	struct ring ring = open_ring();
	struct pair ended = tcp_pair("127.0.0.1"), reset = tcp_pair("127.0.0.1");
	int alone = bare_socket(AF_INET, SOCK_STREAM), udp_alone = bare_socket(AF_INET, SOCK_DGRAM);

	exactly("no socket", send_zc(&ring, place.file, 0), -ENOTSOCK);
	exactly("no fd", send_zc(&ring, -1, 0), -EBADF);
	exactly("never connected", send_zc(&ring, alone, 0), -EPIPE);
	exactly("udp never connected", sendmsg_zc(&ring, udp_alone, 0), -EDESTADDRREQ);
	must(shutdown(ended.tx, SHUT_WR), "shutdown");
	exactly("after shutdown", send_zc(&ring, ended.tx, 0), -EPIPE);
	reset_peer(&reset);
	exactly("after a reset", sendmsg_zc(&ring, reset.tx, 0), -ECONNRESET);
}

const struct named_case zc_cases[] = {
	{ "zc-loopback", by_loopback },
	{ "zc-without-sg", without_sg },
	{ "zc-notified-copied", notified_by_loopback },
	{ "zc-notified-without-sg", notified_without_sg },
	{ "zc-notified-uncopied", notified_uncopied },
	{ "zc-device-with-sg", by_device_with_sg },
	{ "zc-not-supported", not_supported },
	{ "zc-ring-iopoll", iopoll },
	{ "zc-failed", bad_sends },
	{ NULL, NULL },
};
