/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "attempt.h"
#include "sequence.h"
#include "setup.h"
#include "sockets.h"
#include "witness.h"

static long splice_page(int in, int out)
{
	return attempt_splice(in, NULL, out, NULL, PAGE, 0);
}

static long file_page(int in, int out)
{
	off_t offset = 0;

	return attempt_splice(in, &offset, out, NULL, PAGE, SPLICE_F_MOVE);
}

static void through_stream(const struct place *place, struct pair pair)
{
	struct pipe p = make_pipe();

	for (int i = 0; i < 3; i++) {
		expect("file to pipe", file_page(place->file, p.write), PAGE);
		expect("pipe to socket", splice_page(p.read, pair.tx), PAGE);
		expect("socket to pipe", splice_page(pair.rx, p.write), PAGE);
		drain_pipe(p.read);
	}
	must(shutdown(pair.tx, SHUT_WR), "shutdown");
	expect("end of stream", splice_page(pair.rx, p.write), 0);
	shut_pair(pair);
	shut_pipe(p);
}

static void through_datagrams(const struct place *place)
{
	struct pair udp = udp_pair("127.0.0.1", "127.0.0.2"), local = unix_pair(SOCK_DGRAM);
	struct pipe p = make_pipe();

	expect("file to pipe", attempt_splice(place->file, &(off_t){ 0 }, p.write, NULL, 100, 0), 100);
	expect("pipe to udp", splice_page(p.read, udp.tx), 100);
	expect("file to pipe", file_page(place->file, p.write), PAGE);
	expect("pipe to unix datagram", witness_copied(splice_page(p.read, local.tx), SINK_PROTOCOL), PAGE);
	expect("unix datagram to pipe", witness_copied(splice_page(local.rx, p.write), SOURCE_SOCKET_WITHOUT_SPLICE),
	       PAGE);
	shut_pair(udp);
	shut_pair(local);
	shut_pipe(p);
}

static void through_files(const struct place *place)
{
	struct pipe p = make_pipe(), q = make_pipe();
	int out = make_file(place->dir, 0);
	off_t end = FILE_BYTES, middle = 2 * PAGE;

	expect("end of file", attempt_splice(place->file, &end, p.write, NULL, PAGE, 0), 0);
	expect("length 0", attempt_splice(place->file, NULL, p.write, NULL, 0, 0), 0);
	expect("file to pipe", file_page(place->file, p.write), PAGE);
	expect("pipe to pipe", splice_page(p.read, q.write), PAGE);
	expect("pipe to file", witness_copied(attempt_splice(q.read, NULL, out, &middle, PAGE, 0), SINK_REGULAR_FILE),
	       PAGE);
	expect("file to pipe", attempt_splice(place->file, &(off_t){ 0 }, p.write, NULL, 3 * PAGE, 0), 3 * PAGE);
	expect("short from the pipe",
	       witness_copied(attempt_splice(p.read, NULL, out, NULL, FILE_BYTES, 0), SINK_REGULAR_FILE), 3 * PAGE);
	shut(p.write);
	expect("pipe without writer", splice_page(p.read, out), 0);
	shut(p.read);
	shut_pipe(q);
	shut(out);
}

static void when_blocked(const struct place *place)
{
	struct pair tcp = tcp_pair("127.0.0.1"), empty = tcp_pair("127.0.0.1");
	struct pipe full = make_pipe(), p = make_pipe(), q = make_pipe();

	fill(full.write);
	fill_pair(tcp);
	expect("file to pipe", file_page(place->file, q.write), PAGE);
	start_interrupting();
	expect("waiting for an empty pipe", splice_page(p.read, tcp.tx), -EINTR);
	expect("waiting for a full pipe", file_page(place->file, full.write), -EINTR);
	expect("waiting for an empty socket", splice_page(empty.rx, p.write), -EINTR);
	expect("waiting for a full socket", splice_page(q.read, tcp.tx), -EINTR);
	stop_interrupting();
	set_nonblocking(tcp.tx, true);
	set_nonblocking(empty.rx, true);
	expect("empty pipe", attempt_splice(p.read, NULL, tcp.tx, NULL, PAGE, SPLICE_F_NONBLOCK), -EAGAIN);
	expect("full pipe", attempt_splice(place->file, &(off_t){ 0 }, full.write, NULL, PAGE, SPLICE_F_NONBLOCK),
	       -EAGAIN);
	expect("empty socket", splice_page(empty.rx, p.write), -EAGAIN);
	for (int i = 0; i < 3; i++)
		expect("full socket", attempt_splice(q.read, NULL, tcp.tx, NULL, PAGE, SPLICE_F_NONBLOCK), -EAGAIN);
	shut_pair(tcp);
	shut_pair(empty);
	shut_pipe(full);
	shut_pipe(p);
	shut_pipe(q);
}

static void refused(const struct place *place)
{
	struct pair tcp = tcp_pair("127.0.0.1");
	struct pipe p = make_pipe(), q = make_pipe();
	int status = must(open("/proc/self/status", O_RDONLY), "open /proc/self/status");
	int append = reopen(place->file, O_WRONLY | O_APPEND);

	expect("file to pipe", file_page(place->file, p.write), PAGE);
	expect("neither is a pipe", witness_refused(splice_page(place->file, tcp.tx), NO_PIPE), -EINVAL);
	expect("neither is a pipe, from the socket", witness_refused(splice_page(tcp.rx, place->file), NO_PIPE),
	       -EINVAL);
	expect("one pipe at both ends", witness_failed(splice_page(p.read, p.write)), -EINVAL);
	expect("source without splice_read", witness_refused(splice_page(status, q.write), SOURCE_CANNOT_SPLICE),
	       -EINVAL);
	expect("sink opened for appending", witness_refused(splice_page(p.read, append), SINK_APPEND), -EINVAL);
	expect("unknown flags", witness_failed(attempt_splice(place->file, NULL, q.write, NULL, PAGE, 0x100)), -EINVAL);
	expect("negative offset", witness_failed(attempt_splice(place->file, &(off_t){ -1 }, q.write, NULL, PAGE, 0)),
	       -EINVAL);
	/* an offset for the socket end is EINVAL since it has no FMODE_PREAD; for the pipe end ESPIPE */
	expect("offset for a socket", witness_failed(attempt_splice(p.read, NULL, tcp.tx, &(off_t){ 0 }, PAGE, 0)),
	       -EINVAL);
	expect("offset for a pipe", attempt_splice(p.read, &(off_t){ 0 }, tcp.tx, NULL, PAGE, 0), -ESPIPE);
	shut(status);
	shut(append);
	shut_pair(tcp);
	shut_pipe(p);
	shut_pipe(q);
}

static void bad_arguments(const struct place *place)
{
	struct pair tcp = tcp_pair("127.0.0.1");
	struct pipe p = make_pipe();

	expect("no fds at all", splice_page(-1, -1), -EBADF);
	expect("no source", splice_page(-1, p.write), -EBADF);
	expect("sink of a huge number", splice_page(p.read, HUGE_FD), -EBADF);
	expect("closed sink", splice_page(p.read, closed_fd()), -EBADF);
	expect("closed source into a pipe", splice_page(closed_fd(), p.write), -EBADF);
	expect("closed sink for a socket", splice_page(tcp.rx, closed_fd()), -EBADF);
	expect("the writing end as source", splice_page(p.write, tcp.tx), -EBADF);
	expect("the reading end as sink", splice_page(place->file, p.read), -EBADF);
	expect("offset in no memory", attempt_splice(place->file, (off_t *)8, p.write, NULL, PAGE, 0), -EFAULT);
	shut_pair(tcp);
	shut_pipe(p);
}

static void without_peer(const struct place *place)
{
	struct pair reset = tcp_pair("127.0.0.1"), ended = tcp_pair("127.0.0.1"), gone = tcp_pair("127.0.0.1");
	struct pipe p = make_pipe(), q = make_pipe();
	int alone = bare_socket(AF_INET, SOCK_STREAM), unix_alone = bare_socket(AF_UNIX, SOCK_STREAM);

	expect("file to pipe", file_page(place->file, p.write), PAGE);
	expect("tcp source never connected", splice_page(alone, q.write), -ENOTCONN);
	expect("unix sink never connected", splice_page(p.read, unix_alone), -ENOTCONN);
	reset_peer(&reset);
	expect("source was reset", splice_page(reset.tx, q.write), -ECONNRESET);
	reset_peer(&gone);
	expect("sink was reset", splice_page(p.read, gone.tx), -ECONNRESET);
	must(shutdown(ended.tx, SHUT_WR), "shutdown");
	expect("after shutdown", splice_page(p.read, ended.tx), -EPIPE);
	shut(q.read);
	expect("pipe without reader", file_page(place->file, q.write), -EPIPE);
	shut(q.write);
	shut(alone);
	shut(unix_alone);
	shut_pair(reset);
	shut_pair(ended);
	shut_pair(gone);
	shut_pipe(p);
}

static void unwritable_files(const struct place *place)
{
	struct pipe p = make_pipe();
	int out = make_file(place->dir, FILE_BYTES), fixed = immutable_file(place), full;

	expect("file to pipe", file_page(place->file, p.write), PAGE);
	limit_file_size(FILE_BYTES);
	expect("beyond RLIMIT_FSIZE", attempt_splice(p.read, NULL, out, &(off_t){ FILE_BYTES }, PAGE, 0), -EFBIG);
	unlimit_file_size();
	shut(out);
	if (fixed >= 0) {
		expect("immutable sink", splice_page(p.read, fixed), -EPERM);
		make_mutable(fixed);
		shut(fixed);
	}
	full = file_on_full_tmpfs(place);
	if (full >= 0) {
		expect("sink on a full disk", splice_page(p.read, full), -ENOSPC);
		shut(full);
	}
	shut_pipe(p);
}

void sequence_splice(const struct place *place)
{
	through_stream(place, tcp_pair("127.0.0.1"));
	through_stream(place, tcp_pair("127.9.8.7"));
	through_stream(place, tcp_pair("::1"));
	through_stream(place, tcp_pair("::ffff:127.0.0.1"));
	through_stream(place, unix_pair(SOCK_STREAM));
	through_datagrams(place);
	through_files(place);
	when_blocked(place);
	refused(place);
	bad_arguments(place);
	without_peer(place);
	unwritable_files(place);
}
