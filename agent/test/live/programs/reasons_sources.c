/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Sources from which bytes are copied, and those that only look like it. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "attempt.h"
#include "devices.h"
#include "exactly.h"
#include "reasons.h"
#include "ring.h"
#include "setup.h"
#include "sockets.h"

/* Few bytes, so that every source has as many. */
#define SOME 16

/* Three times to a socket, twice to a pipe, once by a ring. */
static void by_every_mechanism(const char *path, const char *name, const char *filesystem, const char *type)
{
	int in = must(open(path, O_RDONLY), "open the source");
	struct pair tcp = tcp_pair("127.0.0.1");
	struct pipe p = make_pipe();
	struct ring ring;

	for (int i = 0; i < 3; i++)
		exactly("sendfile", witness_copied(attempt_sendfile(tcp.tx, in, &(off_t){ 0 }, SOME), SOURCE_COPIES),
			SOME);
	witness_culprit(type, name, filesystem);
	for (int i = 0; i < 2; i++)
		exactly("splice",
			witness_copied(attempt_splice(in, &(off_t){ 0 }, p.write, NULL, SOME, 0), SOURCE_COPIES), SOME);
	witness_culprit(type, name, filesystem);
	ring_open(&ring, 4, 0, 0);
	ring_splice(&ring, in, 0, p.write, SOME, 0);
	exactly("splice by a ring", witness_copied(ring_do(&ring), SOURCE_COPIES), SOME);
	witness_culprit(type, name, filesystem);
	ring_close(&ring);
	shut_pair(tcp);
	shut_pipe(p);
	shut(in);
}

/* Spliced by every kernel, unlike /dev/zero. */
static void device_source(void)
{
	by_every_mechanism("/dev/urandom", "/dev/urandom", "devtmpfs", "character device");
}

static void proc_source(void)
{
	by_every_mechanism("/proc/version", "/proc/version", "proc", "file");
}

static void sysctl_source(void)
{
	/* deeper than names are kept */
	by_every_mechanism("/proc/sys/kernel/random/boot_id", "…/sys/kernel/random/boot_id", "proc", "file");
}

static void sysfs_source(void)
{
	by_every_mechanism("/sys/kernel/notes", "/sys/kernel/notes", "sysfs", "file");
}

static void terminal_source(void)
{
	struct terminal t = make_terminal();
	struct pipe p = make_pipe();

	must(write(t.master, "typed", 5), "write to the terminal");
	exactly("splice", witness_copied(attempt_splice(t.slave, NULL, p.write, NULL, SOME, 0), SOURCE_COPIES), 5);
	witness_culprit("character device", t.path, "devpts");
}

static void datagram_source(void)
{
	struct pair local = unix_pair(SOCK_DGRAM), udp = udp_pair("127.0.0.1", "127.0.0.1");
	struct pipe p = make_pipe();

	for (int i = 0; i < 2; i++) {
		must(send(local.tx, "message", 7, 0), "send");
		exactly("unix datagram",
			witness_copied(attempt_splice(local.rx, NULL, p.write, NULL, PAGE, 0),
				       SOURCE_SOCKET_WITHOUT_SPLICE),
			7);
	}
	witness_culprit("socket", NULL, "sockfs");
	must(send(udp.tx, "message", 7, 0), "send");
	exactly("udp",
		witness_copied(attempt_splice(udp.rx, NULL, p.write, NULL, PAGE, 0), SOURCE_SOCKET_WITHOUT_SPLICE), 7);
}

/* What its driver writes straight into the pipe's pages no CPU has copied. */
static void direct_source(void)
{
	struct pair tcp = tcp_pair("127.0.0.1");
	struct pipe p = make_pipe();
	int in = reopen(place.file, O_RDONLY | O_DIRECT);

	exactly("sendfile", attempt_sendfile(tcp.tx, in, &(off_t){ 0 }, PAGE), PAGE);
	exactly("splice", attempt_splice(in, &(off_t){ PAGE }, p.write, NULL, PAGE, 0), PAGE);
}

static void block_source(void)
{
	struct pair tcp = tcp_pair("127.0.0.1");
	char path[64];
	int in = loop_device(place.file, path, sizeof(path));

	exactly("block device", attempt_sendfile(tcp.tx, in, &(off_t){ 0 }, PAGE), PAGE);
}

/* References only, whatever the file: page cache, memory, a stream's own pages, another pipe. */
static void sources_by_reference(void)
{
	struct pair tcp = tcp_pair("127.0.0.1"), local = unix_pair(SOCK_STREAM);
	struct pipe p = make_pipe(), q = make_pipe();
	int memory = make_memfd(PAGE);

	exactly("file", attempt_sendfile(tcp.tx, place.file, &(off_t){ 0 }, PAGE), PAGE);
	exactly("memfd", attempt_sendfile(local.tx, memory, &(off_t){ 0 }, PAGE), PAGE);
	exactly("tcp", attempt_splice(tcp.rx, NULL, p.write, NULL, PAGE, 0), PAGE);
	exactly("unix stream", attempt_splice(local.rx, NULL, p.write, NULL, PAGE, 0), PAGE);
	exactly("pipe", attempt_splice(p.read, NULL, q.write, NULL, PAGE, 0), PAGE);
	exactly("tee", attempt_tee(p.read, q.write, PAGE, 0), PAGE);
	exactly("end of a file that would be copied",
		attempt_sendfile(tcp.tx, must(open("/proc/version", O_RDONLY), "open"), &(off_t){ PAGE }, PAGE), 0);
}

const struct named_case source_cases[] = {
	{ "source-device", device_source },
	{ "source-proc", proc_source },
	{ "source-sysctl", sysctl_source },
	{ "source-sysfs", sysfs_source },
	{ "source-terminal", terminal_source },
	{ "source-datagram-socket", datagram_source },
	{ "source-direct-is-no-copy", direct_source },
	{ "source-block-device-is-no-copy", block_source },
	{ "source-by-reference-is-no-copy", sources_by_reference },
	{ NULL, NULL },
};
