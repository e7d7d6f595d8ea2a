/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* The two that work on pipes alone: tee and vmsplice. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "attempt.h"
#include "sequence.h"
#include "setup.h"
#include "sockets.h"
#include "witness.h"

static char memory[4 * PAGE] __attribute__((aligned(PAGE)));

static void put_page(struct pipe p)
{
	must(write(p.write, memory, PAGE), "write to the pipe");
}

static void tee_moves(void)
{
	struct pipe p = make_pipe(), q = make_pipe();

	put_page(p);
	put_page(p);
	for (int i = 0; i < 5; i++)
		expect("pipe to pipe", attempt_tee(p.read, q.write, PAGE, 0), PAGE);
	expect("both pages", attempt_tee(p.read, q.write, 4 * PAGE, SPLICE_F_NONBLOCK), 2 * PAGE);
	expect("length 0", attempt_tee(p.read, q.write, 0, 0), 0);
	drain_pipe(p.read);
	shut(p.write);
	expect("pipe without writer", attempt_tee(p.read, q.write, PAGE, 0), 0);
	shut(p.read);
	shut_pipe(q);
}

static void tee_blocked(void)
{
	struct pipe empty = make_pipe(), full = make_pipe(), some = make_pipe();

	fill(full.write);
	put_page(some);
	start_interrupting();
	expect("waiting for an empty pipe", attempt_tee(empty.read, some.write, PAGE, 0), -EINTR);
	expect("waiting for a full pipe", attempt_tee(some.read, full.write, PAGE, 0), -EINTR);
	stop_interrupting();
	for (int i = 0; i < 3; i++)
		expect("empty pipe", attempt_tee(empty.read, some.write, PAGE, SPLICE_F_NONBLOCK), -EAGAIN);
	expect("full pipe", attempt_tee(some.read, full.write, PAGE, SPLICE_F_NONBLOCK), -EAGAIN);
	set_nonblocking(empty.read, true);
	expect("empty nonblocking pipe", attempt_tee(empty.read, some.write, PAGE, 0), -EAGAIN);
	shut_pipe(empty);
	shut_pipe(full);
	shut_pipe(some);
}

static void tee_rejected(const struct place *place)
{
	struct pipe p = make_pipe(), q = make_pipe(), deaf = make_pipe();
	struct pair tcp = tcp_pair("127.0.0.1");

	put_page(p);
	expect("file as source", witness_refused(attempt_tee(place->file, q.write, PAGE, 0), NOT_A_PIPE), -EINVAL);
	expect("file as sink", witness_refused(attempt_tee(p.read, place->file, PAGE, 0), NOT_A_PIPE), -EINVAL);
	expect("socket as sink", witness_refused(attempt_tee(p.read, tcp.tx, PAGE, 0), NOT_A_PIPE), -EINVAL);
	expect("socket as source", witness_refused(attempt_tee(tcp.rx, q.write, PAGE, 0), NOT_A_PIPE), -EINVAL);
	expect("one pipe at both ends", witness_failed(attempt_tee(p.read, p.write, PAGE, 0)), -EINVAL);
	expect("unknown flags", witness_failed(attempt_tee(p.read, q.write, PAGE, 0x100)), -EINVAL);
	expect("no fds at all", attempt_tee(-1, -1, PAGE, 0), -EBADF);
	expect("sink of a huge number", attempt_tee(p.read, HUGE_FD, PAGE, 0), -EBADF);
	expect("closed source", attempt_tee(closed_fd(), q.write, PAGE, 0), -EBADF);
	expect("the writing end as source", attempt_tee(p.write, q.write, PAGE, 0), -EBADF);
	expect("the reading end as sink", attempt_tee(p.read, q.read, PAGE, 0), -EBADF);
	shut(deaf.read);
	expect("pipe without reader", attempt_tee(p.read, deaf.write, PAGE, 0), -EPIPE);
	shut(deaf.write);
	shut_pipe(p);
	shut_pipe(q);
	shut_pair(tcp);
}

void sequence_tee(const struct place *place)
{
	tee_moves();
	tee_blocked();
	tee_rejected(place);
}

static long gift(int fd, unsigned int flags)
{
	struct iovec page = { memory, PAGE };

	return attempt_vmsplice(fd, &page, 1, flags);
}

static void vmsplice_moves(void)
{
	struct iovec parts[3] = { { memory, 100 }, { memory + PAGE, 200 }, { memory + 2 * PAGE, PAGE } };
	struct pipe p = make_pipe();

	for (int i = 0; i < 4; i++)
		expect("memory to pipe", gift(p.write, 0), PAGE);
	expect("memory as a gift", gift(p.write, SPLICE_F_GIFT), PAGE);
	expect("three parts", attempt_vmsplice(p.write, parts, 3, 0), 300 + PAGE);
	expect("no parts", attempt_vmsplice(p.write, parts, 0, 0), 0);
	for (int i = 0; i < 2; i++)
		expect("pipe to memory", witness_copied(gift(p.read, 0), VMSPLICE_TO_USER), PAGE);
	drain_pipe(p.read);
	shut(p.write);
	expect("pipe without writer", gift(p.read, 0), 0);
	shut(p.read);
}

static void vmsplice_blocked(void)
{
	struct pipe full = make_pipe(), empty = make_pipe();

	fill(full.write);
	start_interrupting();
	expect("waiting for a full pipe", gift(full.write, 0), -EINTR);
	expect("waiting for an empty pipe", gift(empty.read, 0), -EINTR);
	stop_interrupting();
	for (int i = 0; i < 3; i++)
		expect("full pipe", gift(full.write, SPLICE_F_NONBLOCK), -EAGAIN);
	expect("empty pipe", gift(empty.read, SPLICE_F_NONBLOCK), -EAGAIN);
	shut_pipe(full);
	shut_pipe(empty);
}

static void vmsplice_rejected(const struct place *place)
{
	struct pipe p = make_pipe();
	struct pair tcp = tcp_pair("127.0.0.1");
	struct iovec nowhere = { (void *)8, PAGE };
	int path_only = must(open(place->dir, O_PATH), "open O_PATH");

	expect("not a pipe", witness_refused(gift(place->file, 0), NOT_A_PIPE), -EBADF);
	expect("a socket", witness_refused(gift(tcp.tx, 0), NOT_A_PIPE), -EBADF);
	expect("no fd", gift(-1, 0), -EBADF);
	expect("fd of a huge number", gift(HUGE_FD, 0), -EBADF);
	expect("closed fd", gift(closed_fd(), 0), -EBADF);
	expect("fd opened as a path only", gift(path_only, 0), -EBADF);
	expect("unknown flags", witness_failed(gift(p.write, 0x100)), -EINVAL);
	expect("too many parts", witness_failed(attempt_vmsplice(p.write, &nowhere, IOV_MAX + 1, 0)), -EINVAL);
	expect("list of parts in no memory", attempt_vmsplice(p.write, (struct iovec *)8, 1, 0), -EFAULT);
	expect("part in no memory", attempt_vmsplice(p.write, &nowhere, 1, 0), -EFAULT);
	shut(p.read);
	expect("pipe without reader", gift(p.write, 0), -EPIPE);
	shut(p.write);
	shut(path_only);
	shut_pair(tcp);
}

void sequence_vmsplice(const struct place *place)
{
	vmsplice_moves();
	vmsplice_blocked();
	vmsplice_rejected(place);
}
