/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Calls that need pipes: given none, and given the end that copies. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "attempt.h"
#include "exactly.h"
#include "reasons.h"
#include "ring.h"
#include "setup.h"
#include "sockets.h"

static char memory[PAGE] __attribute__((aligned(PAGE)));

static long give_or_take(int fd)
{
	struct iovec page = { memory, PAGE };

	return attempt_vmsplice(fd, &page, 1, 0);
}

static void to_user(void)
{
	struct pipe p = make_pipe();

	for (int i = 0; i < 3; i++)
		exactly("memory to pipe", give_or_take(p.write), PAGE);
	for (int i = 0; i < 3; i++)
		exactly("pipe to memory", witness_copied(give_or_take(p.read), VMSPLICE_TO_USER), PAGE);
	witness_culprit("pipe", NULL, "pipefs");
	shut(p.write);
	exactly("pipe without writer", give_or_take(p.read), 0);
}

static void no_pipe(void)
{
	struct pair tcp = tcp_pair("127.0.0.1"), other = tcp_pair("127.0.0.1");
	int out = make_file(place.dir, 0);
	struct ring ring;

	for (int i = 0; i < 3; i++)
		exactly("file to socket",
			witness_refused(attempt_splice(place.file, NULL, tcp.tx, NULL, PAGE, 0), NO_PIPE), -EINVAL);
	exactly("file to file", witness_refused(attempt_splice(place.file, NULL, out, NULL, PAGE, 0), NO_PIPE),
		-EINVAL);
	exactly("socket to socket", witness_refused(attempt_splice(other.rx, NULL, tcp.tx, NULL, PAGE, 0), NO_PIPE),
		-EINVAL);
	ring_open(&ring, 4, 0, 0);
	ring_splice(&ring, place.file, 0, tcp.tx, PAGE, 0);
	exactly("by a ring", witness_refused(ring_do(&ring), NO_PIPE), -EINVAL);
}

static void not_a_pipe(void)
{
	struct pair tcp = tcp_pair("127.0.0.1");
	struct pipe p = make_pipe();
	struct ring ring;

	for (int i = 0; i < 3; i++)
		exactly("tee from a file", witness_refused(attempt_tee(place.file, p.write, PAGE, 0), NOT_A_PIPE),
			-EINVAL);
	exactly("tee to a socket", witness_refused(attempt_tee(p.read, tcp.tx, PAGE, 0), NOT_A_PIPE), -EINVAL);
	exactly("tee between files", witness_refused(attempt_tee(place.file, place.file, PAGE, 0), NOT_A_PIPE),
		-EINVAL);
	for (int i = 0; i < 2; i++)
		exactly("vmsplice to a file", witness_refused(give_or_take(place.file), NOT_A_PIPE), -EBADF);
	exactly("vmsplice to a socket", witness_refused(give_or_take(tcp.tx), NOT_A_PIPE), -EBADF);
	ring_open(&ring, 4, 0, 0);
	ring_tee(&ring, place.file, p.write, PAGE, 0);
	exactly("tee by a ring", witness_refused(ring_do(&ring), NOT_A_PIPE), -EINVAL);
}

const struct named_case pipe_refusal_cases[] = {
	{ "vmsplice-to-user", to_user },
	{ "no-pipe", no_pipe },
	{ "not-a-pipe", not_a_pipe },
	{ NULL, NULL },
};
