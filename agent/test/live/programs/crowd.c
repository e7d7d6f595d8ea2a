/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * crowd [N] [--attempts A]
 *
 * N processes (100) that are all there at once, each making A attempts (1) on a flow of its own: sendfile to a
 * UDP socket bound to an address of 127/8 that only this process has. They stay until stdin ends; the witness is
 * printed when all attempts are made.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attempt.h"
#include "setup.h"
#include "sockets.h"
#include "witness.h"

#define USAGE "crowd [N] [--attempts A]"
#define DATAGRAM 64

struct scene {
	int file;
	int swallow;
	/* a byte for each process that has made its attempts */
	struct pipe done;
	/* ends when they may go */
	struct pipe stay;
};

static _Noreturn void take_part(const struct scene *scene, long i, long attempts)
{
	char local[32], byte;
	int fd;

	must(close(scene->stay.write), "close the pipe");
	snprintf(local, sizeof(local), "127.%ld.%ld.%ld", 1 + (i >> 16), i >> 8 & 255, i & 255);
	fd = udp_from(local, "127.0.0.1", scene->swallow);
	for (long n = 0; n < attempts; n++) {
		off_t offset = 0;
		long ret = attempt_sendfile(fd, scene->file, &offset, DATAGRAM);

		errno = -ret;
		must(ret, "sendfile");
	}
	must(write(scene->done.write, "", 1), "write to the pipe");
	must(read(scene->stay.read, &byte, 1), "read until the end");
	_exit(0);
}

int main(int argc, char **argv)
{
	long attempts = number(take_option(&argc, argv, "--attempts", "1"), 1, "--attempts"), n;
	struct scene scene;
	char byte;
	int status;

	no_options_left(argc, argv, USAGE);
	if (argc > 2)
		usage(USAGE);
	n = argc > 1 ? number(argv[1], 0, "N") : 100;
	witness_open();
	scene = (struct scene){ make_memfd(DATAGRAM), udp_swallow("127.0.0.1"), make_pipe(), make_pipe() };
	for (long i = 0; i < n; i++)
		if (!must(fork(), "fork")) {
			witness_process();
			take_part(&scene, i, attempts);
		}
	for (long i = 0; i < n; i++)
		must(read(scene.done.read, &byte, 1), "read from the pipe");
	witness_print(0, "");
	fflush(stdout);
	must(read(STDIN_FILENO, &byte, 1), "read stdin");
	must(close(scene.stay.write), "close the pipe");
	for (long i = 0; i < n; i++) {
		must(wait(&status), "wait");
		if (status)
			die("a process ended with status %x", status);
	}
	return 0;
}
