/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* One known sequence of attempts per mechanism, and what they have in common. */
#ifndef SEQUENCE_H
#define SEQUENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define PAGE 4096
#define FILE_BYTES (16 * PAGE)
/* Far above any open file, below INT_MAX. */
#define HUGE_FD 1000000000

struct place {
	const char *dir;
	/* FILE_BYTES bytes on the filesystem of `dir`, readable and writable */
	int file;
	/* whether a swap file may be made for a moment (ETXTBSY) */
	bool swap;
};

/* Only a remark on stderr when the kernel answers otherwise than expected: the witness tells what was. */
#define ANY_BYTES 1000000
void expect(const char *step, long ret, long expected);
/* Whether every step answered as expected so far. */
bool all_as_expected(void);

/* SIGALRM every 10 ms without SA_RESTART, until stopped: whatever waits in the kernel ends with EINTR. */
void start_interrupting(void);
void stop_interrupting(void);

/* A number that was open and is not any more. */
int closed_fd(void);

/* Sinks that refuse to grow; each returns -1, with a remark, where this host has none. */
int immutable_file(const struct place *place);
void make_mutable(int fd);
/* A file on a full tmpfs of its own, mounted in a mount namespace of this process's own. */
int file_on_full_tmpfs(const struct place *place);
int active_swap_file(const struct place *place, char *path, size_t path_size);
void remove_swap_file(int fd, const char *path);
/* Writes beyond `bytes` are EFBIG while it holds. */
void limit_file_size(size_t bytes);
void unlimit_file_size(void);

void sequence_sendfile(const struct place *place);
void sequence_splice(const struct place *place);
void sequence_tee(const struct place *place);
void sequence_vmsplice(const struct place *place);
void sequence_copy_file_range(const struct place *place);

#endif
