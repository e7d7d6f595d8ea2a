/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * children [N] [--kind KIND] [--parallel P] [--attempts A]
 *
 * N short-lived children (100), at most P at once (1), each making A attempts (by turns 1, 2 and 3) in each
 * of its parts and ending at once. KIND is one of children_kinds.c, or `mixed` (the default): by turns all.
 * Up to 1000 children the witness has a row "processes" per process and per image that an exec started.
 */
#define _GNU_SOURCE
#include "children.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "setup.h"
#include "sockets.h"
#include "witness.h"

#define USAGE                                                                                                          \
	"children [N] [--kind plain|nested|threads|exec|vfork|daemon|leaderless|thread-exec|mixed] [--parallel P] "    \
	"[--attempts A]"
#define MOST_WITH_ROWS 1000

static int kind_count(void)
{
	int n = 0;

	while (kinds[n].name)
		n++;
	return n;
}

/* -1 for mixed. */
static int kind_named(const char *name)
{
	if (!strcmp(name, "mixed"))
		return -1;
	for (int i = 0; kinds[i].name; i++)
		if (!strcmp(kinds[i].name, name))
			return i;
	usage(USAGE);
}

static void wait_for_one(void)
{
	int status;
	pid_t pid = must(wait(&status), "wait");

	if (status)
		die("child %d ended with status %x", pid, status);
}

static void run_children(long n, int kind, long parallel, long attempts)
{
	long running = 0;

	for (long i = 0; i < n; i++) {
		if (running == parallel) {
			wait_for_one();
			running--;
		}
		kinds[kind < 0 ? i % kind_count() : kind].start(attempts ? attempts : 1 + i % 3);
		running++;
	}
	while (running--)
		wait_for_one();
}

/* Daemons are nobody's children: they are gone when nobody holds the pipe any more. */
static void wait_for_daemons(struct pipe alive)
{
	char byte;

	must(close(alive.write), "close the pipe");
	must(read(alive.read, &byte, 1), "read until all have ended");
}

int main(int argc, char **argv)
{
	long n, parallel, attempts;
	struct pipe alive;
	int kind;

	if (argc == 7 && !strcmp(argv[1], IMAGE))
		run_image(argv + 2);
	kind = kind_named(take_option(&argc, argv, "--kind", "mixed"));
	parallel = number(take_option(&argc, argv, "--parallel", "1"), 1, "--parallel");
	attempts = number(take_option(&argc, argv, "--attempts", "0"), 0, "--attempts");
	no_options_left(argc, argv, USAGE);
	if (argc > 2)
		usage(USAGE);
	n = argc > 1 ? number(argv[1], 0, "N") : 100;
	witness_open();
	alive = make_pipe();
	inherited = (struct inheritance){ udp_pair("127.0.0.1", "127.0.0.1").tx, make_memfd(4096), alive.write };
	run_children(n, kind, parallel, attempts);
	wait_for_daemons(alive);
	witness_print(n <= MOST_WITH_ROWS ? PRINT_PROCESSES : 0, "");
	return 0;
}
