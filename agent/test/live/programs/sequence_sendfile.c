/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "attempt.h"
#include "sequence.h"
#include "setup.h"
#include "sockets.h"
#include "witness.h"

static long send_page(int out, int in)
{
	off_t offset = 0;

	return attempt_sendfile(out, in, &offset, PAGE);
}

static void to_tcp(const struct place *place, const char *address)
{
	struct pair tcp = tcp_pair(address);
	off_t offset = FILE_BYTES - 100;

	for (int i = 0; i < 3; i++)
		expect("file to tcp", send_page(tcp.tx, place->file), PAGE);
	must(lseek(place->file, 0, SEEK_SET), "lseek");
	expect("file to tcp by its own position", attempt_sendfile(tcp.tx, place->file, NULL, 5 * PAGE), 5 * PAGE);
	expect("the last 100 bytes", attempt_sendfile(tcp.tx, place->file, &offset, PAGE), 100);
	expect("end of file", attempt_sendfile(tcp.tx, place->file, &offset, PAGE), 0);
	expect("count 0", attempt_sendfile(tcp.tx, place->file, NULL, 0), 0);
	drain_socket(tcp.rx);
	expect("back from the accepted side", send_page(tcp.rx, place->file), PAGE);
	shut_pair(tcp);
}

/* Until sockets took pages by sendmsg, UDP over IPv6 had no sendpage. */
static bool before_6_5(void)
{
	struct utsname name;
	int major = 0, minor = 0;

	must(uname(&name), "uname");
	must(sscanf(name.release, "%d.%d", &major, &minor) == 2 ? 0 : -1, "read the release");
	return major < 6 || (major == 6 && minor < 5);
}

static void to_other_sockets(const struct place *place)
{
	const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
	struct pair udp = udp_pair("127.0.0.1", "127.0.0.2"), udp6 = udp_pair("::1", "::1");
	long ret;

	expect("file to udp", send_page(udp.tx, place->file), PAGE);
	ret = send_page(udp6.tx, place->file);
	if (before_6_5())
		witness_copied(ret, SINK_PROTOCOL);
	expect("file to udp over ::1", ret, PAGE);
	expect("more than a datagram holds", attempt_sendfile(udp.tx, place->file, &(off_t){ 0 }, FILE_BYTES),
	       -EMSGSIZE);
	for (int i = 0; i < 3; i++) {
		struct pair local = unix_pair(types[i]);

		ret = send_page(local.tx, place->file);
		/* only streams take pages as they are */
		if (types[i] != SOCK_STREAM)
			witness_copied(ret, SINK_PROTOCOL);
		expect("file to unix socket", ret, PAGE);
		shut_pair(local);
	}
	shut_pair(udp);
	shut_pair(udp6);
}

static long sent_zeros(int out, int zero)
{
	long ret = attempt_sendfile(out, zero, NULL, PAGE);

	return ret < 0 ? witness_refused(ret, SOURCE_CANNOT_SPLICE) : witness_copied(ret, SOURCE_COPIES);
}

static void to_files(const struct place *place)
{
	int out = make_file(place->dir, 0), null = must(open("/dev/null", O_WRONLY), "open /dev/null");
	int zero = must(open("/dev/zero", O_RDONLY), "open /dev/zero"), memory = make_memfd(PAGE);
	struct pipe p = make_pipe();
	struct pair tcp = tcp_pair("127.0.0.1");

	expect("file to file", witness_copied(send_page(out, place->file), SINK_REGULAR_FILE), PAGE);
	expect("file to /dev/null", send_page(null, place->file), PAGE);
	expect("file to pipe", send_page(p.write, place->file), PAGE);
	/* from 6.5 on every readable source splices, by a copy if need be; before, EINVAL */
	expect("/dev/zero to tcp", sent_zeros(tcp.tx, zero), PAGE);
	expect("memfd to tcp", send_page(tcp.tx, memory), PAGE);
	shut(out);
	shut(null);
	shut(zero);
	shut(memory);
	shut_pipe(p);
	shut_pair(tcp);
}

static void when_full(const struct place *place)
{
	struct pair tcp = tcp_pair("127.0.0.1");
	struct pipe p = make_pipe();

	fill_pair(tcp);
	fill(p.write);
	start_interrupting();
	expect("waiting for a full tcp socket", send_page(tcp.tx, place->file), -EINTR);
	expect("waiting for a full pipe", send_page(p.write, place->file), -EINTR);
	stop_interrupting();
	set_nonblocking(tcp.tx, true);
	set_nonblocking(p.write, true);
	for (int i = 0; i < 4; i++)
		expect("full tcp socket", send_page(tcp.tx, place->file), -EAGAIN);
	for (int i = 0; i < 3; i++)
		expect("full pipe", send_page(p.write, place->file), -EAGAIN);
	shut_pair(tcp);
	shut_pipe(p);
}

static void refused(const struct place *place)
{
	struct pair tcp = tcp_pair("127.0.0.1"), other = tcp_pair("127.0.0.1");
	struct pipe p = make_pipe();
	int status = must(open("/proc/self/status", O_RDONLY), "open /proc/self/status");
	int append = reopen(place->file, O_WRONLY | O_APPEND), dir = must(open("/", O_RDONLY), "open /");

	for (int i = 0; i < 3; i++)
		expect("source without splice_read",
		       witness_refused(attempt_sendfile(tcp.tx, status, NULL, PAGE), SOURCE_CANNOT_SPLICE), -EINVAL);
	expect("sink opened for appending", witness_refused(send_page(append, place->file), SINK_APPEND), -EINVAL);
	expect("a pipe as source", witness_refused(attempt_sendfile(tcp.tx, p.read, NULL, PAGE), SOURCE_CANNOT_SPLICE),
	       -EINVAL);
	expect("a socket as source",
	       witness_refused(attempt_sendfile(tcp.tx, other.rx, NULL, PAGE), SOURCE_NOT_SEEKABLE), -EINVAL);
	expect("a directory as source",
	       witness_refused(attempt_sendfile(tcp.tx, dir, NULL, PAGE), SOURCE_CANNOT_SPLICE), -EINVAL);
	expect("negative offset", witness_failed(attempt_sendfile(tcp.tx, place->file, &(off_t){ -1 }, PAGE)), -EINVAL);
	expect("offset for a pipe",
	       witness_refused(attempt_sendfile(tcp.tx, p.read, &(off_t){ 0 }, PAGE), SOURCE_NOT_SEEKABLE), -ESPIPE);
	expect("offset for a socket",
	       witness_refused(attempt_sendfile(tcp.tx, other.rx, &(off_t){ 0 }, PAGE), SOURCE_NOT_SEEKABLE), -ESPIPE);
	shut(status);
	shut(append);
	shut(dir);
	shut_pipe(p);
	shut_pair(tcp);
	shut_pair(other);
}

static void bad_arguments(const struct place *place)
{
	struct pair tcp = tcp_pair("127.0.0.1");
	int write_only = reopen(place->file, O_WRONLY), read_only = reopen(place->file, O_RDONLY);
	off_t beyond = LLONG_MAX / 2;

	expect("no fds at all", attempt_sendfile(-1, -1, NULL, 1), -EBADF);
	expect("no sink", send_page(-1, place->file), -EBADF);
	expect("sink of a huge number", send_page(HUGE_FD, place->file), -EBADF);
	expect("closed sink", send_page(closed_fd(), place->file), -EBADF);
	expect("closed source", send_page(tcp.tx, closed_fd()), -EBADF);
	expect("source not readable", send_page(tcp.tx, write_only), -EBADF);
	expect("sink not writable", send_page(read_only, place->file), -EBADF);
	expect("offset in no memory", attempt_sendfile(tcp.tx, place->file, (off_t *)8, PAGE), -EFAULT);
	expect("offset beyond every file", attempt_sendfile(tcp.tx, place->file, &beyond, PAGE), -EOVERFLOW);
	shut(write_only);
	shut(read_only);
	shut_pair(tcp);
}

static void without_peer(const struct place *place)
{
	struct pair tcp = tcp_pair("127.0.0.1"), ended = tcp_pair("127.0.0.1"), local = unix_pair(SOCK_STREAM);
	struct pair udp = udp_pair("127.0.0.1", "127.0.0.3");
	int tcp_alone = bare_socket(AF_INET, SOCK_STREAM), udp_alone = bare_socket(AF_INET, SOCK_DGRAM);
	int unix_alone = bare_socket(AF_UNIX, SOCK_STREAM);
	struct pipe p = make_pipe();

	must(shutdown(ended.tx, SHUT_WR), "shutdown");
	expect("after shutdown", send_page(ended.tx, place->file), -EPIPE);
	reset_peer(&tcp);
	expect("first after a reset", send_page(tcp.tx, place->file), -ECONNRESET);
	expect("second after a reset", send_page(tcp.tx, place->file), -EPIPE);
	shut(local.rx);
	local.rx = -1;
	expect("unix socket without peer", send_page(local.tx, place->file), -EPIPE);
	shut(udp.rx);
	udp.rx = -1;
	expect("udp to a port nobody has", send_page(udp.tx, place->file), PAGE);
	expect("udp hears of it", send_page(udp.tx, place->file), -ECONNREFUSED);
	expect("tcp never connected", send_page(tcp_alone, place->file), -EPIPE);
	expect("udp never connected", send_page(udp_alone, place->file), -EDESTADDRREQ);
	expect("unix never connected", send_page(unix_alone, place->file), -ENOTCONN);
	shut(p.read);
	expect("pipe without reader", send_page(p.write, place->file), -EPIPE);
	shut(p.write);
	shut(tcp_alone);
	shut(udp_alone);
	shut(unix_alone);
	shut_pair(tcp);
	shut_pair(ended);
	shut_pair(local);
	shut_pair(udp);
}

static void unwritable_files(const struct place *place)
{
	int out = make_file(place->dir, FILE_BYTES), fixed = immutable_file(place), full;

	limit_file_size(FILE_BYTES);
	must(lseek(out, FILE_BYTES, SEEK_SET), "lseek to the limit");
	expect("beyond RLIMIT_FSIZE", send_page(out, place->file), -EFBIG);
	unlimit_file_size();
	shut(out);
	if (fixed >= 0) {
		expect("immutable sink", send_page(fixed, place->file), -EPERM);
		make_mutable(fixed);
		shut(fixed);
	}
	full = file_on_full_tmpfs(place);
	if (full >= 0) {
		expect("sink on a full disk", send_page(full, place->file), -ENOSPC);
		shut(full);
	}
}

void sequence_sendfile(const struct place *place)
{
	to_tcp(place, "127.0.0.1");
	to_tcp(place, "127.9.8.7");
	to_tcp(place, "::1");
	to_tcp(place, "::ffff:127.0.0.1");
	to_other_sockets(place);
	to_files(place);
	when_full(place);
	refused(place);
	bad_arguments(place);
	without_peer(place);
	unwritable_files(place);
}
