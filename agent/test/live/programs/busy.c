/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * busy [SECONDS] [--threads T] [--bytes B] [--count N]
 *
 * T threads (1; 0: the process has one thread, and needs --count) each send B bytes (4096) over a TCP connection of their own and receive them, until SECONDS (10)
 * have passed, or SIGTERM or SIGINT comes, or N attempts were made (exactly N, all threads together). Says
 * "busy: ready" on stderr when the load begins. The witness has "seconds" besides.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "attempt.h"
#include "setup.h"
#include "sockets.h"
#include "witness.h"

#define USAGE "busy [SECONDS] [--threads T] [--bytes B] [--count N]"

struct run {
	size_t bytes;
	/* attempts that may still be made; without --count more than anyone can make */
	long left;
	int threads_left;
	bool stop;
	int file;
};
static struct run run;

static bool may_go_on(void)
{
	return !__atomic_load_n(&run.stop, __ATOMIC_RELAXED) &&
	       __atomic_fetch_sub(&run.left, 1, __ATOMIC_RELAXED) > 0;
}

static void receive(int fd, size_t bytes)
{
	static __thread char block[65536];

	while (bytes)
		bytes -= must(recv(fd, block, bytes < sizeof(block) ? bytes : sizeof(block), 0), "recv");
}

static void *send_and_receive(void *unused)
{
	struct pair tcp = tcp_pair("127.0.0.1");

	(void)unused;
	while (may_go_on()) {
		off_t offset = 0;
		long ret = attempt_sendfile(tcp.tx, run.file, &offset, run.bytes);

		errno = -ret;
		receive(tcp.rx, must(ret, "sendfile"));
	}
	shut_pair(tcp);
	__atomic_fetch_sub(&run.threads_left, 1, __ATOMIC_RELEASE);
	return NULL;
}

static double now(void)
{
	struct timespec time;

	must(clock_gettime(CLOCK_MONOTONIC, &time), "clock_gettime");
	return time.tv_sec + time.tv_nsec / 1e9;
}

/* Blocked in every thread, so that no signal ever interrupts an attempt. */
static sigset_t stopping_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	must_pthread(pthread_sigmask(SIG_BLOCK, &set, NULL), "pthread_sigmask");
	return set;
}

static void wait_for_the_end(const sigset_t *signals, double until)
{
	const struct timespec tick = { .tv_nsec = 10000000 };

	while (now() < until && __atomic_load_n(&run.threads_left, __ATOMIC_ACQUIRE))
		if (sigtimedwait(signals, NULL, &tick) > 0)
			return;
}

int main(int argc, char **argv)
{
	int threads = number(take_option(&argc, argv, "--threads", "1"), 0, "--threads");
	pthread_t *all = calloc(threads + 1, sizeof(*all));
	sigset_t signals = stopping_signals();
	double began, seconds;
	char extra[64];

	/* both ends are one thread's: what it sends must fit between them */
	run.bytes = number(take_option(&argc, argv, "--bytes", "4096"), 1, "--bytes");
	if (run.bytes > 65536)
		usage("busy --bytes of at most 65536");
	run.left = number(take_option(&argc, argv, "--count", "4611686018427387904"), 0, "--count");
	no_options_left(argc, argv, USAGE);
	if (argc > 2)
		usage(USAGE);
	seconds = argc > 1 ? number(argv[1], 0, "SECONDS") : 10;
	run.threads_left = threads ? threads : 1;
	witness_open();
	run.file = make_memfd(run.bytes);
	fprintf(stderr, "busy: ready\n");
	began = now();
	for (int i = 0; i < threads; i++)
		start_thread(&all[i], send_and_receive, NULL);
	if (!threads)
		send_and_receive(NULL);
	wait_for_the_end(&signals, began + seconds);
	__atomic_store_n(&run.stop, true, __ATOMIC_RELAXED);
	for (int i = 0; i < threads; i++)
		join_thread(all[i]);
	free(all);
	snprintf(extra, sizeof(extra), ",\"seconds\":%.3f", now() - began);
	witness_print(0, extra);
	return 0;
}
