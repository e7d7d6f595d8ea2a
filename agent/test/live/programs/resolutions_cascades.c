/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* The program tries another zero-copy call on the same files. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "attempt.h"
#include "exactly.h"
#include "resolutions.h"
#include "setup.h"
#include "sockets.h"

static char block[PAGE];

/* As Java does for every transfer. */
static void sendfile_succeeds(void)
{
	struct refused_pair pair = file_to_socket();

	for (int i = 0; i < 3; i++) {
		refuse_copy_file_range(pair);
		exactly("sendfile", attempt_sendfile(pair.sink, pair.source, &(off_t){ 0 }, 100), 100);
		ends(COPY_FILE_RANGE, CASCADED, CASCADED);
	}
}

/* What follows a cascade is no copy of what was refused. */
static void sendfile_succeeds_then_read(void)
{
	struct refused_pair pair = file_to_socket();

	refuse_copy_file_range(pair);
	exactly("sendfile", attempt_sendfile(pair.sink, pair.source, &(off_t){ 0 }, 100), 100);
	exactly("read", read(pair.source, block, 100), 100);
	ends(COPY_FILE_RANGE, CASCADED, CASCADED);
}

static void sendfile_at_end(void)
{
	struct refused_pair pair = file_to_socket();

	refuse_copy_file_range(pair);
	exactly("sendfile", attempt_sendfile(pair.sink, pair.source, &(off_t){ PAGE }, 100), 0);
	ends(COPY_FILE_RANGE, CASCADED, CASCADED);
}

/* Also by a call that copies: the application does not. */
static void to_a_copying_call(void)
{
	int in = must(open("/dev/urandom", O_RDONLY), "open /dev/urandom"), sink = tcp_pair("127.0.0.1").tx;

	refuse_copy_file_range((struct refused_pair){ in, sink });
	exactly("sendfile", witness_copied(attempt_sendfile(sink, in, NULL, 100), SOURCE_COPIES), 100);
	ends(COPY_FILE_RANGE, CASCADED, CASCADED);
}

static void splice_through_a_pipe(void)
{
	struct refused_pair pair = socket_to_socket();
	struct pipe p = make_pipe();

	refuse_sendfile(pair);
	exactly("socket to pipe", attempt_splice(pair.source, NULL, p.write, NULL, 100, 0), 100);
	exactly("pipe to socket", attempt_splice(p.read, NULL, pair.sink, NULL, 100, 0), 100);
	ends(SENDFILE, CASCADED, CASCADED);
}

static void to_eagain(void)
{
	/* not of AF_UNIX: before 6.5 that takes a page however full it is */
	struct pair full = tcp_pair("127.0.0.1");
	struct refused_pair pair = { make_memfd(PAGE), full.tx };

	fill_pair(full);
	set_nonblocking(full.tx, true);
	refuse_copy_file_range(pair);
	exactly("sendfile", attempt_sendfile(pair.sink, pair.source, NULL, PAGE), -EAGAIN);
	ends(COPY_FILE_RANGE, CASCADED, CASCADED);
}

/* One chain, one fallback. */
static void three_refusals_then_read(void)
{
	struct refused_pair pair = status_to_socket();
	struct pipe p = make_pipe();

	refuse_copy_file_range(pair);
	ends(COPY_FILE_RANGE, CASCADED, CASCADED);
	refuse_sendfile(pair);
	ends(SENDFILE, CASCADED, CASCADED);
	exactly("splice",
		witness_refused(attempt_splice(pair.source, NULL, p.write, NULL, PAGE, 0), SOURCE_CANNOT_SPLICE),
		-EINVAL);
	must(read(pair.source, block, PAGE), "read");
	ends(SPLICE, CONFIRMED, PRESUMED);
}

static void refused_again_and_again(void)
{
	struct refused_pair pair = status_to_socket();

	/* unwatched they may as well be transfers of their own, each given up before the next */
	for (int i = 0; i < 9; i++) {
		refuse_sendfile(pair);
		if (i)
			ends(SENDFILE, CASCADED, ABANDONED);
	}
	must(read(pair.source, block, PAGE), "read");
	ends(SENDFILE, CONFIRMED, PRESUMED);
}

/* A failure leaves open what becomes of the refusal. */
static void sendfile_fails(void)
{
	struct pair tcp = tcp_pair("127.0.0.1");
	struct refused_pair pair = { make_memfd(PAGE), tcp.tx };

	refuse_copy_file_range(pair);
	reset_peer(&tcp);
	exactly("sendfile", attempt_sendfile(pair.sink, pair.source, NULL, 100), -ECONNRESET);
	shut(pair.sink);
	ends(COPY_FILE_RANGE, ABANDONED, ABANDONED);
}

/* Another sink, or another source: another transfer. */
static void sendfile_elsewhere(void)
{
	struct refused_pair pair = file_to_socket();
	struct pair other = tcp_pair("127.0.0.1");
	int file = make_memfd(PAGE);

	refuse_copy_file_range(pair);
	exactly("other sink", attempt_sendfile(other.tx, pair.source, NULL, 100), 100);
	exactly("other source", attempt_sendfile(pair.sink, file, NULL, 100), 100);
	shut(pair.source);
	ends(COPY_FILE_RANGE, ABANDONED, PRESUMED);
}

static void *drain_later(void *argument)
{
	sleep_milliseconds(1200);
	while (recv(*(int *)argument, (char[65536]){ 0 }, 65536, 0) > 0)
		;
	return NULL;
}

/* Longer in the next call than a refusal is waited for. */
static void sendfile_waits(void)
{
	struct pair full = tcp_pair("127.0.0.1");
	struct refused_pair pair = { make_memfd(PAGE), full.tx };
	pthread_t drain;

	fill_pair(full);
	start_thread(&drain, drain_later, &full.rx);
	refuse_copy_file_range(pair);
	exactly("sendfile", attempt_sendfile(pair.sink, pair.source, NULL, PAGE), PAGE);
	ends(COPY_FILE_RANGE, CASCADED, CASCADED);
	must(shutdown(full.tx, SHUT_WR), "shutdown");
	join_thread(drain);
}

const struct named_case cascade_cases[] = {
	{ "sendfile-succeeds", sendfile_succeeds },
	{ "sendfile-succeeds-then-read", sendfile_succeeds_then_read },
	{ "sendfile-at-end-of-file", sendfile_at_end },
	{ "sendfile-copies", to_a_copying_call },
	{ "splice-through-a-pipe", splice_through_a_pipe },
	{ "sendfile-would-block", to_eagain },
	{ "three-refusals-then-read", three_refusals_then_read },
	{ "refused-again-and-again", refused_again_and_again },
	{ "sendfile-fails", sendfile_fails },
	{ "sendfile-elsewhere", sendfile_elsewhere },
	{ "sendfile-waits", sendfile_waits },
	{ NULL, NULL },
};
