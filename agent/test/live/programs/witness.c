/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "setup.h"
#include "witness_counts.h"

struct witness *witness;
static int memfd = -1;

/* Slot of the flow of each fd, plus one: 0 means not a socket. Private: fd tables are per process. */
#define FD_LIMIT 65536
static uint32_t fd_flows[FD_LIMIT];
static bool without_flows;

/* This process's row; -1 when it has none. */
static int current_row = -1;

static void add(uint64_t *counter, uint64_t n)
{
	__atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

static void map_counts(void)
{
	witness = mmap(NULL, sizeof(*witness), PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
	if (witness == MAP_FAILED)
		die("mmap the witness");
	witness_process();
}

void witness_open(void)
{
	memfd = must(memfd_create("witness", 0), "memfd_create the witness");
	must(ftruncate(memfd, sizeof(*witness)), "ftruncate the witness");
	map_counts();
}

void witness_adopt(int inherited)
{
	memfd = inherited;
	map_counts();
}

int witness_memfd(void)
{
	return memfd;
}

/* ERESTARTSYS, ERESTARTNOINTR, ERESTARTNOHAND, ERESTART_RESTARTBLOCK: only seccomp shows them to us. */
static long as_seen_by_user(long ret)
{
	return ret == -512 || ret == -513 || ret == -514 || ret == -516 ? -EINTR : ret;
}

static void count_errno(uint64_t *errnos, long ret)
{
	if (-ret >= ERRNO_LIMIT)
		die("result %ld is no errno", ret);
	add(&errnos[-ret], 1);
}

static void count(struct counts *counts, long ret)
{
	add(&counts->attempts, 1);
	if (ret >= 0)
		add(&counts->bytes, ret);
	else
		count_errno(counts->errnos, ret);
}

static struct flow *flow_of(int fd)
{
	uint32_t slot = fd >= 0 && fd < FD_LIMIT && !without_flows ? fd_flows[fd] : 0;

	return slot ? &witness->flows[slot - 1] : NULL;
}

void witness_attempt(enum mechanism mechanism, int sink, int source, long ret)
{
	struct flow *flow = flow_of(sink);

	ret = as_seen_by_user(ret);
	count(&witness->mechanisms[mechanism], ret);
	witness_judge(mechanism, sink < 0 && source < 0, ret);
	if (!flow)
		flow = flow_of(source);
	if (flow) {
		add(&flow->attempts, 1);
		add(&flow->bytes, ret > 0 ? ret : 0);
	}
	if (current_row >= 0)
		add(&witness->processes[current_row].attempts, 1);
}

void witness_setup(long ret)
{
	ret = as_seen_by_user(ret);
	if (ret >= 0)
		add(&witness->setups_ok, 1);
	else
		count_errno(witness->setup_errnos, ret);
}

void witness_enter(long ret)
{
	ret = as_seen_by_user(ret);
	add(&witness->enters, 1);
	if (ret >= 0)
		add(&witness->submitted, ret);
	else
		count_errno(witness->enter_errnos, ret);
}

void witness_overflowed(uint64_t completions)
{
	add(&witness->cq_overflows, completions);
}

void witness_process(void)
{
	uint64_t row = __atomic_fetch_add(&witness->rows, 1, __ATOMIC_RELAXED);

	current_row = row < PROCESS_LIMIT ? (int)row : -1;
	if (current_row >= 0)
		witness->processes[current_row].pid = getpid();
}

int witness_row(void)
{
	return current_row;
}

void witness_resume_row(int row)
{
	current_row = row;
}

void witness_socket(int fd)
{
	if (fd >= FD_LIMIT)
		die("fd %d is beyond the witness's table", fd);
	fd_flows[fd] = flow_slot(fd) + 1;
}

void witness_forget(int fd)
{
	if (fd >= 0 && fd < FD_LIMIT)
		fd_flows[fd] = 0;
}

void witness_without_flows(void)
{
	without_flows = true;
}

uint64_t witness_attempts(void)
{
	uint64_t sum = 0;

	for (int i = 0; i < MECHANISM_COUNT; i++)
		sum += witness->mechanisms[i].attempts;
	return sum;
}

uint64_t witness_bytes(enum mechanism mechanism)
{
	return witness->mechanisms[mechanism].bytes;
}

uint64_t witness_copies(enum mechanism mechanism)
{
	return witness->mechanisms[mechanism].outcomes[COPIED];
}
