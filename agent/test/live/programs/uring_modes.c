/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* The same transfers through rings of every kind. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "ring.h"
#include "setup.h"
#include "sockets.h"
#include "uring.h"

static char memory[4 * PAGE] __attribute__((aligned(PAGE)));
static struct iovec parts[2] = { { memory, PAGE }, { memory + 2 * PAGE, PAGE } };
static const struct msghdr header = { .msg_iov = parts, .msg_iovlen = 2 };

struct transfer {
	int file;
	struct pipe p, q;
	struct pair tcp;
};

static struct transfer make_transfer(const char *address)
{
	return (struct transfer){ make_memfd(4 * PAGE), make_pipe(), make_pipe(), tcp_pair(address) };
}

static void end_transfer(struct transfer t)
{
	shut(t.file);
	shut_pipe(t.p);
	shut_pipe(t.q);
	shut_pair(t.tcp);
}

/* file -> pipe, that pipe -> another, both -> socket; then memory -> socket, twice. */
static void move_once(struct ring *ring, const struct transfer *t)
{
	ring_splice(ring, t->file, 0, t->p.write, PAGE, 0);
	expect("file to pipe", ring_do(ring), PAGE);
	ring_tee(ring, t->p.read, t->q.write, PAGE, 0);
	expect("pipe to pipe", ring_do(ring), PAGE);
	ring_splice(ring, t->p.read, -1, t->tcp.tx, PAGE, 0);
	expect("pipe to socket", ring_do(ring), PAGE);
	ring_splice(ring, t->q.read, -1, t->tcp.tx, PAGE, 0);
	expect("the other pipe to socket", ring_do(ring), PAGE);
	ring_send_zc(ring, t->tcp.tx, memory, PAGE, 0);
	expect("send_zc", witness_copied(ring_do(ring), LOOPBACK), PAGE);
	ring_sendmsg_zc(ring, t->tcp.tx, &header, 0);
	expect("sendmsg_zc", witness_copied(ring_do(ring), LOOPBACK), 2 * PAGE);
	/* no attempt, and not to be counted as one */
	ring_other(ring, IORING_OP_NOP, -1);
	expect("nop", ring_do(ring), 0);
	drain_socket(t->tcp.rx);
}

static void move_through(struct ring *ring, long rounds)
{
	const char *const addresses[] = { "127.0.0.1", "127.9.8.7", "::1", "::ffff:127.0.0.1" };

	for (int i = 0; i < 4; i++) {
		struct transfer t = make_transfer(addresses[i]);

		for (long round = 0; round < rounds; round++)
			move_once(ring, &t);
		end_transfer(t);
	}
	ring_close(ring);
}

void uring_plain(long rounds)
{
	struct pair udp = udp_pair("127.0.0.1", "127.0.0.2");
	struct ring ring;

	ring_open(&ring, 8, 0, 0);
	for (long i = 0; i < rounds; i++) {
		ring_send_zc(&ring, udp.tx, memory, 100, 0);
		expect("send_zc over udp", witness_copied(ring_do(&ring), LOOPBACK), 100);
	}
	shut_pair(udp);
	move_through(&ring, rounds);
}

void uring_sqpoll(long rounds)
{
	struct ring ring;

	ring_open(&ring, 8, 0, IORING_SETUP_SQPOLL);
	move_through(&ring, rounds);
}

/* Every request on a worker thread of the process. */
void uring_async(long rounds)
{
	struct ring ring;

	ring_open(&ring, 8, 0, 0);
	ring.request_flags = IOSQE_ASYNC;
	move_through(&ring, rounds);
}

void uring_defer(long rounds)
{
	struct ring ring;

	ring_open(&ring, 8, 0, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
	move_through(&ring, rounds);
}

static void move_fixed(long rounds, unsigned int flags)
{
	struct transfer t = make_transfer("127.0.0.1");
	const int files[] = { t.file, t.p.read, t.p.write, t.q.read, t.q.write, t.tcp.tx };
	struct ring ring;

	ring_open(&ring, 8, 0, flags);
	ring_fix_files(&ring, files, sizeof(files) / sizeof(*files));
	for (long i = 0; i < rounds; i++)
		move_once(&ring, &t);
	ring_close(&ring);
	end_transfer(t);
}

void uring_fixed(long rounds)
{
	move_fixed(rounds, 0);
}

void uring_sqpoll_fixed(long rounds)
{
	move_fixed(rounds, IORING_SETUP_SQPOLL);
}

/* A sendfile as io_uring knows it: two splices in a chain, several chains in one submission. */
void uring_linked(long rounds)
{
	struct transfer t = make_transfer("127.0.0.1");
	struct ring ring;

	ring_open(&ring, 8, 0, 0);
	for (long i = 0; i < rounds; i++) {
		for (int part = 0; part < 4; part++) {
			ring_splice(&ring, t.file, part * PAGE, t.p.write, PAGE, 0)->flags |= IOSQE_IO_LINK;
			/* the chains share the pipe: which of them moves which page is left to the kernel */
			ring_splice(&ring, t.p.read, -1, t.tcp.tx, PAGE, 0);
		}
		ring_do(&ring);
		drain_socket(t.tcp.rx);
	}
	ring_close(&ring);
	end_transfer(t);
}

#define THREADS 4
struct shared {
	struct ring ring;
	pthread_mutex_t lock;
	long rounds;
};

/* Each thread its own files, all the one ring. */
static void *move_in_thread(void *argument)
{
	struct shared *shared = argument;
	struct transfer t = make_transfer("127.0.0.1");

	for (long i = 0; i < shared->rounds; i++) {
		must_pthread(pthread_mutex_lock(&shared->lock), "pthread_mutex_lock");
		move_once(&shared->ring, &t);
		must_pthread(pthread_mutex_unlock(&shared->lock), "pthread_mutex_unlock");
	}
	end_transfer(t);
	return NULL;
}

void uring_threads(long rounds)
{
	struct shared shared = { .lock = PTHREAD_MUTEX_INITIALIZER, .rounds = rounds };
	pthread_t threads[THREADS];

	ring_open(&shared.ring, 8, 0, 0);
	for (int i = 0; i < THREADS; i++)
		start_thread(&threads[i], move_in_thread, &shared);
	for (int i = 0; i < THREADS; i++)
		join_thread(threads[i]);
	ring_close(&shared.ring);
}
