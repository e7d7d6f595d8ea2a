/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * flows [N [M]] [--start S] [--threads T] [--race] [--ipv6 | --mapped]
 *
 * N distinct flows (1000), M sendfiles (1) on each, to connected UDP sockets bound to N different loopback
 * addresses from the S-th (0) on. T threads (1) share the flows among them; with --race all T (2) use every
 * flow, beginning each at the same moment on a CPU of their own, so that its first use is a race.
 *
 * UDP, because a datagram that nobody reads is dropped: no attempt ever waits.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "attempt.h"
#include "setup.h"
#include "sockets.h"
#include "witness.h"

#define USAGE "flows [N [M]] [--start S] [--threads T] [--race] [--ipv6 | --mapped]"
/* 127.1.0.0 and up: the lower ones are for others, the uppermost is a broadcast address */
#define LAST_FLOW (254 * 65536 - 1)
#define DATAGRAM 64

struct run {
	long flows;
	long attempts;
	long start;
	int threads;
	bool race;
	bool ipv6;
	bool mapped;
	int file;
	int swallow;
	/* how many threads have reached their next key, counted up for ever */
	long arrived;
};
static struct run run;

static const char *peer(void)
{
	return run.ipv6 ? "::1" : run.mapped ? "::ffff:127.0.0.1" : "127.0.0.1";
}

static void local(long flow, char *text, size_t size)
{
	unsigned int n = flow;

	if (run.ipv6)
		snprintf(text, size, "fd5b:5b11::%x:%x", n >> 16, n & 0xffff);
	else
		snprintf(text, size, "%s127.%u.%u.%u", run.mapped ? "::ffff:" : "", 1 + (n >> 16), n >> 8 & 255,
			 n & 255);
}

/* Spinning and not sleeping: a thread that had to be woken would always come second. */
static void meet(long round)
{
	long all = (round + 1) * run.threads;

	__atomic_fetch_add(&run.arrived, 1, __ATOMIC_SEQ_CST);
	for (long spins = 1; __atomic_load_n(&run.arrived, __ATOMIC_SEQ_CST) < all; spins++)
		if (spins % 10000 == 0)
			sched_yield();
}

static void use(long flow, long round)
{
	char address[64];
	int fd;

	local(run.start + flow, address, sizeof(address));
	fd = udp_from(address, peer(), run.swallow);
	if (run.race)
		meet(round);
	for (long i = 0; i < run.attempts; i++) {
		off_t offset = 0;
		long ret = attempt_sendfile(fd, run.file, &offset, DATAGRAM);

		errno = -ret;
		must(ret, "sendfile");
	}
	shut(fd);
}

static void *use_flows(void *argument)
{
	long thread = (long)argument;

	if (run.race)
		pin_to_cpu(thread % sysconf(_SC_NPROCESSORS_ONLN));
	if (run.race)
		for (long flow = 0; flow < run.flows; flow++)
			use(flow, flow);
	else
		for (long flow = thread; flow < run.flows; flow += run.threads)
			use(flow, flow);
	return NULL;
}

static void parse(int argc, char **argv)
{
	run.race = take_flag(&argc, argv, "--race");
	run.ipv6 = take_flag(&argc, argv, "--ipv6");
	run.mapped = take_flag(&argc, argv, "--mapped");
	run.start = number(take_option(&argc, argv, "--start", "0"), 0, "--start");
	run.threads = number(take_option(&argc, argv, "--threads", run.race ? "2" : "1"), 1, "--threads");
	no_options_left(argc, argv, USAGE);
	if (argc > 3 || (run.ipv6 && run.mapped))
		usage(USAGE);
	run.flows = argc > 1 ? number(argv[1], 0, "N") : 1000;
	run.attempts = argc > 2 ? number(argv[2], 0, "M") : 1;
	errno = ERANGE;
	if (run.start + run.flows > LAST_FLOW)
		die("only %d loopback addresses", LAST_FLOW);
}

int main(int argc, char **argv)
{
	pthread_t *threads;

	parse(argc, argv);
	witness_open();
	run.file = make_memfd(DATAGRAM);
	run.swallow = udp_swallow(peer());
	threads = calloc(run.threads, sizeof(*threads));
	for (long i = 0; i < run.threads; i++)
		start_thread(&threads[i], use_flows, (void *)i);
	for (int i = 0; i < run.threads; i++)
		join_thread(threads[i]);
	free(threads);
	witness_print(0, "");
	return 0;
}
