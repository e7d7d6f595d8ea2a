/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
#ifndef URING_H
#define URING_H

#define PAGE 4096

/* A remark on stderr when the kernel answers otherwise than expected; the witness tells what was. */
void expect(const char *step, long ret, long expected);

void uring_plain(long rounds);
void uring_sqpoll(long rounds);
void uring_async(long rounds);
void uring_fixed(long rounds);
void uring_sqpoll_fixed(long rounds);
void uring_defer(long rounds);
void uring_threads(long rounds);
void uring_linked(long rounds);

void uring_errors(long rounds);
void uring_enter_errors(long rounds);
void uring_setup_errors(long rounds);
void uring_overflow(long rounds);
/* Last of all: the filter stays. */
void uring_seccomp(long rounds);

#endif
