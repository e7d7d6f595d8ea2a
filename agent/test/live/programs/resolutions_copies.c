/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* The program copies after the refusal: each way of reading the source or writing the sink confirms it. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "attempt.h"
#include "exactly.h"
#include "resolutions.h"
#include "seccomp_filter.h"
#include "setup.h"

static char block[PAGE];

static struct iovec part = { block, 100 };
static struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

/* Most read all and write all: one transfer, one fallback. */
static void read_then_write(void)
{
	struct refused_pair pair = status_to_socket();
	ssize_t n;

	refuse_sendfile(pair);
	n = must(read(pair.source, block, PAGE), "read");
	must(write(pair.sink, block, n), "write");
	must(read(pair.source, block, PAGE), "read to the end");
	ends(SENDFILE, CONFIRMED, PRESUMED);
}

/* What was read before the refusal may be all that is written. */
static void write_only(void)
{
	struct refused_pair pair = file_to_log();

	refuse_sendfile(pair);
	exactly("write", write(pair.sink, new_page(), 100), 100);
	ends(SENDFILE, CONFIRMED, PRESUMED);
}

static void map_then_write(void)
{
	struct refused_pair pair = file_to_log();
	void *memory;

	refuse_sendfile(pair);
	memory = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, pair.source, 0);
	if (memory == MAP_FAILED)
		die("mmap the source");
	exactly("write", write(pair.sink, memory, PAGE), PAGE);
	ends(SENDFILE, CONFIRMED, PRESUMED);
}

/* Nothing but the mapping: what is then read needs no call. */
static void map_only(void)
{
	struct refused_pair pair = file_to_log();

	refuse_sendfile(pair);
	if (mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, pair.source, 0) == MAP_FAILED)
		die("mmap the source");
	ends(SENDFILE, CONFIRMED, ABANDONED);
}

/* Five pairs: unwatched, the first has to make room for the last. */
static void every_read(void)
{
	for (int way = 0; way < 5; way++) {
		struct refused_pair pair = file_to_log();
		int fd = pair.source;

		refuse_sendfile(pair);
		exactly("read",
			way == 0   ? read(fd, block, 100)
			: way == 1 ? pread(fd, block, 100, 0)
			: way == 2 ? readv(fd, &part, 1)
			: way == 3 ? preadv(fd, &part, 1, 0)
				   : preadv2(fd, &part, 1, 0, RWF_HIPRI),
			100);
		ends(SENDFILE, CONFIRMED, PRESUMED);
	}
}

static void every_receive(void)
{
	for (int way = 0; way < 3; way++) {
		struct refused_pair pair = socket_to_socket();
		int fd = pair.source;

		refuse_sendfile(pair);
		exactly("receive",
			way == 0   ? recv(fd, block, 100, 0)
			: way == 1 ? recvfrom(fd, block, 100, 0, NULL, NULL)
				   : recvmsg(fd, &message, 0),
			100);
		ends(SENDFILE, CONFIRMED, PRESUMED);
	}
}

static void every_write(void)
{
	for (int way = 0; way < 5; way++) {
		struct refused_pair pair = file_to_log();
		struct iovec part = { .iov_len = 100 };
		int fd = pair.sink;
		const char *page;

		refuse_sendfile(pair);
		/* mapped behind the refusal, as the source would be: unwatched, that and the write are all there is to see */
		page = new_page();
		part.iov_base = (void *)page;
		exactly("write",
			way == 0   ? write(fd, page, 100)
			: way == 1 ? pwrite(fd, page, 100, 0)
			: way == 2 ? writev(fd, &part, 1)
			: way == 3 ? pwritev(fd, &part, 1, 0)
				   : pwritev2(fd, &part, 1, 0, RWF_HIPRI),
			100);
		ends(SENDFILE, CONFIRMED, PRESUMED);
	}
}

static long send_many(int fd)
{
	struct mmsghdr messages[2] = { { .msg_hdr = message }, { .msg_hdr = message } };

	return sendmmsg(fd, messages, 2, 0) == 2 ? 100 : -1;
}

static void every_send(void)
{
	for (int way = 0; way < 3; way++) {
		struct refused_pair pair = status_to_socket();
		int fd = pair.sink;

		refuse_sendfile(pair);
		exactly("send",
			way == 0   ? send(fd, block, 100, 0)
			: way == 1 ? sendmsg(fd, &message, 0)
				   : send_many(fd),
			100);
		ends(SENDFILE, CONFIRMED, ABANDONED);
	}
}

static void after_copy_file_range(void)
{
	struct refused_pair pair = { must(open("/proc/self/status", O_RDONLY), "open"),
				     must(open("/proc/self/comm", O_WRONLY), "open") };
	long ret = attempt_copy_file_range(pair.source, NULL, pair.sink, NULL, PAGE, 0);

	exactly("copy_file_range", witness_refused(ret, ZERO_SIZE_SOURCE), 0);
	must(read(pair.source, block, PAGE), "read");
	ends(COPY_FILE_RANGE, CONFIRMED, PRESUMED);
}

static void after_vmsplice(void)
{
	int fd = make_memfd(0);

	exactly("vmsplice", witness_refused(attempt_vmsplice(fd, &part, 1, 0), NOT_A_PIPE), -EBADF);
	exactly("write", write(fd, new_page(), 100), 100);
	ends(VMSPLICE, CONFIRMED, PRESUMED);
}

/* A pipe as one end: the other is what is read. */
static void after_splice(void)
{
	struct refused_pair pair = status_to_socket();
	struct pipe p = make_pipe();

	exactly("splice",
		witness_refused(attempt_splice(pair.source, NULL, p.write, NULL, PAGE, 0), SOURCE_CANNOT_SPLICE),
		-EINVAL);
	must(read(pair.source, block, PAGE), "read");
	ends(SPLICE, CONFIRMED, PRESUMED);
}

/* Policy is no refusal, and says nothing of the one before it. */
static void after_denial(void)
{
	struct refused_pair pair = file_to_socket();

	install_errno_filter();
	refuse_copy_file_range(pair);
	exactly("sendfile", attempt_sendfile(pair.sink, pair.source, NULL, answer_with(EPERM)), -EPERM);
	exactly("read", read(pair.source, block, 100), 100);
	ends(COPY_FILE_RANGE, CONFIRMED, PRESUMED);
}

/* Sends before, so that the probes know such sockets, and one after it: by then the fallback is over. */
static void send_again(void)
{
	struct refused_pair pair = status_to_socket();
	int file = make_memfd(PAGE);

	for (int i = 0; i < 2; i++)
		exactly("sendfile before", attempt_sendfile(pair.sink, file, &(off_t){ 0 }, 100), 100);
	refuse_sendfile(pair);
	must(read(pair.source, block, PAGE), "read");
	exactly("sendfile after", attempt_sendfile(pair.sink, file, &(off_t){ 0 }, 100), 100);
	ends(SENDFILE, CONFIRMED, PRESUMED);
}

const struct named_case copy_cases[] = {
	{ "read-then-write", read_then_write },
	{ "write-only", write_only },
	{ "map-then-write", map_then_write },
	{ "map-only", map_only },
	{ "every-read", every_read },
	{ "every-receive", every_receive },
	{ "every-write", every_write },
	{ "every-send", every_send },
	{ "read-after-copy_file_range", after_copy_file_range },
	{ "write-after-vmsplice", after_vmsplice },
	{ "read-after-splice", after_splice },
	{ "read-after-denial", after_denial },
	{ "read-then-send-again", send_again },
	{ NULL, NULL },
};
