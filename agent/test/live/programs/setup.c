/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
#define _GNU_SOURCE
#include "setup.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "witness.h"

void die(const char *format, ...)
{
	int code = errno;
	va_list arguments;

	fprintf(stderr, "%s: ", program_invocation_short_name);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fprintf(stderr, ": %s\n", strerror(code));
	exit(1);
}

void usage(const char *text)
{
	fprintf(stderr, "usage: %s\n", text);
	exit(2);
}

long must(long ret, const char *step)
{
	if (ret < 0)
		die("%s", step);
	return ret;
}

void must_pthread(int code, const char *step)
{
	errno = code;
	if (code)
		die("%s", step);
}

long number(const char *text, long low, const char *argument)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 10);
	if (errno || *end || end == text || value < low) {
		errno = EINVAL;
		die("%s must be a whole number from %ld up, not '%s'", argument, low, text);
	}
	return value;
}

static void take_out(int *argc, char **argv, int at, int n)
{
	memmove(&argv[at], &argv[at + n], (*argc - at - n + 1) * sizeof(*argv));
	*argc -= n;
}

const char *take_option(int *argc, char **argv, const char *name, const char *fallback)
{
	for (int i = 1; i + 1 < *argc; i++) {
		if (!strcmp(argv[i], name)) {
			const char *value = argv[i + 1];

			take_out(argc, argv, i, 2);
			return value;
		}
	}
	return fallback;
}

bool take_flag(int *argc, char **argv, const char *name)
{
	for (int i = 1; i < *argc; i++) {
		if (!strcmp(argv[i], name)) {
			take_out(argc, argv, i, 1);
			return true;
		}
	}
	return false;
}

void no_options_left(int argc, char **argv, const char *usage_text)
{
	for (int i = 1; i < argc; i++)
		if (!strncmp(argv[i], "--", 2))
			usage(usage_text);
}

static void write_all(int fd, size_t bytes)
{
	static const char block[65536] = "the bytes of a file are of no importance here";

	while (bytes) {
		size_t n = bytes < sizeof(block) ? bytes : sizeof(block);

		bytes -= must(write(fd, block, n), "write the file");
	}
	must(lseek(fd, 0, SEEK_SET), "lseek to the start of the file");
}

int make_memfd(size_t bytes)
{
	int fd = must(memfd_create("source", 0), "memfd_create");

	write_all(fd, bytes);
	return fd;
}

int make_file(const char *dir, size_t bytes)
{
	char path[4096];
	int fd;

	if (snprintf(path, sizeof(path), "%s/spillway-XXXXXX", dir) >= (int)sizeof(path)) {
		errno = ENAMETOOLONG;
		die("%s", dir);
	}
	fd = mkstemp(path);
	if (fd < 0)
		die("create a file in %s", dir);
	must(unlink(path), "unlink the file");
	write_all(fd, bytes);
	return fd;
}

int reopen(int fd, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return must(open(path, flags), "open the file again");
}

struct pipe make_pipe(void)
{
	int ends[2];

	must(pipe(ends), "pipe");
	return (struct pipe){ ends[0], ends[1] };
}

void set_nonblocking(int fd, bool on)
{
	int flags = must(fcntl(fd, F_GETFL), "fcntl F_GETFL");

	must(fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK), "fcntl F_SETFL");
}

static size_t write_until_full(int fd)
{
	static const char block[65536];
	size_t total = 0;
	ssize_t n;

	while ((n = write(fd, block, sizeof(block))) > 0)
		total += n;
	if (errno != EAGAIN)
		die("fill fd %d", fd);
	return total;
}

size_t fill(int fd)
{
	size_t written;

	set_nonblocking(fd, true);
	written = write_until_full(fd);
	set_nonblocking(fd, false);
	return written;
}

size_t drain_socket(int fd)
{
	char block[65536];
	size_t total = 0;
	ssize_t n;

	while ((n = recv(fd, block, sizeof(block), MSG_DONTWAIT)) > 0)
		total += n;
	if (n < 0 && errno != EAGAIN)
		die("drain the socket");
	return total;
}

size_t drain_pipe(int fd)
{
	char block[65536];
	size_t total = 0;
	ssize_t n;

	set_nonblocking(fd, true);
	while ((n = read(fd, block, sizeof(block))) > 0)
		total += n;
	if (n < 0 && errno != EAGAIN)
		die("drain the pipe");
	set_nonblocking(fd, false);
	return total;
}

void shut(int fd)
{
	witness_forget(fd);
	must(close(fd), "close");
}

void shut_pipe(struct pipe p)
{
	shut(p.read);
	shut(p.write);
}

void pin_to_cpu(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	must(sched_setaffinity(0, sizeof(set), &set), "sched_setaffinity");
}

void start_thread(pthread_t *thread, void *(*body)(void *), void *argument)
{
	must_pthread(pthread_create(thread, NULL, body, argument), "pthread_create");
}

void join_thread(pthread_t thread)
{
	must_pthread(pthread_join(thread, NULL), "pthread_join");
}
