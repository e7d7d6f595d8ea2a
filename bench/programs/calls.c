// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/*
 * calls KIND ROUNDS CALLS: nanoseconds per system call, one line a round.
 *   sendfile   a byte of a file into a connected TCP socket that gathers them: an attempt that moves data, and as little
 *              of it as there is
 *   refused    copy_file_range from a file to a socket: what the kernel refuses, again and again
 *   enter      io_uring_enter with nothing to submit
 *   read       a byte of a file
 *   write      a byte to /dev/null
 *   bystander  getppid: a call that nobody watches
 * One thread, pinned to one CPU and with real-time priority if it may: what differs between two runs is what watches them.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void die(const char *step)
{
	fprintf(stderr, "calls: %s: %s\n", step, strerror(errno));
	exit(1);
}

static int sink, source, ring, null;
static char buffer[1 << 16];
/* As large as the buffer: as often as the file is through, what was sent is received. */
static off_t offset;
static int peer;

static void connect_sockets(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	sink = socket(AF_INET, SOCK_STREAM, 0);
	if (listener < 0 || sink < 0 || bind(listener, (struct sockaddr *)&address, length) || listen(listener, 1) ||
	    getsockname(listener, (struct sockaddr *)&address, &length) ||
	    connect(sink, (struct sockaddr *)&address, length))
		die("connect");
	peer = accept(listener, NULL, NULL);
	if (peer < 0 || setsockopt(sink, IPPROTO_TCP, TCP_CORK, &on, sizeof(on)))
		die("accept");
}

static void make_source(void)
{
	char name[] = "/tmp/spillway-bench-XXXXXX";

	source = mkstemp(name);
	unlink(name);
	if (source < 0 || write(source, buffer, sizeof(buffer)) != sizeof(buffer))
		die("write");
}

static void call_sendfile(void)
{
	if (sendfile(sink, source, &offset, 1) != 1)
		die("sendfile");
	if (offset < (off_t)sizeof(buffer))
		return;
	offset = 0;
	while (recv(peer, buffer, sizeof(buffer), MSG_DONTWAIT) > 0)
		;
}

static void call_refused(void)
{
	copy_file_range(source, NULL, sink, NULL, 1, 0);
}

static void call_enter(void)
{
	syscall(SYS_io_uring_enter, ring, 0, 0, 0, NULL, 0);
}

static void call_read(void)
{
	pread(source, buffer, 1, 0);
}

static void call_write(void)
{
	write(null, buffer, 1);
}

static void call_bystander(void)
{
	syscall(SYS_getppid);
}

static const struct {
	const char *name;
	void (*call)(void);
} kinds[] = {
	{ "sendfile", call_sendfile }, { "refused", call_refused }, { "enter", call_enter },
	{ "read", call_read },	       { "write", call_write },	    { "bystander", call_bystander },
};

static double now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1e9 + time.tv_nsec;
}

int main(int argc, char **argv)
{
	struct io_uring_params params = {};
	void (*call)(void) = NULL;
	cpu_set_t cpus;

	for (size_t i = 0; argc == 4 && i < sizeof(kinds) / sizeof(*kinds); i++)
		if (!strcmp(argv[1], kinds[i].name))
			call = kinds[i].call;
	if (!call) {
		fprintf(stderr, "usage: calls sendfile|refused|enter|read|write|bystander ROUNDS CALLS\n");
		return 2;
	}
	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
	sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){ .sched_priority = 1 });
	connect_sockets();
	make_source();
	null = open("/dev/null", O_WRONLY);
	ring = syscall(SYS_io_uring_setup, 8, &params);
	if (null < 0 || ring < 0)
		die("open");
	for (int round = 0; round < atoi(argv[2]); round++) {
		long calls = atol(argv[3]);
		double start = now_ns();

		for (long made = 0; made < calls; made++)
			call();
		printf("%.2f\n", (now_ns() - start) / calls);
	}
	return 0;
}
