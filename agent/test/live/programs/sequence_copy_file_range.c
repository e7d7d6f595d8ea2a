/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "attempt.h"
#include "filesystem.h"
#include "sequence.h"
#include "setup.h"
#include "sockets.h"
#include "witness.h"

static long copy(int in, int out)
{
	off_t from = 0, to = 0;

	return copied_by_range(attempt_copy_file_range(in, &from, out, &to, PAGE, 0), out);
}

static void moves(const struct place *place)
{
	int out = make_file(place->dir, 0), from = make_memfd(2 * PAGE), to = make_memfd(0);
	off_t end = FILE_BYTES, start = 0;

	for (int i = 0; i < 4; i++)
		expect("file to file", copy(place->file, out), PAGE);
	must(lseek(place->file, 0, SEEK_SET), "lseek");
	expect("by the files' own positions",
	       copied_by_range(attempt_copy_file_range(place->file, NULL, out, NULL, 2 * FILE_BYTES, 0), out),
	       FILE_BYTES);
	expect("end of file", attempt_copy_file_range(place->file, &end, out, NULL, PAGE, 0), 0);
	expect("length 0", attempt_copy_file_range(place->file, &start, out, NULL, 0, 0), 0);
	expect("memfd to memfd", copy(from, to), PAGE);
	shut(out);
	shut(from);
	shut(to);
}

/* Every serious application takes the first 0 for a refusal and copies by itself. */
static void zero_size_source(void)
{
	int in = must(open("/proc/self/status", O_RDONLY), "open /proc/self/status");
	int out = must(open("/proc/self/comm", O_WRONLY), "open /proc/self/comm");

	expect("source of size 0 on the same procfs",
	       witness_refused(attempt_copy_file_range(in, NULL, out, NULL, PAGE, 0), ZERO_SIZE_SOURCE), 0);
	shut(in);
	shut(out);
}

static void across_filesystems(const struct place *place)
{
	int shm = make_file("/dev/shm", PAGE), proc = must(open("/proc/self/status", O_RDONLY), "open status");

	expect("to another filesystem", copy(place->file, shm), -EXDEV);
	expect("from another filesystem", copy(shm, place->file), -EXDEV);
	expect("from procfs", attempt_copy_file_range(proc, NULL, place->file, NULL, PAGE, 0), -EXDEV);
	shut(shm);
	shut(proc);
}

static long not_regular(long ret)
{
	return witness_refused(ret, NOT_REGULAR);
}

static void refused(const struct place *place)
{
	struct pair tcp = tcp_pair("127.0.0.1");
	struct pipe p = make_pipe();
	int dir = must(open(place->dir, O_RDONLY), "open the directory");
	off_t from = 0, to = 100;

	expect("pipe as sink", not_regular(attempt_copy_file_range(place->file, NULL, p.write, NULL, PAGE, 0)),
	       -EINVAL);
	expect("pipe as source", not_regular(attempt_copy_file_range(p.read, NULL, place->file, NULL, PAGE, 0)),
	       -EINVAL);
	expect("socket as sink", not_regular(attempt_copy_file_range(place->file, NULL, tcp.tx, NULL, PAGE, 0)),
	       -EINVAL);
	/* the files are looked at before the offsets */
	expect("offset for a pipe", not_regular(attempt_copy_file_range(p.read, &from, place->file, NULL, PAGE, 0)),
	       -EINVAL);
	expect("unknown flags", witness_failed(attempt_copy_file_range(place->file, &from, place->file, &to, PAGE, 1)),
	       -EINVAL);
	expect("overlap in one file",
	       witness_failed(attempt_copy_file_range(place->file, &from, place->file, &to, PAGE, 0)), -EINVAL);
	expect("negative offset",
	       witness_failed(attempt_copy_file_range(place->file, &(off_t){ -2 * PAGE }, place->file, &to, PAGE, 0)),
	       -EINVAL);
	expect("directory as source", copy(dir, place->file), -EISDIR);
	shut(dir);
	shut_pair(tcp);
	shut_pipe(p);
}

static void bad_arguments(const struct place *place)
{
	int out = make_file(place->dir, 0), write_only = reopen(out, O_WRONLY), read_only = reopen(out, O_RDONLY);
	int append = reopen(out, O_WRONLY | O_APPEND);
	/* as an unsigned sum, offset + count begins again at 0 */
	off_t wrapping = -1, start = 0;

	expect("no fds at all", copy(-1, -1), -EBADF);
	expect("no sink", copy(place->file, -1), -EBADF);
	expect("source of a huge number", copy(HUGE_FD, out), -EBADF);
	expect("closed sink", copy(place->file, closed_fd()), -EBADF);
	expect("source not readable", copy(write_only, out), -EBADF);
	expect("sink not writable", copy(place->file, read_only), -EBADF);
	expect("sink opened for appending",
	       witness_refused(attempt_copy_file_range(place->file, &start, append, NULL, PAGE, 0), SINK_APPEND),
	       -EBADF);
	expect("offset in no memory", attempt_copy_file_range(place->file, (off_t *)8, out, NULL, PAGE, 0), -EFAULT);
	expect("offsets that wrap", attempt_copy_file_range(place->file, &wrapping, out, NULL, PAGE, 0), -EOVERFLOW);
	shut(out);
	shut(write_only);
	shut(read_only);
	shut(append);
}

static void when_swapped_to(const struct place *place)
{
	char path[4096];
	int fd;

	if (!place->swap)
		return;
	fd = active_swap_file(place, path, sizeof(path));
	if (fd < 0)
		return;
	expect("sink in use as swap", copy(place->file, fd), -ETXTBSY);
	remove_swap_file(fd, path);
}

static void on_a_full_disk(const struct place *place)
{
	int full = file_on_full_tmpfs(place), in;
	off_t from = 0, end;

	if (full < 0)
		return;
	/* the source must be on the same filesystem, which holds this one file: its own beginning */
	end = must(lseek(full, 0, SEEK_END), "lseek to the end");
	in = reopen(full, O_RDONLY);
	expect("sink on a full disk", attempt_copy_file_range(in, &from, full, &end, PAGE, 0), -ENOSPC);
	shut(in);
	shut(full);
}

static void unwritable_files(const struct place *place)
{
	int out = make_file(place->dir, FILE_BYTES), fixed = immutable_file(place);
	off_t from = 0, limit = FILE_BYTES;

	limit_file_size(FILE_BYTES);
	expect("beyond RLIMIT_FSIZE", attempt_copy_file_range(place->file, &from, out, &limit, PAGE, 0), -EFBIG);
	unlimit_file_size();
	shut(out);
	if (fixed < 0)
		return;
	expect("immutable sink", copy(place->file, fixed), -EPERM);
	make_mutable(fixed);
	shut(fixed);
}

void sequence_copy_file_range(const struct place *place)
{
	moves(place);
	zero_size_source();
	across_filesystems(place);
	refused(place);
	bad_arguments(place);
	unwritable_files(place);
	when_swapped_to(place);
	on_a_full_disk(place);
}
