/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
#define _GNU_SOURCE
#include "children.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "attempt.h"
#include "setup.h"
#include "witness.h"

struct inheritance inherited;

#define DATAGRAM 64

/* By turns one that succeeds on the flow and one that fails without a flow. */
static void attempt(long n)
{
	for (long i = 0; i < n; i++) {
		off_t offset = 0;

		if (i % 2 == 0)
			attempt_sendfile(inherited.sink, inherited.file, &offset, DATAGRAM);
		else
			attempt_tee(-1, -1, 1, 0);
	}
}

static pid_t must_fork(void)
{
	pid_t pid = must(fork(), "fork");

	if (!pid)
		witness_process();
	return pid;
}

/* _exit and not exit: nothing stands between the last attempt and the end. */
static pid_t start_plain(long n)
{
	pid_t pid = must_fork();

	if (pid)
		return pid;
	attempt(n);
	_exit(0);
}

static void must_end_well(pid_t pid)
{
	int status;

	must(waitpid(pid, &status, 0), "waitpid");
	if (status)
		die("process %d ended with status %x", pid, status);
}

static pid_t start_nested(long n)
{
	pid_t pid = must_fork();

	if (pid)
		return pid;
	attempt(n);
	must_end_well(start_plain(n));
	attempt(n);
	_exit(0);
}

static void *attempt_in_thread(void *argument)
{
	attempt((long)argument);
	return NULL;
}

static pid_t start_threads(long n)
{
	pid_t pid = must_fork();
	pthread_t threads[2];

	if (pid)
		return pid;
	for (int i = 0; i < 2; i++)
		start_thread(&threads[i], attempt_in_thread, (void *)n);
	for (int i = 0; i < 2; i++)
		join_thread(threads[i]);
	_exit(0);
}

static void *outlive_leader(void *argument)
{
	char path[64], state[256] = "";

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", getpid());
	/* the leader has ended when its state is Z: the process goes on without it */
	while (!strstr(state, ") Z")) {
		FILE *file = fopen(path, "r");

		if (!file || !fgets(state, sizeof(state), file))
			die("read %s", path);
		fclose(file);
	}
	attempt((long)argument);
	_exit(0);
}

static pid_t start_leaderless(long n)
{
	pid_t pid = must_fork();
	pthread_t thread;

	if (pid)
		return pid;
	attempt(n);
	start_thread(&thread, outlive_leader, (void *)n);
	/* the thread alone and not the process, which exit(3) would end */
	syscall(SYS_exit, 0);
	abort();
}

static _Noreturn void exec_image(long n)
{
	char numbers[5][24], *argv[8] = { "children", IMAGE };
	long values[5] = { witness_memfd(), inherited.sink, inherited.file, inherited.alive, n };

	for (int i = 0; i < 5; i++) {
		snprintf(numbers[i], sizeof(numbers[i]), "%ld", values[i]);
		argv[2 + i] = numbers[i];
	}
	execv("/proc/self/exe", argv);
	die("exec /proc/self/exe");
}

/* In the image the mapping is new and so is the row: pid the same, program another. */
_Noreturn void run_image(char **argv)
{
	witness_adopt(number(argv[0], 0, "memfd"));
	inherited.sink = number(argv[1], 0, "sink");
	inherited.file = number(argv[2], 0, "file");
	inherited.alive = number(argv[3], 0, "alive");
	witness_socket(inherited.sink);
	attempt(number(argv[4], 0, "attempts"));
	_exit(0);
}

static pid_t start_exec(long n)
{
	pid_t pid = must_fork();

	if (pid)
		return pid;
	attempt(n);
	exec_image(n);
}

static void *exec_in_thread(void *argument)
{
	attempt((long)argument);
	exec_image((long)argument);
}

/* The thread that execs takes over the leader's tid; the process is the same and so is its pid. */
static pid_t start_thread_exec(long n)
{
	pid_t pid = must_fork();
	pthread_t thread;

	if (pid)
		return pid;
	attempt(n);
	start_thread(&thread, exec_in_thread, (void *)n);
	join_thread(thread);
	_exit(1);
}

/* The child of vfork counts in its parent's memory, row included, until it execs. */
static pid_t start_vfork(long n)
{
	int row = witness_row();
	pid_t pid = must(vfork(), "vfork");

	if (!pid) {
		witness_process();
		attempt(n);
		exec_image(n);
	}
	witness_resume_row(row);
	return pid;
}

/* Two forks: nobody waits for the second process, and it goes on when the first is gone. */
static pid_t start_daemon(long n)
{
	pid_t pid = must_fork();

	if (pid)
		return pid;
	must(setsid(), "setsid");
	attempt(n);
	if (must_fork())
		_exit(0);
	nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
	attempt(n);
	_exit(0);
}

const struct kind kinds[] = {
	{ "plain", start_plain },	{ "nested", start_nested },	      { "threads", start_threads },
	{ "exec", start_exec },		{ "vfork", start_vfork },	      { "daemon", start_daemon },
	{ "leaderless", start_leaderless }, { "thread-exec", start_thread_exec }, { NULL, NULL },
};
