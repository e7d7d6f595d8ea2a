/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Connected sockets over loopback; the witness knows each of them. */
#ifndef SOCKETS_H
#define SOCKETS_H

struct pair {
	/* where attempts send */
	int tx;
	/* the peer: its application reads here */
	int rx;
};

/* `address` is 127.0.0.1, ::1 or, for a v4-mapped IPv6 socket, ::ffff:127.0.0.1. */
struct pair tcp_pair(const char *address);
/* The peer is never read: what does not fit is dropped, and no send ever waits. */
struct pair udp_pair(const char *local, const char *peer);
struct pair unix_pair(int type);
/* A UDP socket from `local` to the peer socket `rx` at `peer`. `local` may be any local address. */
int udp_from(const char *local, const char *peer, int rx);
/* A bound UDP socket that swallows datagrams. */
int udp_swallow(const char *address);
/* A socket that is neither bound nor connected. */
int bare_socket(int family, int type);

void shut_pair(struct pair pair);
/* Fill a TCP connection, both buffers of it, until it takes no byte more. */
void fill_pair(struct pair pair);
/* Close the peer with a reset instead of a farewell; only tx is left. */
void reset_peer(struct pair *pair);

#endif
