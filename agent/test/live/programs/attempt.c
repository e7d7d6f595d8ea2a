/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
#define _GNU_SOURCE
#include "attempt.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "witness.h"

static long result(long ret)
{
	return ret < 0 ? -errno : ret;
}

long attempt_sendfile(int out, int in, off_t *offset, size_t count)
{
	long ret = result(syscall(SYS_sendfile, out, in, offset, count));

	witness_attempt(SENDFILE, out, in, ret);
	return ret;
}

long attempt_splice(int in, off_t *in_offset, int out, off_t *out_offset, size_t length, unsigned int flags)
{
	long ret = result(syscall(SYS_splice, in, in_offset, out, out_offset, length, flags));

	witness_attempt(SPLICE, out, in, ret);
	return ret;
}

long attempt_tee(int in, int out, size_t length, unsigned int flags)
{
	long ret = result(syscall(SYS_tee, in, out, length, flags));

	witness_attempt(TEE, out, in, ret);
	return ret;
}

long attempt_vmsplice(int fd, const struct iovec *vectors, size_t n, unsigned int flags)
{
	long ret = result(syscall(SYS_vmsplice, fd, vectors, n, flags));

	witness_attempt(VMSPLICE, fd, -1, ret);
	return ret;
}

long attempt_copy_file_range(int in, off_t *in_offset, int out, off_t *out_offset, size_t length,
			     unsigned int flags)
{
	long ret = result(syscall(SYS_copy_file_range, in, in_offset, out, out_offset, length, flags));

	witness_attempt(COPY_FILE_RANGE, out, in, ret);
	return ret;
}

long ring_setup(unsigned int entries, struct io_uring_params *params)
{
	long ret = result(syscall(SYS_io_uring_setup, entries, params));

	witness_setup(ret);
	return ret;
}

long ring_enter_with_size(int fd, unsigned int to_submit, unsigned int min_complete, unsigned int flags,
			  size_t argument_size)
{
	long ret = result(syscall(SYS_io_uring_enter, fd, to_submit, min_complete, flags, NULL, argument_size));

	witness_enter(ret);
	return ret;
}

long ring_enter(int fd, unsigned int to_submit, unsigned int min_complete, unsigned int flags)
{
	return ring_enter_with_size(fd, to_submit, min_complete, flags, 0);
}
