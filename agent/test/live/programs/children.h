/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* The ways in which a process is born, attempts and ends. */
#ifndef CHILDREN_H
#define CHILDREN_H

#include <sys/types.h>

/* What every process inherits, across exec too: numbers, because only numbers survive an exec. */
struct inheritance {
	int sink;
	int file;
	/* held open by whoever still runs: its end of file says that all have ended */
	int alive;
};
extern struct inheritance inherited;

struct kind {
	const char *name;
	/* Start one child and return its pid; the child makes `attempts` attempts in each of its parts. */
	pid_t (*start)(long attempts);
};
/* Ends with a nameless one. */
extern const struct kind kinds[];

/* The image that exec starts: argv as exec_image wrote it. Never returns. */
_Noreturn void run_image(char **argv);
#define IMAGE "--image"

#endif
