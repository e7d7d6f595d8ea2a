/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* What every program does before its first attempt, with an error check on each step. */
#ifndef SETUP_H
#define SETUP_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* "program: step: errno text" on stderr, and exit 1. */
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same without an errno, for a usage error: exit 2. */
_Noreturn void usage(const char *text);

/* Dies when ret is negative; otherwise hands it on. */
long must(long ret, const char *step);
/* pthread functions return the errno. */
void must_pthread(int code, const char *step);
/* A whole number from `low` up, or die naming the argument. */
long number(const char *text, long low, const char *argument);
/* The value of "--name value" in argv, taken out of argv; `fallback` when it is not there. */
const char *take_option(int *argc, char **argv, const char *name, const char *fallback);
bool take_flag(int *argc, char **argv, const char *name);
/* No argument that begins with "--" may be left after the options were taken. */
void no_options_left(int argc, char **argv, const char *usage_text);

/* A page-cache file of `bytes` bytes without a name. */
int make_memfd(size_t bytes);
/* A file in `dir` whose name is already gone, so that no run leaves anything behind. */
int make_file(const char *dir, size_t bytes);
/* The same file again, with other open flags and its own position. */
int reopen(int fd, int flags);

struct pipe {
	int read;
	int write;
};
struct pipe make_pipe(void);
void set_nonblocking(int fd, bool on);
/* Fill to the brim with plain writes: the next call must wait or say EAGAIN. Returns the bytes. */
size_t fill(int fd);
/* Read all that is there now, with plain recv or read; returns the bytes. */
size_t drain_socket(int fd);
size_t drain_pipe(int fd);
/* Close a number that the witness knows. */
void shut(int fd);
void shut_pipe(struct pipe p);

void pin_to_cpu(int cpu);
void start_thread(pthread_t *thread, void *(*body)(void *), void *argument);
void join_thread(pthread_t thread);

#endif
