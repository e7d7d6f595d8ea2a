/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* copy_file_range: copied in the kernel, offloaded perhaps, or refused. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "attempt.h"
#include "devices.h"
#include "exactly.h"
#include "filesystem.h"
#include "reasons.h"
#include "setup.h"
#include "sockets.h"

static long copy(int in, int out)
{
	return attempt_copy_file_range(in, &(off_t){ 0 }, out, &(off_t){ 0 }, PAGE, 0);
}

static void in_kernel(void)
{
	const char *path = path_in("range");
	int in = must(open(path, O_CREAT | O_RDWR, 0600), "create the source"), out = make_file(place.dir, 0);
	int from = make_memfd(PAGE);

	must(ftruncate(in, PAGE), "ftruncate");
	for (int i = 0; i < 3; i++)
		exactly("within the directory's filesystem", copied_by_range(copy(in, out), out), PAGE);
	witness_culprit("file", path, NULL);
	exactly("memfd to memfd", copied_by_range(copy(from, make_memfd(0)), from), PAGE);
	exactly("end of file", attempt_copy_file_range(place.file, &(off_t){ FILE_BYTES }, out, NULL, PAGE, 0), 0);
	exactly("an empty file", copy(make_file(place.dir, 0), out), 0);
	exactly("length 0", attempt_copy_file_range(place.file, NULL, out, NULL, 0, 0), 0);
}

/* Overlayfs has the operation: what it does with it is not to be seen. */
static void offloaded_perhaps(void)
{
	int in = overlay_file(place.dir, "source", FILE_BYTES);
	struct pair tcp = tcp_pair("127.0.0.1");

	for (int i = 0; i < 3; i++)
		exactly("within an overlay",
			attempt_copy_file_range(in, &(off_t){ 0 }, in, &(off_t){ 8 * PAGE }, PAGE, 0), PAGE);
	exactly("an overlay's file to a socket", attempt_sendfile(tcp.tx, in, &(off_t){ 0 }, PAGE), PAGE);
}

static void zero_size(void)
{
	const char *const proc = "/proc/self/status", *const trace = "/sys/kernel/tracing/current_tracer";
	int in = must(open(proc, O_RDONLY), "open"), out = must(open("/proc/self/comm", O_WRONLY), "open");
	int tracer = must(open(trace, O_RDONLY), "open"),
	    marker = must(open("/sys/kernel/tracing/trace_marker", O_WRONLY), "open");

	for (int i = 0; i < 3; i++)
		exactly("procfs",
			witness_refused(attempt_copy_file_range(in, NULL, out, NULL, PAGE, 0), ZERO_SIZE_SOURCE), 0);
	/* the path is that of the process's own directory */
	witness_culprit("file", NULL, "proc");
	exactly("tracefs",
		witness_refused(attempt_copy_file_range(tracer, NULL, marker, NULL, PAGE, 0), ZERO_SIZE_SOURCE), 0);
}

static void cross_device(void)
{
	int shm = make_file("/dev/shm", PAGE), status = must(open("/proc/self/status", O_RDONLY), "open");

	for (int i = 0; i < 3; i++)
		exactly("to tmpfs", witness_refused(copy(place.file, shm), CROSS_DEVICE), -EXDEV);
	witness_culprit("file", NULL, "tmpfs");
	exactly("from tmpfs", witness_refused(copy(shm, place.file), CROSS_DEVICE), -EXDEV);
	exactly("from procfs", witness_refused(copy(status, place.file), CROSS_DEVICE), -EXDEV);
}

static void not_regular(void)
{
	struct pair tcp = tcp_pair("127.0.0.1");
	struct pipe p = make_pipe();
	int null = must(open("/dev/null", O_RDWR), "open /dev/null"), event = must(eventfd(0, 0), "eventfd");
	const int others[] = { tcp.tx, p.write, null, event };

	for (int i = 0; i < 4; i++)
		exactly("sink",
			witness_refused(attempt_copy_file_range(place.file, NULL, others[i], NULL, PAGE, 0),
					NOT_REGULAR),
			-EINVAL);
	witness_culprit("socket", NULL, "sockfs");
	exactly("pipe as source",
		witness_refused(attempt_copy_file_range(p.read, NULL, place.file, NULL, PAGE, 0), NOT_REGULAR),
		-EINVAL);
	exactly("device as source",
		witness_refused(attempt_copy_file_range(null, NULL, place.file, NULL, PAGE, 0), NOT_REGULAR), -EINVAL);
}

static void append(void)
{
	const char *path = path_in("log");
	int log = must(open(path, O_CREAT | O_WRONLY | O_APPEND, 0600), "create the log");

	for (int i = 0; i < 3; i++)
		exactly("append",
			witness_refused(attempt_copy_file_range(place.file, NULL, log, NULL, PAGE, 0), SINK_APPEND),
			-EBADF);
	witness_culprit("file", path, NULL);
}

const struct named_case range_cases[] = {
	{ "range-in-kernel", in_kernel },
	{ "range-offloaded-perhaps", offloaded_perhaps },
	{ "range-zero-size-source", zero_size },
	{ "range-cross-device", cross_device },
	{ "range-not-regular", not_regular },
	{ "range-append", append },
	{ NULL, NULL },
};
