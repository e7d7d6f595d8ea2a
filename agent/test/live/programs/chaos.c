/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * chaos SEED [--rounds R] [--threads T] [--steps S]
 *
 * R processes (20), one after the other, of T threads (3) that make S random steps (100) each on descriptors they
 * share: good and bad attempts, reads, writes, closes, dup2; now and then a thread forks a child that goes on alone and
 * then exits or execs. Attempts, bytes and errnos are exact. What each was, and how refusals ended, nobody can say.
 */
#define _GNU_SOURCE
#include "chaos.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "setup.h"
#include "witness.h"

#define USAGE "chaos SEED [--rounds R] [--threads T] [--steps S]"

struct run {
	long steps;
	int threads;
	unsigned int seed;
};
static struct run run;

unsigned int pick(struct chaos *chaos, unsigned int n)
{
	return rand_r(&chaos->seed) % n;
}

int any_number(struct chaos *chaos)
{
	return pick(chaos, 40) ? FIRST_NUMBER + (int)pick(chaos, NUMBERS) : pick(chaos, 2) ? -1 : 1000000000;
}

static void make_steps(struct chaos *chaos, long steps)
{
	while (steps--) {
		if (pick(chaos, 3))
			attempt_something(chaos);
		else
			do_something_else(chaos);
	}
}

/* Alone: a child has the descriptors, but none of the other threads. */
static void fork_one(struct chaos *chaos)
{
	int status;
	pid_t pid = must(fork(), "fork");

	if (!pid) {
		witness_process();
		/* the thread's own is still the thread's */
		ring_open(&chaos->ring, 4, 0, 0);
		make_steps(chaos, 10);
		if (pick(chaos, 2))
			execl("/bin/true", "true", NULL);
		_exit(0);
	}
	must(waitpid(pid, &status, 0), "waitpid");
	if (status)
		die("child %d ended with status %x", pid, status);
}

static void *live(void *argument)
{
	struct chaos chaos = { .seed = run.seed * 1000 + (long)argument };

	ring_open(&chaos.ring, 4, 0, 0);
	for (long half = 0; half < 2; half++) {
		make_steps(&chaos, run.steps / 2);
		if (pick(&chaos, 3) == 0)
			fork_one(&chaos);
	}
	ring_close(&chaos.ring);
	return NULL;
}

static _Noreturn void run_process(unsigned int round)
{
	struct chaos chaos = { .seed = run.seed * 1000 + 100 * round };
	pthread_t *all = calloc(run.threads, sizeof(*all));

	witness_process();
	run.seed = run.seed * 100 + round;
	for (int i = 0; i < NUMBERS; i++)
		renew(&chaos, FIRST_NUMBER + i);
	for (long i = 0; i < run.threads; i++)
		start_thread(&all[i], live, (void *)i);
	for (int i = 0; i < run.threads; i++)
		join_thread(all[i]);
	_exit(0);
}

int main(int argc, char **argv)
{
	long rounds = number(take_option(&argc, argv, "--rounds", "20"), 0, "--rounds");
	int status;

	run.threads = number(take_option(&argc, argv, "--threads", "3"), 1, "--threads");
	run.steps = number(take_option(&argc, argv, "--steps", "100"), 0, "--steps");
	if (argc != 2)
		usage(USAGE);
	run.seed = number(argv[1], 0, "SEED");
	signal(SIGPIPE, SIG_IGN);
	witness_open();
	witness_without_flows();
	for (long round = 0; round < rounds; round++) {
		pid_t pid = must(fork(), "fork");

		if (!pid)
			run_process(round);
		must(waitpid(pid, &status, 0), "waitpid");
		if (status)
			die("process %d ended with status %x", pid, status);
	}
	witness_print(0, ",\"flowsCounted\":false");
	return 0;
}
