/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * Any errno at will. The filter answers a call whose marked argument holds SECCOMP_MARK with the errno
 * in the argument's low 16 bits; every other call passes. The marked argument is one in which no real
 * call ever has that value:
 *   sendfile: count; splice, tee, vmsplice, copy_file_range: flags; io_uring_setup: entries;
 *   io_uring_enter: the size of its last argument.
 */
#ifndef SECCOMP_FILTER_H
#define SECCOMP_FILTER_H

#define SECCOMP_MARK 0x5ec00000u

/* For this thread and all that it starts from now on; cannot be taken off again. */
void install_errno_filter(void);

static inline unsigned int answer_with(int code)
{
	return SECCOMP_MARK | (unsigned int)code;
}

#endif
