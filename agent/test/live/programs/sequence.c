/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * sequence MECHANISM [--dir DIR] [--strict] [--swap]
 *
 * Every kind of success and every errno that one mechanism can be made to answer without a trick.
 */
#define _GNU_SOURCE
#include "sequence.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>

#include "setup.h"
#include "witness.h"

#define USAGE "sequence sendfile|splice|tee|vmsplice|copy_file_range [--dir DIR] [--strict] [--swap]"

static bool as_expected = true;

static const char *describe(long ret, char *text, size_t size)
{
	if (ret < 0)
		snprintf(text, size, "%s", errno_name(-ret));
	else if (ret == ANY_BYTES)
		snprintf(text, size, "some bytes");
	else
		snprintf(text, size, "%ld", ret);
	return text;
}

void expect(const char *step, long ret, long expected)
{
	char is[32], should[32];

	if (ret == expected || (expected == ANY_BYTES && ret > 0))
		return;
	as_expected = false;
	fprintf(stderr, "sequence: %s: expected %s, got %s\n", step, describe(expected, should, sizeof(should)),
		describe(ret, is, sizeof(is)));
}

bool all_as_expected(void)
{
	return as_expected;
}

static void on_alarm(int signal)
{
	(void)signal;
}

static void set_alarm(long microseconds)
{
	struct itimerval every = { .it_interval.tv_usec = microseconds, .it_value.tv_usec = microseconds };

	must(setitimer(ITIMER_REAL, &every, NULL), "setitimer");
}

/* Again and again: one signal alone could come before the call has begun to wait. */
void start_interrupting(void)
{
	struct sigaction action = { .sa_handler = on_alarm };

	must(sigaction(SIGALRM, &action, NULL), "sigaction SIGALRM");
	set_alarm(10000);
}

void stop_interrupting(void)
{
	set_alarm(0);
}

int closed_fd(void)
{
	/* high, so that nothing that is opened later gets the number */
	int fd = must(fcntl(0, F_DUPFD, 900), "fcntl F_DUPFD");

	shut(fd);
	return fd;
}

static void (*const sequences[])(const struct place *) = {
	[SENDFILE] = sequence_sendfile,
	[SPLICE] = sequence_splice,
	[TEE] = sequence_tee,
	[VMSPLICE] = sequence_vmsplice,
	[COPY_FILE_RANGE] = sequence_copy_file_range,
};

int main(int argc, char **argv)
{
	struct place place = {
		.dir = take_option(&argc, argv, "--dir", "/tmp"),
		.swap = take_flag(&argc, argv, "--swap"),
	};
	bool strict = take_flag(&argc, argv, "--strict");
	enum mechanism mechanism;

	if (argc != 2)
		usage(USAGE);
	mechanism = mechanism_named(argv[1]);
	if (mechanism > COPY_FILE_RANGE)
		usage(USAGE);
	/* EPIPE and EFBIG as results instead of signals */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	witness_open();
	place.file = make_file(place.dir, FILE_BYTES);
	sequences[mechanism](&place);
	witness_print(0, "");
	return strict && !all_as_expected();
}
