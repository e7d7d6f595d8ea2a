/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Sockets in every state, as sink and as source: what their state forbids fails, it is not refused. */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "attempt.h"
#include "exactly.h"
#include "reasons.h"
#include "setup.h"
#include "sockets.h"

static long send_page(int out, int in)
{
	return attempt_sendfile(out, in, &(off_t){ 0 }, PAGE);
}

static int listening(int family)
{
	int fd = bare_socket(family, SOCK_STREAM);

	must(listen(fd, 1), "listen");
	/* it has a port now, and the flow it belongs to is another */
	witness_socket(fd);
	return fd;
}

static void sinks(void)
{
	struct pair half = tcp_pair("127.0.0.1"), ended = tcp_pair("127.0.0.1"), deaf = tcp_pair("127.0.0.1");
	struct pair reset = tcp_pair("127.0.0.1"), local = unix_pair(SOCK_STREAM);
	int file = place.file;

	exactly("tcp never connected", send_page(bare_socket(AF_INET, SOCK_STREAM), file), -EPIPE);
	exactly("tcp6 never connected", send_page(bare_socket(AF_INET6, SOCK_STREAM), file), -EPIPE);
	exactly("udp never connected", send_page(bare_socket(AF_INET, SOCK_DGRAM), file), -EDESTADDRREQ);
	exactly("unix never connected", send_page(bare_socket(AF_UNIX, SOCK_STREAM), file), -ENOTCONN);
	exactly("tcp listening", send_page(listening(AF_INET), file), -EPIPE);
	/* the peer has ended its direction only: ours is open */
	must(shutdown(half.rx, SHUT_WR), "shutdown");
	exactly("half closed by the peer", send_page(half.tx, file), PAGE);
	must(shutdown(deaf.tx, SHUT_RD), "shutdown");
	exactly("half closed for reading", send_page(deaf.tx, file), PAGE);
	must(shutdown(ended.tx, SHUT_WR), "shutdown");
	exactly("half closed for writing", send_page(ended.tx, file), -EPIPE);
	reset_peer(&reset);
	exactly("reset", send_page(reset.tx, file), -ECONNRESET);
	exactly("reset before", send_page(reset.tx, file), -EPIPE);
	shut(local.rx);
	exactly("unix peer gone", send_page(local.tx, file), -EPIPE);
}

static void sources(void)
{
	struct pair half = tcp_pair("127.0.0.1"), reset = tcp_pair("127.0.0.1"), local = unix_pair(SOCK_STREAM);
	struct pipe p = make_pipe();

	exactly("never connected", attempt_splice(bare_socket(AF_INET, SOCK_STREAM), NULL, p.write, NULL, PAGE, 0),
		-ENOTCONN);
	exactly("listening", attempt_splice(listening(AF_INET), NULL, p.write, NULL, PAGE, 0), -ENOTCONN);
	must(shutdown(half.rx, SHUT_WR), "shutdown");
	exactly("ended by the peer", attempt_splice(half.tx, NULL, p.write, NULL, PAGE, 0), 0);
	reset_peer(&reset);
	exactly("reset", attempt_splice(reset.tx, NULL, p.write, NULL, PAGE, 0), -ECONNRESET);
	shut(local.rx);
	exactly("unix peer gone", attempt_splice(local.tx, NULL, p.write, NULL, PAGE, 0), 0);
}

const struct named_case state_cases[] = {
	{ "socket-states-as-sink", sinks },
	{ "socket-states-as-source", sources },
	{ NULL, NULL },
};
