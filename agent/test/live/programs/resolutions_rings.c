/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Refusals of rings belong to the process: whoever of it goes on with the files says how they end. */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "exactly.h"
#include "resolutions.h"
#include "ring.h"
#include "setup.h"
#include "sockets.h"

static char block[PAGE];

/* A stream that knows no SEND_ZC. */
static int refuse_send_zc(void)
{
	int fd = unix_pair(SOCK_STREAM).tx;
	struct ring ring;

	ring_open(&ring, 4, 0, 0);
	ring_send_zc(&ring, fd, block, PAGE, 0);
	exactly("send_zc", witness_refused(ring_do(&ring), ZC_NOT_SUPPORTED), -EOPNOTSUPP);
	return fd;
}

static void then_send(void)
{
	exactly("send", send(refuse_send_zc(), block, PAGE, 0), PAGE);
	ends(IO_URING_SEND_ZC, CONFIRMED, ABANDONED);
}

static void then_read_and_write(void)
{
	int fd = refuse_send_zc();

	exactly("read", read(make_memfd(PAGE), block, PAGE), PAGE);
	exactly("write", write(fd, block, PAGE), PAGE);
	ends(IO_URING_SEND_ZC, CONFIRMED, PRESUMED);
}

static void then_close(void)
{
	shut(refuse_send_zc());
	ends(IO_URING_SEND_ZC, ABANDONED, ABANDONED);
}

static void then_exit(void)
{
	refuse_send_zc();
	ends(IO_URING_SEND_ZC, ABANDONED, ABANDONED);
}

static void then_nothing(void)
{
	refuse_send_zc();
	sleep_milliseconds(1200);
	ends(IO_URING_SEND_ZC, PRESUMED, PRESUMED);
}

static void *send_from_elsewhere(void *argument)
{
	exactly("send", send(*(int *)argument, block, PAGE, 0), PAGE);
	return NULL;
}

static void then_another_thread_sends(void)
{
	int fd = refuse_send_zc();
	pthread_t thread;

	start_thread(&thread, send_from_elsewhere, &fd);
	join_thread(thread);
	ends(IO_URING_SEND_ZC, CONFIRMED, ABANDONED);
}

const struct named_case ring_cases[] = {
	{ "ring-then-send", then_send },
	{ "ring-then-read-and-write", then_read_and_write },
	{ "ring-then-close", then_close },
	{ "ring-then-exit", then_exit },
	{ "ring-then-nothing", then_nothing },
	{ "ring-then-another-thread-sends", then_another_thread_sends },
	{ NULL, NULL },
};
