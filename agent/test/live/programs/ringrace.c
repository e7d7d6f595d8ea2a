/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * ringrace [N] [--threads T]
 *
 * N splices (300000) through a ring to a sink that refuses, while T threads (2) write to that sink without a pause:
 * what a ring was refused belongs to the process, and all of them are about to confirm the same refusal.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "exactly.h"
#include "ring.h"
#include "setup.h"

#define USAGE "ringrace [N] [--threads T]"

static struct {
	/* an eventfd: a write to it neither waits nor takes long */
	int sink;
	bool stop;
} run;

static void *write_on(void *unused)
{
	const uint64_t nothing = 0;

	(void)unused;
	while (!__atomic_load_n(&run.stop, __ATOMIC_RELAXED))
		exactly("write", write(run.sink, &nothing, sizeof(nothing)), sizeof(nothing));
	return NULL;
}

static void be_refused(long n)
{
	struct pipe p = make_pipe();
	struct ring ring;

	ring_open(&ring, 4, 0, 0);
	while (n--) {
		ring_splice(&ring, p.read, -1, run.sink, 16, 0);
		exactly("splice", witness_refused(ring_do(&ring), SINK_CANNOT_SPLICE), -EINVAL);
	}
	ring_close(&ring);
}

int main(int argc, char **argv)
{
	int threads = number(take_option(&argc, argv, "--threads", "2"), 1, "--threads");
	pthread_t *all = calloc(threads, sizeof(*all));

	no_options_left(argc, argv, USAGE);
	if (argc > 2)
		usage(USAGE);
	witness_open();
	run.sink = must(eventfd(0, 0), "eventfd");
	for (int i = 0; i < threads; i++)
		start_thread(&all[i], write_on, NULL);
	be_refused(argc > 1 ? number(argv[1], 0, "N") : 300000);
	__atomic_store_n(&run.stop, true, __ATOMIC_RELAXED);
	for (int i = 0; i < threads; i++)
		join_thread(all[i]);
	free(all);
	witness_print(0, "");
	return 0;
}
