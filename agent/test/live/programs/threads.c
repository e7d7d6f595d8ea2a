/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * threads [N [M]] [--bytes B] [--shared]
 *
 * N threads (64) make M sendfiles (1000) of B bytes (4096) each, all on the one flow 127.0.0.1 -> 127.0.0.1 tcp:
 * every thread over a connection of its own, or all over one. Two readers take the bytes with plain recv.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "attempt.h"
#include "setup.h"
#include "sockets.h"
#include "witness.h"

#define USAGE "threads [N [M]] [--bytes B] [--shared]"
#define READERS 2

struct run {
	int threads;
	long attempts;
	size_t bytes;
	int file;
	int connections;
	struct pair *pairs;
	pthread_barrier_t start;
};
static struct run run;

static void *send_all(void *argument)
{
	struct pair *pair = argument;

	pthread_barrier_wait(&run.start);
	for (long i = 0; i < run.attempts; i++) {
		off_t offset = 0;
		long ret = attempt_sendfile(pair->tx, run.file, &offset, run.bytes);

		errno = -ret;
		must(ret, "sendfile");
	}
	return NULL;
}

struct reader {
	int first;
	size_t received;
};

/* poll skips negative fds: a connection at its end leaves the set that way. */
static int read_ready(struct pollfd *fds, int n, size_t *received)
{
	static __thread char block[262144];
	int ended = 0;

	for (int i = 0; i < n; i++) {
		ssize_t got;

		if (fds[i].fd < 0 || !fds[i].revents)
			continue;
		got = must(recv(fds[i].fd, block, sizeof(block), 0), "recv");
		*received += got;
		if (!got) {
			fds[i].fd = -1;
			ended++;
		}
	}
	return ended;
}

/* Every READERS-th connection, until each has ended. */
static void *read_all(void *argument)
{
	struct reader *reader = argument;
	struct pollfd *fds = calloc(run.connections, sizeof(*fds));
	int n = 0, open;

	for (int i = reader->first; i < run.connections; i += READERS)
		fds[n++] = (struct pollfd){ .fd = run.pairs[i].rx, .events = POLLIN };
	for (open = n; open; open -= read_ready(fds, n, &reader->received))
		must(poll(fds, n, -1), "poll");
	free(fds);
	return NULL;
}

static size_t run_all(void)
{
	struct reader readers[READERS] = { { .first = 0 }, { .first = 1 } };
	pthread_t *senders = calloc(run.threads, sizeof(*senders)), reading[READERS];

	must_pthread(pthread_barrier_init(&run.start, NULL, run.threads), "pthread_barrier_init");
	for (int i = 0; i < READERS; i++)
		start_thread(&reading[i], read_all, &readers[i]);
	for (int i = 0; i < run.threads; i++)
		start_thread(&senders[i], send_all, &run.pairs[i % run.connections]);
	for (int i = 0; i < run.threads; i++)
		join_thread(senders[i]);
	for (int i = 0; i < run.connections; i++)
		must(shutdown(run.pairs[i].tx, SHUT_WR), "shutdown");
	for (int i = 0; i < READERS; i++)
		join_thread(reading[i]);
	free(senders);
	return readers[0].received + readers[1].received;
}

int main(int argc, char **argv)
{
	size_t received;

	run.bytes = number(take_option(&argc, argv, "--bytes", "4096"), 1, "--bytes");
	run.connections = take_flag(&argc, argv, "--shared") ? 1 : 0;
	no_options_left(argc, argv, USAGE);
	if (argc > 3)
		usage(USAGE);
	run.threads = argc > 1 ? number(argv[1], 1, "N") : 64;
	run.attempts = argc > 2 ? number(argv[2], 0, "M") : 1000;
	if (!run.connections)
		run.connections = run.threads;
	witness_open();
	run.file = make_memfd(run.bytes);
	run.pairs = calloc(run.connections, sizeof(*run.pairs));
	for (int i = 0; i < run.connections; i++)
		run.pairs[i] = tcp_pair("127.0.0.1");
	received = run_all();
	errno = EBADMSG;
	if (received != witness_bytes(SENDFILE))
		die("received %zu bytes, sent %lu", received, witness_bytes(SENDFILE));
	witness_print(0, "");
	return 0;
}
