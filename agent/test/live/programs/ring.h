/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* One io_uring over raw system calls: requests of zero-copy opcodes, counted when they complete. */
#ifndef RING_H
#define RING_H

#include <linux/io_uring.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "witness.h"

/* Younger than the headers of Debian 12 or of its backports. */
#ifndef IORING_SETUP_SINGLE_ISSUER
#define IORING_SETUP_SINGLE_ISSUER (1U << 12)
#endif
#ifndef IORING_SETUP_DEFER_TASKRUN
#define IORING_SETUP_DEFER_TASKRUN (1U << 13)
#endif
#ifndef IORING_SEND_ZC_REPORT_USAGE
#define IORING_SEND_ZC_REPORT_USAGE (1U << 3)
#define IORING_NOTIF_USAGE_ZC_COPIED (1U << 31)
#endif

#define FIXED_LIMIT 16

struct ring {
	int fd;
	unsigned int flags;
	/* what every request gets besides: IOSQE_ASYNC */
	unsigned char request_flags;
	unsigned int *sq_head, *sq_tail, *sq_flags, sq_mask, sq_entries;
	unsigned int *cq_head, *cq_tail, cq_mask, cq_entries;
	/* entries are filled up to here; the kernel sees them at ring_submit */
	unsigned int tail;
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqes;
	void *memory, *sqe_memory;
	size_t memory_size, sqe_size;
	/* requests without their completion, and completions without their notification */
	long inflight, notifications;
	/* result of the completion that came last */
	int last;
	/* registered files: requests name them by their place here */
	int fixed[FIXED_LIMIT], fixed_count;
};

/* `cq_entries` 0: the kernel's own choice. */
void ring_open(struct ring *ring, unsigned int entries, unsigned int cq_entries, unsigned int flags);
void ring_close(struct ring *ring);
/* From now on requests name these files by their index. */
void ring_fix_files(struct ring *ring, const int *fds, int n);

/* Requests; fds may be wrong on purpose. Each needs a free entry: at most sq_entries between submits. */
struct io_uring_sqe *ring_splice(struct ring *ring, int in, long offset, int out, unsigned int length,
				 unsigned int flags);
struct io_uring_sqe *ring_tee(struct ring *ring, int in, int out, unsigned int length, unsigned int flags);
/* The memory and the header stay as they are until the ring is idle. */
struct io_uring_sqe *ring_send_zc(struct ring *ring, int fd, const void *memory, size_t length, int flags);
struct io_uring_sqe *ring_sendmsg_zc(struct ring *ring, int fd, const struct msghdr *header, int flags);
/* Of an opcode that is no attempt. */
struct io_uring_sqe *ring_other(struct ring *ring, unsigned char opcode, int fd);

/* Hand all requests to the kernel. */
void ring_submit(struct ring *ring);
/* Take the completions that are there; returns how many, notifications included. */
int ring_reap(struct ring *ring);
/* Until every request and notification has come. */
void ring_wait(struct ring *ring);
/* Submit and wait; the result of the last completion. */
int ring_do(struct ring *ring);

#endif
