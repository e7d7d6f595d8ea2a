/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * The system calls themselves, each counted by what it returned: >= 0, or -errno. Through syscall(2),
 * so that no C library stands in for the kernel.
 */
#ifndef ATTEMPT_H
#define ATTEMPT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

struct io_uring_params;

long attempt_sendfile(int out, int in, off_t *offset, size_t count);
long attempt_splice(int in, off_t *in_offset, int out, off_t *out_offset, size_t length, unsigned int flags);
long attempt_tee(int in, int out, size_t length, unsigned int flags);
long attempt_vmsplice(int fd, const struct iovec *vectors, size_t n, unsigned int flags);
long attempt_copy_file_range(int in, off_t *in_offset, int out, off_t *out_offset, size_t length,
			     unsigned int flags);

/* Not attempts: the ring's own calls, counted by themselves. */
long ring_setup(unsigned int entries, struct io_uring_params *params);
long ring_enter(int fd, unsigned int to_submit, unsigned int min_complete, unsigned int flags);
/* As ring_enter, with the last argument free: a seccomp filter finds its errno there. */
long ring_enter_with_size(int fd, unsigned int to_submit, unsigned int min_complete, unsigned int flags,
			  size_t argument_size);

#endif
