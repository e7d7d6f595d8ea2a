/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * resolutions all|CASE [--unwatched]	a witness a line; all run at once
 * resolutions --list			the names of all cases, one a line
 *
 * The witness tells how each refusal ends when the calls after it are watched; with --unwatched, when they are not:
 * then it counts for a copy unless the kernel's accounts of the thread rule that out: it read no byte, and wrote none
 * or touched no new page. Bytes that sendfile moved or exec read count there too, those that sockets receive do not.
 */
#define _GNU_SOURCE
#include "resolutions.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "attempt.h"
#include "exactly.h"
#include "setup.h"
#include "sockets.h"

#define USAGE "resolutions all|CASE [--unwatched] | resolutions --list"

static const struct named_case *const groups[] = { copy_cases, cascade_cases, end_cases, ring_cases, NULL };

static bool unwatched_truth;

void ends(enum mechanism mechanism, enum resolution watched, enum resolution unwatched)
{
	witness_resolved(mechanism, unwatched_truth ? unwatched : watched);
}

struct refused_pair status_to_socket(void)
{
	int status = must(open("/proc/self/status", O_RDONLY), "open /proc/self/status");

	return (struct refused_pair){ status, tcp_pair("127.0.0.1").tx };
}

struct refused_pair file_to_log(void)
{
	return (struct refused_pair){ make_memfd(PAGE), reopen(make_memfd(0), O_RDWR | O_APPEND) };
}

struct refused_pair socket_to_socket(void)
{
	struct pair from = tcp_pair("127.0.0.1");
	static const char page[PAGE];

	must(send(from.tx, page, PAGE, 0), "send");
	return (struct refused_pair){ from.rx, tcp_pair("127.0.0.1").tx };
}

struct refused_pair file_to_socket(void)
{
	return (struct refused_pair){ make_memfd(PAGE), tcp_pair("127.0.0.1").tx };
}

/* Each pair has one reason only. */
void refuse_sendfile(struct refused_pair pair)
{
	long ret = attempt_sendfile(pair.sink, pair.source, NULL, PAGE);

	if (fcntl(pair.sink, F_GETFL) & O_APPEND)
		witness_refused(ret, SINK_APPEND);
	else if (lseek(pair.source, 0, SEEK_CUR) < 0)
		witness_refused(ret, SOURCE_NOT_SEEKABLE);
	else
		witness_refused(ret, SOURCE_CANNOT_SPLICE);
	exactly("sendfile", ret, -EINVAL);
}

void refuse_copy_file_range(struct refused_pair pair)
{
	long ret = attempt_copy_file_range(pair.source, NULL, pair.sink, NULL, PAGE, 0);

	exactly("copy_file_range", witness_refused(ret, NOT_REGULAR), -EINVAL);
}

const char *new_page(void)
{
	void *memory = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		die("mmap a page");
	return memory;
}

void sleep_milliseconds(long milliseconds)
{
	nanosleep(&(struct timespec){ milliseconds / 1000, milliseconds % 1000 * 1000000 }, NULL);
}

int main(int argc, char **argv)
{
	bool list = take_flag(&argc, argv, "--list");

	unwatched_truth = take_flag(&argc, argv, "--unwatched");
	if (list) {
		list_cases(groups);
		return 0;
	}
	if (argc != 2 || !run_cases(groups, argv[1], true))
		usage(USAGE);
	return 0;
}
