// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/*
 * calls KIND ROUNDS CALLS: nanoseconds per system call, one line a round.
 *   sendfile   at the end of a file into a connected TCP socket: the whole path of an attempt, no data
 *   bystander  getppid: a call that nobody watches
 *   enter      io_uring_enter with nothing to submit
 * One thread, pinned to one CPU: what differs between two runs is what watches them.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
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

static int connected_socket(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	int client = socket(AF_INET, SOCK_STREAM, 0);

	if (listener < 0 || client < 0 || bind(listener, (struct sockaddr *)&address, length) || listen(listener, 1) ||
	    getsockname(listener, (struct sockaddr *)&address, &length) ||
	    connect(client, (struct sockaddr *)&address, length))
		die("connect");
	return client;
}

static double now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1e9 + time.tv_nsec;
}

int main(int argc, char **argv)
{
	const char *kind = argc == 4 ? argv[1] : "";
	int rounds = argc == 4 ? atoi(argv[2]) : 0;
	long calls = argc == 4 ? atol(argv[3]) : 0;
	struct io_uring_params params = {};
	int socket = -1, file = -1, ring = -1;
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
	if (!strcmp(kind, "sendfile")) {
		socket = connected_socket();
		file = open("/etc/passwd", O_RDONLY);
		if (file < 0 || lseek(file, 0, SEEK_END) < 0)
			die("open");
	} else if (!strcmp(kind, "enter")) {
		ring = syscall(SYS_io_uring_setup, 8, &params);
		if (ring < 0)
			die("io_uring_setup");
	} else if (strcmp(kind, "bystander")) {
		fprintf(stderr, "usage: calls sendfile|bystander|enter ROUNDS CALLS\n");
		return 2;
	}
	for (int round = 0; round < rounds; round++) {
		double start = now_ns();

		for (long call = 0; call < calls; call++) {
			if (socket >= 0)
				syscall(SYS_sendfile, socket, file, NULL, 4096);
			else if (ring >= 0)
				syscall(SYS_io_uring_enter, ring, 0, 0, 0, NULL, 0);
			else
				syscall(SYS_getppid);
		}
		printf("%.2f\n", (now_ns() - start) / calls);
	}
	return 0;
}
