/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "attempt.h"
#include "chaos.h"
#include "setup.h"
#include "sockets.h"

#define PAGE 4096

static char memory[PAGE];
static struct iovec part = { memory, 100 };
static const struct msghdr header = { .msg_iov = &part, .msg_iovlen = 1 };

/* Of a pair one end is kept, and the other forgotten open or closed. */
static int one_end(struct chaos *chaos, struct pair pair)
{
	bool keep = pick(chaos, 2);
	int fd = keep ? pair.tx : pair.rx, other = keep ? pair.rx : pair.tx;

	if (pick(chaos, 2)) {
		send(other, memory, 200, MSG_DONTWAIT);
		fcntl(other, F_DUPFD, FIRST_NUMBER + NUMBERS);
	}
	shut(other);
	return fd;
}

static int new_file(struct chaos *chaos)
{
	struct pipe p;

	switch (pick(chaos, 12)) {
	case 0:
	case 1:
		return make_memfd(PAGE);
	case 2:
	case 3:
		return must(open("/proc/self/status", O_RDONLY), "open /proc/self/status");
	case 4:
		return reopen(make_memfd(PAGE), O_RDWR | O_APPEND);
	case 5:
	case 6:
		return one_end(chaos, tcp_pair("127.0.0.1"));
	case 7:
		return one_end(chaos, unix_pair(pick(chaos, 2) ? SOCK_STREAM : SOCK_DGRAM));
	case 8:
		p = make_pipe();
		return one_end(chaos, (struct pair){ p.read, p.write });
	case 9:
		return must(open("/dev/zero", O_RDWR), "open /dev/zero");
	case 10:
		return must(open("/dev/null", O_RDWR), "open /dev/null");
	default:
		return must(eventfd(0, 0), "eventfd");
	}
}

void renew(struct chaos *chaos, int number)
{
	int fd = new_file(chaos);

	set_nonblocking(fd, true);
	must(dup2(fd, number), "dup2");
	shut(fd);
}

/* Notifications may come late, or when the ring is closed: nobody waits for them. */
static void complete(struct ring *ring)
{
	ring_submit(ring);
	while (ring_reap(ring), ring->inflight)
		must(ring_enter(ring->fd, 0, 1, IORING_ENTER_GETEVENTS), "io_uring_enter");
}

static void request_something(struct chaos *chaos)
{
	struct ring *ring = &chaos->ring;
	int in = any_number(chaos), out = any_number(chaos);

	switch (pick(chaos, 4)) {
	case 0:
		ring_splice(ring, in, -1, out, 100, SPLICE_F_NONBLOCK);
		break;
	case 1:
		ring_tee(ring, in, out, 100, SPLICE_F_NONBLOCK);
		break;
	case 2:
		ring_send_zc(ring, out, memory, 100, MSG_DONTWAIT | MSG_NOSIGNAL);
		break;
	default:
		ring_sendmsg_zc(ring, out, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
		break;
	}
	complete(ring);
}

void attempt_something(struct chaos *chaos)
{
	int in = any_number(chaos), out = any_number(chaos);

	switch (pick(chaos, 8)) {
	case 0:
	case 1:
	case 2:
		attempt_sendfile(out, in, NULL, 100);
		break;
	case 3:
		attempt_splice(in, NULL, out, NULL, 100, SPLICE_F_NONBLOCK | (pick(chaos, 20) ? 0 : 0x100));
		break;
	case 4:
		attempt_tee(in, out, 100, SPLICE_F_NONBLOCK);
		break;
	case 5:
		attempt_vmsplice(out, &part, 1, SPLICE_F_NONBLOCK);
		break;
	case 6:
		attempt_copy_file_range(in, NULL, out, NULL, 100, 0);
		break;
	default:
		request_something(chaos);
		break;
	}
}

static void map_something(struct chaos *chaos)
{
	void *mapped = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, any_number(chaos), 0);

	if (mapped != MAP_FAILED)
		must(munmap(mapped, PAGE), "munmap");
}

/* Results are of no interest: the numbers mean anything, or nothing. */
void do_something_else(struct chaos *chaos)
{
	char block[200];
	int fd = any_number(chaos);
	ssize_t ignored = 0;

	switch (pick(chaos, 10)) {
	case 0:
		ignored = read(fd, block, sizeof(block));
		break;
	case 1:
		ignored = pread(fd, block, sizeof(block), 0);
		break;
	case 2:
		ignored = recv(fd, block, sizeof(block), MSG_DONTWAIT);
		break;
	case 3:
		ignored = write(fd, memory, 100);
		break;
	case 4:
		ignored = send(fd, memory, 100, MSG_DONTWAIT | MSG_NOSIGNAL);
		break;
	case 5:
		map_something(chaos);
		break;
	case 6:
		close(fd);
		break;
	case 7:
		dup2(any_number(chaos), FIRST_NUMBER + pick(chaos, NUMBERS));
		break;
	case 8:
		usleep(pick(chaos, 2000));
		break;
	default:
		renew(chaos, FIRST_NUMBER + pick(chaos, NUMBERS));
		break;
	}
	(void)ignored;
}
