/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * uring [MODE [N]]
 *
 * Zero-copy requests through io_uring, N rounds (10). MODE is one of the table below, or `all` (the default):
 * all but `overflow`, one after the other in one process.
 */
#define _GNU_SOURCE
#include "uring.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "setup.h"
#include "witness.h"

#define USAGE                                                                                                          \
	"uring [all|plain|sqpoll|async|fixed|sqpoll-fixed|defer|threads|linked|errors|enter-errors|setup-errors|"      \
	"seccomp|overflow [N]]"

static const struct mode {
	const char *name;
	void (*run)(long rounds);
	/* the trace point of a completion that does not fit names no opcode: only when asked for */
	bool alone;
} modes[] = {
	{ "plain", uring_plain, false },
	{ "sqpoll", uring_sqpoll, false },
	{ "async", uring_async, false },
	{ "fixed", uring_fixed, false },
	{ "sqpoll-fixed", uring_sqpoll_fixed, false },
	{ "defer", uring_defer, false },
	{ "threads", uring_threads, false },
	{ "linked", uring_linked, false },
	{ "errors", uring_errors, false },
	{ "enter-errors", uring_enter_errors, false },
	{ "setup-errors", uring_setup_errors, false },
	{ "overflow", uring_overflow, true },
	{ "seccomp", uring_seccomp, false },
};
#define MODES (sizeof(modes) / sizeof(*modes))

void expect(const char *step, long ret, long expected)
{
	if (ret != expected)
		fprintf(stderr, "uring: %s: expected %ld, got %ld\n", step, expected, ret);
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "all";
	long rounds = argc > 2 ? number(argv[2], 0, "N") : 10;
	bool all = !strcmp(name, "all"), found = false;

	if (argc > 3)
		usage(USAGE);
	signal(SIGPIPE, SIG_IGN);
	witness_open();
	for (size_t i = 0; i < MODES; i++) {
		if (all ? modes[i].alone : strcmp(name, modes[i].name) != 0)
			continue;
		modes[i].run(rounds);
		found = true;
	}
	if (!found)
		usage(USAGE);
	witness_print(0, "");
	return 0;
}
