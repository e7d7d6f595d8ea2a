/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Sinks that are files: what is written into the page cache, or by write_iter, is copied. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <unistd.h>

#include "attempt.h"
#include "devices.h"
#include "exactly.h"
#include "reasons.h"
#include "ring.h"
#include "setup.h"
#include "sockets.h"

static long send_page(int out, int in)
{
	return attempt_sendfile(out, in, &(off_t){ 0 }, PAGE);
}

static void put_page(struct pipe p)
{
	exactly("file to pipe", attempt_splice(place.file, &(off_t){ 0 }, p.write, NULL, PAGE, 0), PAGE);
}

static void regular_sink(void)
{
	const char *path = path_in("sink");
	int out = must(open(path, O_CREAT | O_RDWR, 0600), "create the sink");
	struct pipe p = make_pipe();
	struct ring ring;

	for (int i = 0; i < 3; i++)
		exactly("sendfile", witness_copied(send_page(out, place.file), SINK_REGULAR_FILE), PAGE);
	witness_culprit("file", path, NULL);
	put_page(p);
	put_page(p);
	exactly("splice", witness_copied(attempt_splice(p.read, NULL, out, NULL, PAGE, 0), SINK_REGULAR_FILE), PAGE);
	witness_culprit("file", path, NULL);
	ring_open(&ring, 4, 0, 0);
	ring_splice(&ring, p.read, -1, out, PAGE, 0);
	exactly("splice by a ring", witness_copied(ring_do(&ring), SINK_REGULAR_FILE), PAGE);
	witness_culprit("file", path, NULL);
}

/* On a filesystem whose root is not the host's: the path goes on where it is mounted. */
static void tmpfs_sink(void)
{
	const char *path = "/dev/shm/spillway-reasons-sink";
	int out = must(open(path, O_CREAT | O_RDWR, 0600), "create the sink");

	exactly("sendfile", witness_copied(send_page(out, place.file), SINK_REGULAR_FILE), PAGE);
	witness_culprit("file", path, "tmpfs");
	must(unlink(path), "unlink the sink");
}

static void block_sink(void)
{
	char path[64];
	int out = loop_device(make_file(place.dir, FILE_BYTES), path, sizeof(path));

	exactly("sendfile", witness_copied(send_page(out, place.file), SINK_REGULAR_FILE), PAGE);
	witness_culprit("block device", path, "devtmpfs");
}

/* The source's reason comes first. */
static void both_copy(void)
{
	int in = must(open("/dev/urandom", O_RDONLY), "open /dev/urandom"), out = make_file(place.dir, 0);

	exactly("sendfile", witness_copied(attempt_sendfile(out, in, NULL, PAGE), SOURCE_COPIES), PAGE);
	witness_culprit("character device", "/dev/urandom", "devtmpfs");
}

static void terminal_sink(void)
{
	struct terminal t = make_terminal();
	struct pipe p = make_pipe();

	exactly("sendfile", witness_copied(attempt_sendfile(t.slave, place.file, &(off_t){ 0 }, 100), SINK_COPIES),
		100);
	witness_culprit("character device", t.path, "devpts");
	put_page(p);
	exactly("splice", witness_copied(attempt_splice(p.read, NULL, t.slave, NULL, 100, 0), SINK_COPIES), 100);
	witness_culprit("character device", t.path, "devpts");
}

static void random_sink(void)
{
	int out = must(open("/dev/urandom", O_WRONLY), "open /dev/urandom");

	exactly("sendfile", witness_copied(send_page(out, place.file), SINK_COPIES), PAGE);
	witness_culprit("character device", "/dev/urandom", "devtmpfs");
}

static void direct_sink(void)
{
	int out = reopen(make_file(place.dir, FILE_BYTES), O_RDWR | O_DIRECT);
	struct pipe p = make_pipe();

	exactly("sendfile", send_page(out, place.file), PAGE);
	put_page(p);
	exactly("splice", attempt_splice(p.read, NULL, out, NULL, PAGE, 0), PAGE);
}

static void swallowing_sinks(void)
{
	int null = must(open("/dev/null", O_WRONLY), "open /dev/null");
	struct pipe p = make_pipe();

	exactly("to /dev/null", send_page(null, place.file), PAGE);
	exactly("to a pipe", send_page(p.write, place.file), PAGE);
	exactly("pipe to /dev/null", attempt_splice(p.read, NULL, null, NULL, PAGE, 0), PAGE);
	exactly("end of file", attempt_sendfile(make_file(place.dir, 0), place.file, &(off_t){ FILE_BYTES }, PAGE), 0);
}

const struct named_case sink_cases[] = {
	{ "sink-regular-file", regular_sink },
	{ "sink-on-tmpfs", tmpfs_sink },
	{ "sink-block-device", block_sink },
	{ "sink-and-source-copy", both_copy },
	{ "sink-terminal", terminal_sink },
	{ "sink-random-device", random_sink },
	{ "sink-direct-is-no-copy", direct_sink },
	{ "sink-that-keeps-nothing-is-no-copy", swallowing_sinks },
	{ NULL, NULL },
};
