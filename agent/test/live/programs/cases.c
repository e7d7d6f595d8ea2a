/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
#define _GNU_SOURCE
#include "cases.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "setup.h"
#include "witness.h"

#define MOST 128
#define LONGEST_REASON 100

struct running {
	const struct named_case *which;
	pid_t pid;
	/* its counts */
	int memfd;
	char comm[16];
	/* shared with it: empty unless it is impossible */
	char *why_impossible;
};

static char *my_reason;

void impossible(const char *why)
{
	if (witness_attempts())
		die("impossible, but attempted: %s", why);
	snprintf(my_reason, LONGEST_REASON, "%s", why);
	_exit(0);
}

static struct running start(const struct named_case *which, int number)
{
	struct running running = { .which = which };

	snprintf(running.comm, sizeof(running.comm), "case-%d", number);
	witness_open();
	running.memfd = witness_memfd();
	running.why_impossible = mmap(NULL, LONGEST_REASON, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (running.why_impossible == MAP_FAILED)
		die("mmap");
	running.pid = must(fork(), "fork");
	if (running.pid)
		return running;
	must(prctl(PR_SET_NAME, running.comm), "prctl PR_SET_NAME");
	witness_process();
	my_reason = running.why_impossible;
	which->run();
	_exit(0);
}

static void finish(struct running running)
{
	char extra[256];
	int status, n;

	must(waitpid(running.pid, &status, 0), "waitpid");
	if (status)
		die("case %s ended with status %x", running.which->name, status);
	witness_adopt(running.memfd);
	n = snprintf(extra, sizeof(extra), ",\"case\":\"%s\",\"casePid\":%d,\"caseComm\":\"%s\"", running.which->name,
		     running.pid, running.comm);
	if (*running.why_impossible)
		snprintf(extra + n, sizeof(extra) - n, ",\"impossible\":\"%s\"", running.why_impossible);
	witness_print(0, extra);
	munmap(running.why_impossible, LONGEST_REASON);
}

bool run_cases(const struct named_case *const *groups, const char *name, bool at_once)
{
	struct running running[MOST];
	int n = 0, finished = 0;

	for (; *groups; groups++) {
		for (const struct named_case *each = *groups; each->name; each++) {
			if (strcmp(name, "all") && strcmp(name, each->name))
				continue;
			if (n == MOST)
				die("more than %d cases", MOST);
			running[n] = start(each, n);
			n++;
			if (!at_once)
				finish(running[finished++]);
		}
	}
	while (finished < n)
		finish(running[finished++]);
	return n > 0;
}

void list_cases(const struct named_case *const *groups)
{
	for (; *groups; groups++)
		for (const struct named_case *each = *groups; each->name; each++)
			puts(each->name);
}
