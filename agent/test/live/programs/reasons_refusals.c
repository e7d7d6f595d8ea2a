/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Files that the kernel will not move for sendfile and splice. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "attempt.h"
#include "devices.h"
#include "exactly.h"
#include "reasons.h"
#include "ring.h"
#include "seccomp_filter.h"
#include "setup.h"
#include "sockets.h"

static long send_page(int out, int in)
{
	return attempt_sendfile(out, in, NULL, PAGE);
}

/* No read_iter, so that not even a copy could be made for it. */
static void source_cannot_splice(void)
{
	const char *path = "/proc/self/status";
	int in = must(open(path, O_RDONLY), "open"), dir = must(open(place.dir, O_RDONLY), "open the directory");
	struct pair tcp = tcp_pair("127.0.0.1");
	struct pipe p = make_pipe();
	struct ring ring;

	for (int i = 0; i < 3; i++)
		exactly("sendfile", witness_refused(send_page(tcp.tx, in), SOURCE_CANNOT_SPLICE), -EINVAL);
	witness_culprit("file", NULL, "proc");
	for (int i = 0; i < 2; i++)
		exactly("splice",
			witness_refused(attempt_splice(in, NULL, p.write, NULL, PAGE, 0), SOURCE_CANNOT_SPLICE),
			-EINVAL);
	witness_culprit("file", NULL, "proc");
	ring_open(&ring, 4, 0, 0);
	ring_splice(&ring, in, -1, p.write, PAGE, 0);
	exactly("splice by a ring", witness_refused(ring_do(&ring), SOURCE_CANNOT_SPLICE), -EINVAL);
	witness_culprit("file", NULL, "proc");
	exactly("directory", witness_refused(send_page(tcp.tx, dir), SOURCE_CANNOT_SPLICE), -EINVAL);
	/* both ends are to blame: the source is named */
	exactly("source and sink", witness_refused(send_page(must(eventfd(0, 0), "eventfd"), in), SOURCE_CANNOT_SPLICE),
		-EINVAL);
}

/* Files without an inode of their own. None is read or written in fact. */
static int anonymous_files(int *fds)
{
	union bpf_attr_for_map {
		struct {
			unsigned int type, key_size, value_size, max_entries;
		};
		char padding[128];
	} map = { { 2, 4, 8, 1 } };
	sigset_t none;
	struct ring ring;
	int n = 0;

	sigemptyset(&none);
	ring_open(&ring, 4, 0, 0);
	fds[n++] = must(eventfd(0, 0), "eventfd");
	fds[n++] = must(signalfd(-1, &none, 0), "signalfd");
	fds[n++] = must(epoll_create1(0), "epoll_create1");
	fds[n++] = must(timerfd_create(CLOCK_MONOTONIC, 0), "timerfd_create");
	fds[n++] = must(syscall(SYS_pidfd_open, getpid(), 0), "pidfd_open");
	fds[n++] = must(syscall(SYS_bpf, 0, &map, sizeof(map)), "bpf BPF_MAP_CREATE");
	fds[n++] = ring.fd;
	return n;
}

static void anonymous_sources(void)
{
	struct pair tcp = tcp_pair("127.0.0.1");
	struct pipe p = make_pipe();
	int fds[8], n = anonymous_files(fds);

	for (int i = 0; i < n; i++) {
		exactly("sendfile", witness_refused(send_page(tcp.tx, fds[i]), SOURCE_CANNOT_SPLICE), -EINVAL);
		witness_culprit("other", NULL, NULL);
		exactly("splice",
			witness_refused(attempt_splice(fds[i], NULL, p.write, NULL, 1, 0), SOURCE_CANNOT_SPLICE),
			-EINVAL);
		witness_culprit("other", NULL, NULL);
	}
}

static void anonymous_sinks(void)
{
	struct pipe p = make_pipe();
	int fds[8], n = anonymous_files(fds);

	exactly("file to pipe", attempt_splice(place.file, &(off_t){ 0 }, p.write, NULL, PAGE, 0), PAGE);
	for (int i = 0; i < n; i++) {
		exactly("sendfile", witness_refused(send_page(fds[i], place.file), SINK_CANNOT_SPLICE), -EINVAL);
		witness_culprit("other", NULL, NULL);
		exactly("splice", witness_refused(attempt_splice(p.read, NULL, fds[i], NULL, 1, 0), SINK_CANNOT_SPLICE),
			-EINVAL);
		witness_culprit("other", NULL, NULL);
	}
}

static void sink_device(void)
{
	int full = must(open("/dev/full", O_WRONLY), "open /dev/full");

	for (int i = 0; i < 3; i++)
		exactly("sendfile", witness_refused(send_page(full, place.file), SINK_CANNOT_SPLICE), -EINVAL);
	witness_culprit("character device", "/dev/full", "devtmpfs");
}

static void sink_append(void)
{
	const char *path = path_in("log");
	int log = must(open(path, O_CREAT | O_WRONLY | O_APPEND, 0600), "create the log");
	struct pipe p = make_pipe();
	struct ring ring;

	for (int i = 0; i < 3; i++)
		exactly("sendfile", witness_refused(send_page(log, place.file), SINK_APPEND), -EINVAL);
	witness_culprit("file", path, NULL);
	exactly("file to pipe", attempt_splice(place.file, &(off_t){ 0 }, p.write, NULL, PAGE, 0), PAGE);
	for (int i = 0; i < 2; i++)
		exactly("splice", witness_refused(attempt_splice(p.read, NULL, log, NULL, PAGE, 0), SINK_APPEND),
			-EINVAL);
	witness_culprit("file", path, NULL);
	ring_open(&ring, 4, 0, 0);
	ring_splice(&ring, p.read, -1, log, PAGE, 0);
	exactly("splice by a ring", witness_refused(ring_do(&ring), SINK_APPEND), -EINVAL);
	witness_culprit("file", path, NULL);
}

static void source_not_seekable(void)
{
	struct pair tcp = tcp_pair("127.0.0.1"), other = tcp_pair("127.0.0.1"), local = unix_pair(SOCK_STREAM);
	struct pipe p = make_pipe();
	struct terminal t = make_terminal();

	for (int i = 0; i < 3; i++)
		exactly("tcp", witness_refused(send_page(tcp.tx, other.rx), SOURCE_NOT_SEEKABLE), -EINVAL);
	witness_culprit("socket", NULL, "sockfs");
	exactly("unix stream", witness_refused(send_page(tcp.tx, local.rx), SOURCE_NOT_SEEKABLE), -EINVAL);
	exactly("terminal", witness_refused(send_page(tcp.tx, t.slave), SOURCE_NOT_SEEKABLE), -EINVAL);
	exactly("offset for a pipe",
		witness_refused(attempt_sendfile(tcp.tx, p.read, &(off_t){ 0 }, PAGE), SOURCE_NOT_SEEKABLE), -ESPIPE);
	exactly("offset for a socket",
		witness_refused(attempt_sendfile(tcp.tx, other.rx, &(off_t){ 0 }, PAGE), SOURCE_NOT_SEEKABLE), -ESPIPE);
}

static void not_supported(void)
{
	struct pipe p = make_pipe();
	int xdp = xdp_socket();

	for (int i = 0; i < 3; i++)
		exactly("sendfile", witness_refused(send_page(xdp, place.file), NOT_SUPPORTED), -EOPNOTSUPP);
	witness_culprit("socket", NULL, "sockfs");
	exactly("file to pipe", attempt_splice(place.file, &(off_t){ 0 }, p.write, NULL, PAGE, 0), PAGE);
	exactly("splice", witness_refused(attempt_splice(p.read, NULL, xdp, NULL, PAGE, 0), NOT_SUPPORTED),
		-EOPNOTSUPP);
}

/* The handler of the sysctl says EINVAL to what is no number: neither file explains it, and both can splice. */
static void einval_other(void)
{
	const char *path = "/proc/sys/kernel/randomize_va_space";
	int out = must(open(path, O_WRONLY), "open the sysctl");

	for (int i = 0; i < 3; i++)
		exactly("sendfile", witness_refused(attempt_sendfile(out, place.file, &(off_t){ 0 }, 8), EINVAL_OTHER),
			-EINVAL);
	witness_culprit("file", path, "proc");
}

/* As in a container whose profile does not know the call. */
static void no_syscall(void)
{
	struct pair tcp = tcp_pair("127.0.0.1");
	struct pipe p = make_pipe(), q = make_pipe();
	int out = make_file(place.dir, 0), answer = answer_with(ENOSYS);

	install_errno_filter();
	for (int i = 0; i < 3; i++)
		exactly("sendfile", attempt_sendfile(tcp.tx, place.file, NULL, answer), -ENOSYS);
	for (int i = 0; i < 2; i++)
		exactly("splice", attempt_splice(place.file, NULL, p.write, NULL, PAGE, answer), -ENOSYS);
	exactly("tee", attempt_tee(p.read, q.write, PAGE, answer), -ENOSYS);
	exactly("vmsplice", attempt_vmsplice(p.write, NULL, 0, answer), -ENOSYS);
	exactly("copy_file_range", attempt_copy_file_range(place.file, NULL, out, NULL, PAGE, answer), -ENOSYS);
	/* a question, not a transfer */
	exactly("sendfile without fds", attempt_sendfile(-1, -1, NULL, answer), -ENOSYS);
}

const struct named_case refusal_cases[] = {
	{ "source-cannot-splice", source_cannot_splice },
	{ "source-anonymous", anonymous_sources },
	{ "sink-anonymous", anonymous_sinks },
	{ "sink-cannot-splice", sink_device },
	{ "sink-append", sink_append },
	{ "source-not-seekable", source_not_seekable },
	{ "not-supported", not_supported },
	{ "einval-other", einval_other },
	{ "no-syscall", no_syscall },
	{ NULL, NULL },
};
