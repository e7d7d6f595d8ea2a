/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * What requests, enters and setups answer when they fail. A request that fails before the kernel looked up
 * its file has no flow there: those are made with sinks that are no sockets.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#include "attempt.h"
#include "ring.h"
#include "seccomp_filter.h"
#include "setup.h"
#include "sockets.h"
#include "uring.h"

#define NOT_AN_FD (-1)

static char memory[PAGE];
static struct iovec part = { memory, PAGE };
static const struct msghdr header = { .msg_iov = &part, .msg_iovlen = 1 };

static void bad_files(struct ring *ring)
{
	struct pipe p = make_pipe();
	int file = make_memfd(PAGE);

	ring_splice(ring, NOT_AN_FD, -1, p.write, PAGE, 0);
	expect("splice without source", ring_do(ring), -EBADF);
	ring_splice(ring, p.read, -1, NOT_AN_FD, PAGE, 0);
	expect("splice without sink", ring_do(ring), -EBADF);
	ring_tee(ring, p.read, NOT_AN_FD, PAGE, 0);
	expect("tee without sink", ring_do(ring), -EBADF);
	ring_splice(ring, file, 0, file, PAGE, 0);
	expect("neither is a pipe", witness_refused(ring_do(ring), NO_PIPE), -EINVAL);
	ring_splice(ring, p.read, -1, p.write, PAGE, 0);
	expect("one pipe at both ends", witness_failed(ring_do(ring)), -EINVAL);
	ring_tee(ring, file, p.write, PAGE, 0);
	expect("tee from a file", witness_refused(ring_do(ring), NOT_A_PIPE), -EINVAL);
	ring_send_zc(ring, NOT_AN_FD, memory, PAGE, 0);
	expect("send_zc without socket", ring_do(ring), -EBADF);
	ring_send_zc(ring, file, memory, PAGE, 0);
	expect("send_zc to a file", ring_do(ring), -ENOTSOCK);
	ring_sendmsg_zc(ring, file, &header, 0);
	expect("sendmsg_zc to a file", ring_do(ring), -ENOTSOCK);
	shut_pipe(p);
	shut(file);
}

static void bad_requests(struct ring *ring)
{
	struct pipe p = make_pipe();
	struct pair tcp = tcp_pair("127.0.0.1");

	ring_splice(ring, p.read, -1, p.write, PAGE, 0x100);
	expect("splice with unknown flags", witness_failed(ring_do(ring)), -EINVAL);
	ring_tee(ring, p.read, p.write, PAGE, 0x100);
	expect("tee with unknown flags", witness_failed(ring_do(ring)), -EINVAL);
	ring_other(ring, 200, NOT_AN_FD);
	expect("an opcode that is none", ring_do(ring), -EINVAL);
	ring_send_zc(ring, tcp.tx, (void *)8, PAGE, 0);
	expect("send_zc from no memory", ring_do(ring), -EFAULT);
	ring_splice(ring, NOT_AN_FD, -1, p.write, PAGE, 0)->flags |= IOSQE_IO_LINK;
	ring_splice(ring, NOT_AN_FD, -1, p.write, PAGE, 0);
	expect("second of a broken chain", ring_do(ring), -ECANCELED);
	shut_pipe(p);
	shut_pair(tcp);
}

static void not_now(struct ring *ring)
{
	struct pipe p = make_pipe(), q = make_pipe();
	struct pair tcp = tcp_pair("127.0.0.1");

	ring_splice(ring, p.read, -1, q.write, PAGE, SPLICE_F_NONBLOCK);
	expect("splice from an empty pipe", ring_do(ring), -EAGAIN);
	ring_tee(ring, p.read, q.write, PAGE, SPLICE_F_NONBLOCK);
	expect("tee from an empty pipe", ring_do(ring), -EAGAIN);
	fill_pair(tcp);
	ring_send_zc(ring, tcp.tx, memory, PAGE, MSG_DONTWAIT);
	expect("send_zc to a full socket", ring_do(ring), -EAGAIN);
	ring_sendmsg_zc(ring, tcp.tx, &header, MSG_DONTWAIT);
	expect("sendmsg_zc to a full socket", ring_do(ring), -EAGAIN);
	shut_pair(tcp);
	shut_pipe(p);
	shut_pipe(q);
}

/* A worker that waits in splice is woken by the cancellation, and its request says so. */
static void cancelled(struct ring *ring)
{
	struct pipe p = make_pipe(), q = make_pipe();
	uint64_t waiting;

	waiting = ring_splice(ring, p.read, -1, q.write, PAGE, 0)->user_data;
	ring_submit(ring);
	usleep(50000);
	ring_other(ring, IORING_OP_ASYNC_CANCEL, NOT_AN_FD)->addr = waiting;
	ring_do(ring);
	shut_pipe(p);
	shut_pipe(q);
}

static void bad_sockets(struct ring *ring)
{
	struct pair local = unix_pair(SOCK_STREAM), ended = tcp_pair("127.0.0.1"), reset = tcp_pair("127.0.0.1");

	ring_send_zc(ring, local.tx, memory, PAGE, 0);
	expect("send_zc to a unix socket", ring_do(ring), -EOPNOTSUPP);
	ring_sendmsg_zc(ring, local.tx, &header, 0);
	expect("sendmsg_zc to a unix socket", ring_do(ring), -EOPNOTSUPP);
	must(shutdown(ended.tx, SHUT_WR), "shutdown");
	ring_send_zc(ring, ended.tx, memory, PAGE, MSG_NOSIGNAL);
	expect("send_zc after shutdown", ring_do(ring), -EPIPE);
	reset_peer(&reset);
	ring_sendmsg_zc(ring, reset.tx, &header, MSG_NOSIGNAL);
	expect("sendmsg_zc after a reset", ring_do(ring), -ECONNRESET);
	shut_pair(local);
	shut_pair(ended);
	shut_pair(reset);
}

/* A ring that may do nothing but nop. */
static void restricted(void)
{
	struct io_uring_restriction only = { .opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_NOP };
	struct pipe p = make_pipe();
	struct ring ring;

	ring_open(&ring, 4, 0, IORING_SETUP_R_DISABLED);
	expect("enter a disabled ring", ring_enter(ring.fd, 0, 0, 0), -EBADFD);
	must(syscall(SYS_io_uring_register, ring.fd, IORING_REGISTER_RESTRICTIONS, &only, 1), "restrict the ring");
	must(syscall(SYS_io_uring_register, ring.fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0), "enable the ring");
	ring_splice(&ring, p.read, -1, p.write, PAGE, 0);
	expect("splice on a restricted ring", ring_do(&ring), -EACCES);
	ring_close(&ring);
	shut_pipe(p);
}

static void on_iopoll(void)
{
	struct pipe p = make_pipe();
	struct ring ring;

	ring_open(&ring, 4, 0, IORING_SETUP_IOPOLL);
	ring_splice(&ring, p.read, -1, p.write, PAGE, 0);
	expect("splice on an iopoll ring", witness_refused(ring_do(&ring), RING_IOPOLL), -EINVAL);
	ring_close(&ring);
	shut_pipe(p);
}

void uring_errors(long rounds)
{
	struct ring ring;

	ring_open(&ring, 8, 0, 0);
	for (long i = 0; i < rounds; i++) {
		bad_files(&ring);
		bad_requests(&ring);
		bad_sockets(&ring);
	}
	not_now(&ring);
	cancelled(&ring);
	ring_close(&ring);
	restricted();
	on_iopoll();
}

static void on_alarm(int signal)
{
	(void)signal;
}

static void set_alarm(long microseconds)
{
	struct itimerval every = { .it_interval.tv_usec = microseconds, .it_value.tv_usec = microseconds };

	must(setitimer(ITIMER_REAL, &every, NULL), "setitimer");
}

static void interrupted_wait(struct ring *ring)
{
	struct sigaction action = { .sa_handler = on_alarm };

	must(sigaction(SIGALRM, &action, NULL), "sigaction SIGALRM");
	set_alarm(10000);
	expect("interrupted wait", ring_enter(ring->fd, 0, 1, IORING_ENTER_GETEVENTS), -EINTR);
	set_alarm(0);
}

static void *enter_from_elsewhere(void *argument)
{
	struct ring *ring = argument;

	expect("enter by another than the issuer", ring_enter(ring->fd, 1, 0, 0), -EEXIST);
	return NULL;
}

static void second_issuer(void)
{
	struct ring ring;
	pthread_t thread;

	ring_open(&ring, 4, 0, IORING_SETUP_SINGLE_ISSUER);
	start_thread(&thread, enter_from_elsewhere, &ring);
	join_thread(thread);
	ring_close(&ring);
}

void uring_enter_errors(long rounds)
{
	struct pipe p = make_pipe();
	struct ring ring;

	ring_open(&ring, 4, 0, 0);
	for (long i = 0; i < rounds; i++) {
		expect("enter without fd", ring_enter(NOT_AN_FD, 1, 0, 0), -EBADF);
		expect("enter what is no ring", ring_enter(p.read, 1, 0, 0), -EOPNOTSUPP);
		expect("enter with unknown flags", ring_enter(ring.fd, 1, 0, 1u << 20), -EINVAL);
		expect("enter with nothing to do", ring_enter(ring.fd, 1, 0, 0), 0);
	}
	interrupted_wait(&ring);
	ring_close(&ring);
	second_issuer();
	shut_pipe(p);
}

void uring_setup_errors(long rounds)
{
	struct io_uring_params unknown = { .flags = 1u << 31 }, none = { 0 };

	for (long i = 0; i < rounds; i++) {
		expect("setup with unknown flags", ring_setup(4, &unknown), -EINVAL);
		expect("setup of no entries", ring_setup(0, &none), -EINVAL);
		expect("setup with parameters in no memory", ring_setup(4, NULL), -EFAULT);
	}
}

/*
 * Twelve completions into a ring of eight, none taken before all have come. They fail in preparation, so that
 * each has completed when its enter returns.
 */
void uring_overflow(long rounds)
{
	struct pipe p = make_pipe();
	struct ring ring;

	ring_open(&ring, 4, 8, IORING_SETUP_SUBMIT_ALL);
	for (long i = 0; i < rounds; i++) {
		for (int n = 0; n < 12; n++) {
			ring_splice(&ring, p.read, -1, p.write, PAGE, 0x100);
			ring_submit(&ring);
		}
		expect("completions that fit", ring_reap(&ring), 8);
		/* what is still due had no room */
		witness_overflowed(ring.inflight);
		ring_wait(&ring);
	}
	ring_close(&ring);
	shut_pipe(p);
}

void uring_seccomp(long rounds)
{
	struct io_uring_params none = { 0 };
	struct ring ring;

	ring_open(&ring, 4, 0, 0);
	install_errno_filter();
	for (long i = 0; i < rounds; i++) {
		expect("enter", ring_enter_with_size(ring.fd, 1, 0, 0, answer_with(EAGAIN)), -EAGAIN);
		expect("enter", ring_enter_with_size(ring.fd, 1, 0, 0, answer_with(EBUSY)), -EBUSY);
		expect("setup", ring_setup(answer_with(EPERM), &none), -EPERM);
		expect("setup", ring_setup(answer_with(ENOMEM), &none), -ENOMEM);
	}
	ring_close(&ring);
}
