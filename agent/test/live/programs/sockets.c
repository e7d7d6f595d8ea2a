/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
#define _GNU_SOURCE
#include "sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "setup.h"
#include "witness.h"

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static union address parse(const char *text, socklen_t *length)
{
	union address a;

	memset(&a, 0, sizeof(a));
	if (inet_pton(AF_INET, text, &a.v4.sin_addr) == 1) {
		a.any.sa_family = AF_INET;
		*length = sizeof(a.v4);
	} else if (inet_pton(AF_INET6, text, &a.v6.sin6_addr) == 1) {
		a.any.sa_family = AF_INET6;
		*length = sizeof(a.v6);
	} else {
		errno = EINVAL;
		die("address %s", text);
	}
	return a;
}

/* IPv6 knows no loopback net: with FREEBIND any address can be the local one. */
static void allow_foreign(int fd, int family)
{
	int on = 1;

	if (family == AF_INET6)
		must(setsockopt(fd, SOL_IPV6, IPV6_FREEBIND, &on, sizeof(on)), "setsockopt IPV6_FREEBIND");
}

static int bound(const char *address, int type)
{
	socklen_t length;
	union address a = parse(address, &length);
	int fd = must(socket(a.any.sa_family, type, 0), "socket");

	allow_foreign(fd, a.any.sa_family);
	if (bind(fd, &a.any, length))
		die("bind %s", address);
	return fd;
}

static void connect_to(int fd, const char *peer, int rx)
{
	union address a, at;
	socklen_t length, at_length = sizeof(at);

	a = parse(peer, &length);
	must(getsockname(rx, &at.any, &at_length), "getsockname of the peer");
	/* the port stands at the same place in both families */
	a.v4.sin_port = at.v4.sin_port;
	if (connect(fd, &a.any, length))
		die("connect to %s", peer);
}

struct pair tcp_pair(const char *address)
{
	int listener = bound(address, SOCK_STREAM);
	struct pair pair;

	must(listen(listener, 1), "listen");
	pair.tx = bound(address, SOCK_STREAM);
	connect_to(pair.tx, address, listener);
	pair.rx = must(accept(listener, NULL, NULL), "accept");
	must(close(listener), "close the listener");
	witness_socket(pair.tx);
	witness_socket(pair.rx);
	return pair;
}

int udp_swallow(const char *address)
{
	int fd = bound(address, SOCK_DGRAM);
	int smallest = 1;

	must(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &smallest, sizeof(smallest)), "setsockopt SO_RCVBUF");
	witness_socket(fd);
	return fd;
}

int udp_from(const char *local, const char *peer, int rx)
{
	int fd = bound(local, SOCK_DGRAM);

	connect_to(fd, peer, rx);
	witness_socket(fd);
	return fd;
}

struct pair udp_pair(const char *local, const char *peer)
{
	struct pair pair = { .rx = udp_swallow(peer) };

	pair.tx = udp_from(local, peer, pair.rx);
	return pair;
}

struct pair unix_pair(int type)
{
	int ends[2];

	must(socketpair(AF_UNIX, type, 0, ends), "socketpair");
	witness_socket(ends[0]);
	witness_socket(ends[1]);
	return (struct pair){ ends[0], ends[1] };
}

int bare_socket(int family, int type)
{
	int fd = must(socket(family, type, 0), "socket");

	witness_socket(fd);
	return fd;
}

void shut_pair(struct pair pair)
{
	shut(pair.tx);
	if (pair.rx >= 0)
		shut(pair.rx);
}

/* Fixed sizes end the kernel's own tuning, which would make room again while nobody reads. */
static void fix_buffer(int fd, int which)
{
	int bytes = 16384;

	must(setsockopt(fd, SOL_SOCKET, which, &bytes, sizeof(bytes)), "setsockopt SO_SNDBUF, SO_RCVBUF");
}

/* TCP goes on moving bytes after EAGAIN, at the latest with a delayed ACK (40 ms): full is full after that. */
void fill_pair(struct pair pair)
{
	int quiet = 0;

	fix_buffer(pair.tx, SO_SNDBUF);
	fix_buffer(pair.rx, SO_RCVBUF);
	while (quiet < 40) {
		quiet = fill(pair.tx) ? 0 : quiet + 1;
		nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
	}
}

void reset_peer(struct pair *pair)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	must(setsockopt(pair->rx, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), "setsockopt SO_LINGER");
	shut(pair->rx);
	pair->rx = -1;
}
