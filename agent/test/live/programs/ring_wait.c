/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Submission and completion: the only places of `uring` that enter the kernel on purpose. */
#define _GNU_SOURCE
#include <errno.h>
#include <unistd.h>

#include "attempt.h"
#include "ring.h"
#include "setup.h"

static long must_enter(struct ring *ring, unsigned int to_submit, unsigned int min_complete, unsigned int flags)
{
	long ret = ring_enter(ring->fd, to_submit, min_complete, flags);

	errno = ret < 0 ? -ret : 0;
	return must(ret, "io_uring_enter");
}

static unsigned int unsubmitted(const struct ring *ring)
{
	return ring->tail - __atomic_load_n(ring->sq_head, __ATOMIC_ACQUIRE);
}

/* The thread takes entries by itself; only a sleeping one must be called. */
static void wake_poller(struct ring *ring)
{
	/* the new tail must be seen before the thread decides to sleep: store, then load */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(ring->sq_flags, __ATOMIC_RELAXED) & IORING_SQ_NEED_WAKEUP)
		must_enter(ring, unsubmitted(ring), 0, IORING_ENTER_SQ_WAKEUP);
}

void ring_submit(struct ring *ring)
{
	__atomic_store_n(ring->sq_tail, ring->tail, __ATOMIC_RELEASE);
	if (ring->flags & IORING_SETUP_SQPOLL) {
		wake_poller(ring);
		return;
	}
	/* a request that fails at once ends the batch: the rest is for the next enter */
	while (unsubmitted(ring))
		must_enter(ring, unsubmitted(ring), 0, 0);
}

static void complete(struct ring *ring, const struct io_uring_cqe *cqe)
{
	enum mechanism mechanism = cqe->user_data >> 32;
	int sink = cqe->user_data >> 16 & 0xffff, source = cqe->user_data & 0xffff;

	if (cqe->flags & IORING_CQE_F_NOTIF) {
		ring->notifications--;
		/* asked for by IORING_SEND_ZC_REPORT_USAGE, by requests that go one at a time */
		if ((unsigned int)cqe->res & IORING_NOTIF_USAGE_ZC_COPIED)
			witness_copied(ring->last, ZC_NOTIFIED_COPIED);
		return;
	}
	if (cqe->flags & IORING_CQE_F_MORE)
		ring->notifications++;
	ring->inflight--;
	ring->last = cqe->res;
	if (mechanism < MECHANISM_COUNT)
		witness_attempt(mechanism, sink, source, cqe->res);
}

int ring_reap(struct ring *ring)
{
	unsigned int head = *ring->cq_head, tail = __atomic_load_n(ring->cq_tail, __ATOMIC_ACQUIRE);
	int n = tail - head;

	for (; head != tail; head++)
		complete(ring, &ring->cqes[head & ring->cq_mask]);
	__atomic_store_n(ring->cq_head, head, __ATOMIC_RELEASE);
	return n;
}

void ring_wait(struct ring *ring)
{
	ring_reap(ring);
	while (ring->inflight || ring->notifications) {
		must_enter(ring, 0, 1, IORING_ENTER_GETEVENTS);
		ring_reap(ring);
	}
}

int ring_do(struct ring *ring)
{
	ring_submit(ring);
	ring_wait(ring);
	return ring->last;
}
