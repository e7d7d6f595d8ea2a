/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
#define _GNU_SOURCE
#include "ring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "attempt.h"
#include "setup.h"

static long must_be(long ret, const char *step)
{
	errno = ret < 0 ? -ret : 0;
	return must(ret, step);
}

static void map_ring(struct ring *ring, const struct io_uring_params *p)
{
	size_t sq = p->sq_off.array + p->sq_entries * sizeof(unsigned int);
	size_t cq = p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe);
	char *base;

	/* IORING_FEAT_SINGLE_MMAP, from 5.4 on: one mapping holds both */
	ring->memory_size = sq > cq ? sq : cq;
	ring->sqe_size = p->sq_entries * sizeof(struct io_uring_sqe);
	base = mmap(NULL, ring->memory_size, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, IORING_OFF_SQ_RING);
	ring->sqes = mmap(NULL, ring->sqe_size, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, IORING_OFF_SQES);
	if (base == MAP_FAILED || ring->sqes == MAP_FAILED)
		die("mmap the ring");
	ring->memory = base;
	ring->sqe_memory = ring->sqes;
	ring->sq_head = (unsigned int *)(base + p->sq_off.head);
	ring->sq_tail = (unsigned int *)(base + p->sq_off.tail);
	ring->sq_flags = (unsigned int *)(base + p->sq_off.flags);
	ring->sq_mask = p->sq_entries - 1;
	ring->sq_entries = p->sq_entries;
	ring->cq_head = (unsigned int *)(base + p->cq_off.head);
	ring->cq_tail = (unsigned int *)(base + p->cq_off.tail);
	ring->cq_mask = p->cq_entries - 1;
	ring->cq_entries = p->cq_entries;
	ring->cqes = (struct io_uring_cqe *)(base + p->cq_off.cqes);
	/* entry n is always sqe n */
	for (unsigned int i = 0; i < p->sq_entries; i++)
		((unsigned int *)(base + p->sq_off.array))[i] = i;
}

void ring_open(struct ring *ring, unsigned int entries, unsigned int cq_entries, unsigned int flags)
{
	struct io_uring_params params = {
		.flags = flags | (cq_entries ? IORING_SETUP_CQSIZE : 0),
		.cq_entries = cq_entries,
		.sq_thread_idle = 20,
	};

	memset(ring, 0, sizeof(*ring));
	ring->flags = flags;
	ring->fd = must_be(ring_setup(entries, &params), "io_uring_setup");
	map_ring(ring, &params);
}

void ring_close(struct ring *ring)
{
	must(munmap(ring->memory, ring->memory_size), "munmap the ring");
	must(munmap(ring->sqe_memory, ring->sqe_size), "munmap the entries");
	must(close(ring->fd), "close the ring");
}

void ring_fix_files(struct ring *ring, const int *fds, int n)
{
	must(syscall(SYS_io_uring_register, ring->fd, IORING_REGISTER_FILES, fds, n), "register files");
	memcpy(ring->fixed, fds, n * sizeof(*fds));
	ring->fixed_count = n;
}

static int fixed_index(const struct ring *ring, int fd)
{
	for (int i = 0; i < ring->fixed_count; i++)
		if (ring->fixed[i] == fd)
			return i;
	errno = ENOENT;
	die("fd %d is not registered", fd);
}

/* What the completion is counted as travels with the request. A wrong fd is 0xffff: no flow. */
static uint64_t pack(enum mechanism mechanism, int sink, int source)
{
	return (uint64_t)mechanism << 32 | (uint64_t)(sink & 0xffff) << 16 | (source & 0xffff);
}

static struct io_uring_sqe *next(struct ring *ring, unsigned char opcode, int fd, enum mechanism mechanism, int source)
{
	unsigned int tail = ring->tail;
	struct io_uring_sqe *sqe = &ring->sqes[tail & ring->sq_mask];

	/* the SQPOLL thread frees entries in its own time */
	while (tail - __atomic_load_n(ring->sq_head, __ATOMIC_ACQUIRE) == ring->sq_entries)
		usleep(100);
	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = opcode;
	sqe->flags = ring->request_flags;
	sqe->user_data = pack(mechanism, fd, source);
	sqe->fd = fd;
	if (ring->fixed_count && fd >= 0) {
		sqe->fd = fixed_index(ring, fd);
		sqe->flags |= IOSQE_FIXED_FILE;
	}
	return sqe;
}

/* The caller may still change the entry: not even the SQPOLL thread sees it before ring_submit. */
static struct io_uring_sqe *queued(struct ring *ring, struct io_uring_sqe *sqe)
{
	ring->inflight++;
	ring->tail++;
	return sqe;
}

static struct io_uring_sqe *from_pipe_or_file(struct ring *ring, struct io_uring_sqe *sqe, int in,
					      unsigned int length, unsigned int flags)
{
	sqe->splice_fd_in = in;
	sqe->len = length;
	sqe->splice_flags = flags;
	sqe->off = (uint64_t)-1;
	sqe->splice_off_in = (uint64_t)-1;
	if (ring->fixed_count) {
		sqe->splice_fd_in = fixed_index(ring, in);
		sqe->splice_flags |= SPLICE_F_FD_IN_FIXED;
	}
	return sqe;
}

struct io_uring_sqe *ring_splice(struct ring *ring, int in, long offset, int out, unsigned int length,
				 unsigned int flags)
{
	struct io_uring_sqe *sqe = next(ring, IORING_OP_SPLICE, out, IO_URING_SPLICE, in);

	from_pipe_or_file(ring, sqe, in, length, flags)->splice_off_in = offset;
	return queued(ring, sqe);
}

struct io_uring_sqe *ring_tee(struct ring *ring, int in, int out, unsigned int length, unsigned int flags)
{
	struct io_uring_sqe *sqe = next(ring, IORING_OP_TEE, out, IO_URING_TEE, in);

	from_pipe_or_file(ring, sqe, in, length, flags);
	sqe->off = 0;
	sqe->splice_off_in = 0;
	return queued(ring, sqe);
}

struct io_uring_sqe *ring_send_zc(struct ring *ring, int fd, const void *memory, size_t length, int flags)
{
	struct io_uring_sqe *sqe = next(ring, IORING_OP_SEND_ZC, fd, IO_URING_SEND_ZC, -1);

	sqe->addr = (uintptr_t)memory;
	sqe->len = length;
	sqe->msg_flags = flags;
	return queued(ring, sqe);
}

struct io_uring_sqe *ring_sendmsg_zc(struct ring *ring, int fd, const struct msghdr *header, int flags)
{
	struct io_uring_sqe *sqe = next(ring, IORING_OP_SENDMSG_ZC, fd, IO_URING_SENDMSG_ZC, -1);

	sqe->addr = (uintptr_t)header;
	sqe->len = 1;
	sqe->msg_flags = flags;
	return queued(ring, sqe);
}

struct io_uring_sqe *ring_other(struct ring *ring, unsigned char opcode, int fd)
{
	return queued(ring, next(ring, opcode, fd, MECHANISM_COUNT, -1));
}
