/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * seccomp_errno CALL ERRNO [N] [--rate R]	N times CALL answered with ERRNO (a name or a number)
 * seccomp_errno all				every call with every errno from 1 to 133, once each
 *
 * CALL is a mechanism that is a system call, or io_uring_enter or io_uring_setup. With --rate, R calls a second: each at
 * its own moment, so that being late once makes no call late for good.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/io_uring.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "attempt.h"
#include "seccomp_filter.h"
#include "setup.h"
#include "sockets.h"
#include "witness.h"

#define USAGE "seccomp_errno CALL ERRNO [N] [--rate R] | seccomp_errno all"
#define LAST_ERRNO 133 /* EHWPOISON */
#define NS_PER_S 1000000000L

/* Real files, so that the attempts have a flow; none of them is ever touched. */
struct files {
	struct pair tcp;
	struct pipe pipe;
	int file;
};
static struct files files;

static long call_sendfile(int code)
{
	return attempt_sendfile(files.tcp.tx, files.file, NULL, answer_with(code));
}

static long call_splice(int code)
{
	return attempt_splice(files.pipe.read, NULL, files.tcp.tx, NULL, 1, answer_with(code));
}

static long call_tee(int code)
{
	return attempt_tee(files.pipe.read, files.pipe.write, 1, answer_with(code));
}

static long call_vmsplice(int code)
{
	return attempt_vmsplice(files.pipe.write, NULL, 0, answer_with(code));
}

static long call_copy_file_range(int code)
{
	return attempt_copy_file_range(files.file, NULL, files.file, NULL, 1, answer_with(code));
}

static long call_enter(int code)
{
	return ring_enter_with_size(-1, 1, 0, 0, answer_with(code));
}

static long call_setup(int code)
{
	struct io_uring_params params = { 0 };

	return ring_setup(answer_with(code), &params);
}

static const struct call {
	const char *name;
	long (*make)(int code);
	/* the mark is an unknown flag to the call: EINVAL is the caller's own fault, where the files have none */
	bool marked_by_flags;
} calls[] = {
	{ "sendfile", call_sendfile, false },
	{ "splice", call_splice, true },
	{ "tee", call_tee, true },
	{ "vmsplice", call_vmsplice, true },
	{ "copy_file_range", call_copy_file_range, true },
	{ "io_uring_enter", call_enter, false },
	{ "io_uring_setup", call_setup, false },
};
#define CALLS (sizeof(calls) / sizeof(*calls))

static const struct call *call_named(const char *name)
{
	for (size_t i = 0; i < CALLS; i++)
		if (!strcmp(calls[i].name, name))
			return &calls[i];
	usage(USAGE);
}

static int code_of(const char *text)
{
	for (int code = 1; code <= LAST_ERRNO; code++)
		if (!strcmp(errno_name(code), text))
			return code;
	/* up to 516: the restart codes, which user space sees only this way */
	return number(text, 1, "ERRNO");
}

static void answer(const struct call *call, int code)
{
	long ret = call->make(code);

	if (call->marked_by_flags && code == EINVAL)
		witness_failed(ret);
	if (ret == -code)
		return;
	errno = ret < 0 ? -ret : 0;
	die("%s answered %ld instead of %d", call->name, ret, -code);
}

static void every_call_with_every_errno(void)
{
	for (size_t i = 0; i < CALLS; i++)
		for (int code = 1; code <= LAST_ERRNO; code++)
			answer(&calls[i], code);
}

static void sleep_until(const struct timespec *began, long after_ns)
{
	long ns = began->tv_nsec + after_ns;
	struct timespec at = { began->tv_sec + ns / NS_PER_S, ns % NS_PER_S };

	must_pthread(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL), "clock_nanosleep");
}

/* `rate` 0: as fast as it goes. */
static void answer_at_rate(const struct call *call, int code, long n, long rate)
{
	struct timespec began;

	must(clock_gettime(CLOCK_MONOTONIC, &began), "clock_gettime");
	for (long i = 0; i < n; i++) {
		if (rate)
			sleep_until(&began, i * NS_PER_S / rate);
		answer(call, code);
	}
}

int main(int argc, char **argv)
{
	long rate = number(take_option(&argc, argv, "--rate", "0"), 0, "--rate");
	bool all = argc == 2 && !strcmp(argv[1], "all");

	no_options_left(argc, argv, USAGE);
	if (!all && argc != 3 && argc != 4)
		usage(USAGE);
	witness_open();
	files = (struct files){ tcp_pair("127.0.0.1"), make_pipe(), make_memfd(4096) };
	install_errno_filter();
	if (all) {
		every_call_with_every_errno();
	} else {
		const struct call *call = call_named(argv[1]);

		answer_at_rate(call, code_of(argv[2]), argc == 4 ? number(argv[3], 0, "N") : 1, rate);
	}
	witness_print(0, "");
	return 0;
}
