/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* The caller's own mistakes: they fail, and are no refusals whatever their errno. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "attempt.h"
#include "exactly.h"
#include "reasons.h"
#include "ring.h"
#include "setup.h"
#include "sockets.h"

#define UNKNOWN_FLAGS 0x100
#define HUGE_FD 1000000000
static char memory[PAGE] __attribute__((aligned(PAGE)));

static int closed_fd(void)
{
	int fd = must(fcntl(0, F_DUPFD, 900), "fcntl F_DUPFD");

	shut(fd);
	return fd;
}

static void arguments(void)
{
	struct pair tcp = tcp_pair("127.0.0.1");
	struct pipe p = make_pipe(), q = make_pipe();
	struct iovec page = { memory, PAGE };
	int file = place.file, out = make_file(place.dir, 0);
	off_t begin = 0, negative = -1, later = 100, wrapping = LLONG_MAX;

	exactly("negative offset", witness_failed(attempt_sendfile(tcp.tx, file, &negative, PAGE)), -EINVAL);
	exactly("negative offset", witness_failed(attempt_splice(file, &negative, p.write, NULL, PAGE, 0)), -EINVAL);
	exactly("negative offset",
		witness_failed(attempt_copy_file_range(file, &(off_t){ -2 * PAGE }, out, &begin, PAGE, 0)), -EINVAL);
	exactly("offset that overflows", witness_failed(attempt_sendfile(tcp.tx, file, &wrapping, PAGE)), -EINVAL);
	exactly("unknown flags", witness_failed(attempt_splice(file, NULL, p.write, NULL, PAGE, UNKNOWN_FLAGS)),
		-EINVAL);
	exactly("unknown flags", witness_failed(attempt_tee(p.read, q.write, PAGE, UNKNOWN_FLAGS)), -EINVAL);
	exactly("unknown flags", witness_failed(attempt_vmsplice(p.write, &page, 1, UNKNOWN_FLAGS)), -EINVAL);
	exactly("unknown flags", witness_failed(attempt_copy_file_range(file, NULL, out, NULL, PAGE, 1)), -EINVAL);
	exactly("too many parts", witness_failed(attempt_vmsplice(p.write, &page, IOV_MAX + 1, 0)), -EINVAL);
	exactly("one pipe", witness_failed(attempt_splice(p.read, NULL, p.write, NULL, PAGE, 0)), -EINVAL);
	exactly("one pipe", witness_failed(attempt_tee(p.read, p.write, PAGE, 0)), -EINVAL);
	exactly("overlap", witness_failed(attempt_copy_file_range(file, &begin, file, &later, PAGE, 0)), -EINVAL);
	exactly("offset for a socket", witness_failed(attempt_splice(p.read, NULL, tcp.tx, &later, PAGE, 0)), -EINVAL);
	exactly("offset for a pipe", attempt_splice(p.read, &later, tcp.tx, NULL, PAGE, 0), -ESPIPE);
	exactly("offset in no memory", attempt_sendfile(tcp.tx, file, (off_t *)8, PAGE), -EFAULT);
}

/* Also where a file would refuse besides: with other arguments it would not have come to that. */
static void arguments_first(void)
{
	int status = must(open("/proc/self/status", O_RDONLY), "open"), log = reopen(place.file, O_WRONLY | O_APPEND);
	struct pipe p = make_pipe();
	struct pair tcp = tcp_pair("127.0.0.1");

	exactly("splice", witness_failed(attempt_splice(status, NULL, p.write, NULL, PAGE, UNKNOWN_FLAGS)), -EINVAL);
	exactly("sendfile", witness_failed(attempt_sendfile(log, place.file, &(off_t){ -1 }, PAGE)), -EINVAL);
	exactly("tee", witness_failed(attempt_tee(place.file, tcp.tx, PAGE, UNKNOWN_FLAGS)), -EINVAL);
	exactly("copy_file_range", witness_failed(attempt_copy_file_range(place.file, NULL, tcp.tx, NULL, PAGE, 1)),
		-EINVAL);
}

static void ring_arguments(void)
{
	struct pipe p = make_pipe(), q = make_pipe();
	struct ring ring;

	ring_open(&ring, 4, 0, 0);
	ring_splice(&ring, place.file, 0, p.write, PAGE, UNKNOWN_FLAGS);
	exactly("unknown flags", witness_failed(ring_do(&ring)), -EINVAL);
	ring_tee(&ring, p.read, q.write, PAGE, UNKNOWN_FLAGS);
	exactly("unknown flags", witness_failed(ring_do(&ring)), -EINVAL);
	ring_splice(&ring, p.read, -1, p.write, PAGE, 0);
	exactly("one pipe", witness_failed(ring_do(&ring)), -EINVAL);
	ring_tee(&ring, p.read, p.write, PAGE, 0);
	exactly("one pipe", witness_failed(ring_do(&ring)), -EINVAL);
	ring_splice(&ring, place.file, -2, p.write, PAGE, 0);
	exactly("negative offset", witness_failed(ring_do(&ring)), -EINVAL);
}

static void descriptors(void)
{
	const int wrong[] = { -1, -100, HUGE_FD, closed_fd(), must(open("/", O_PATH), "open O_PATH") };
	struct pair tcp = tcp_pair("127.0.0.1");
	struct pipe p = make_pipe();
	struct iovec page = { memory, PAGE };
	int file = place.file;

	for (int i = 0; i < 5; i++) {
		exactly("sendfile", attempt_sendfile(wrong[i], file, NULL, PAGE), -EBADF);
		exactly("sendfile", attempt_sendfile(tcp.tx, wrong[i], NULL, PAGE), -EBADF);
		exactly("sendfile", attempt_sendfile(wrong[i], wrong[i], NULL, PAGE), -EBADF);
		exactly("splice", attempt_splice(wrong[i], NULL, p.write, NULL, PAGE, 0), -EBADF);
		exactly("splice", attempt_splice(p.read, NULL, wrong[i], NULL, PAGE, 0), -EBADF);
		exactly("tee", attempt_tee(wrong[i], p.write, PAGE, 0), -EBADF);
		exactly("tee", attempt_tee(p.read, wrong[i], PAGE, 0), -EBADF);
		exactly("vmsplice", attempt_vmsplice(wrong[i], &page, 1, 0), -EBADF);
		exactly("copy_file_range", attempt_copy_file_range(file, NULL, wrong[i], NULL, PAGE, 0), -EBADF);
		exactly("copy_file_range", attempt_copy_file_range(wrong[i], NULL, file, NULL, PAGE, 0), -EBADF);
	}
}

/* Opened for the other direction. */
static void modes(void)
{
	int write_only = reopen(place.file, O_WRONLY), read_only = reopen(place.file, O_RDONLY);
	struct pair tcp = tcp_pair("127.0.0.1");
	struct pipe p = make_pipe();

	exactly("sendfile", attempt_sendfile(tcp.tx, write_only, NULL, PAGE), -EBADF);
	exactly("sendfile", attempt_sendfile(read_only, place.file, NULL, PAGE), -EBADF);
	exactly("splice", attempt_splice(place.file, NULL, p.read, NULL, PAGE, 0), -EBADF);
	exactly("tee", attempt_tee(p.write, p.write, PAGE, 0), -EBADF);
	exactly("copy_file_range", attempt_copy_file_range(place.file, NULL, read_only, NULL, PAGE, 0), -EBADF);
	exactly("copy_file_range", attempt_copy_file_range(write_only, NULL, place.file, NULL, PAGE, 0), -EBADF);
}

const struct named_case mistake_cases[] = {
	{ "failed-arguments", arguments },
	{ "failed-arguments-before-files", arguments_first },
	{ "failed-ring-arguments", ring_arguments },
	{ "failed-descriptors", descriptors },
	{ "failed-modes", modes },
	{ NULL, NULL },
};
