/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * The independent witness: what a program saw its own system calls return, counted by mechanism,
 * outcome, errno, reason and flow, and printed as one line of JSON. It shares nothing with bpf/ on purpose:
 * an error in one is not repeated in the other. It looks at no file: why a call copied, or was refused, is what
 * the program that arranged it says.
 *
 * The counts lie in shared memory, so that forked children count into the same place, and in a memfd,
 * so that the image after an exec can map them again.
 */
#ifndef WITNESS_H
#define WITNESS_H

#include <stdbool.h>
#include <stdint.h>

enum mechanism {
	SENDFILE,
	SPLICE,
	TEE,
	VMSPLICE,
	COPY_FILE_RANGE,
	IO_URING_SPLICE,
	IO_URING_TEE,
	IO_URING_SEND_ZC,
	IO_URING_SENDMSG_ZC,
	MECHANISM_COUNT,
};

/* Why an attempt that moved bytes was a copy. */
enum copy_reason {
	SOURCE_COPIES,
	SOURCE_SOCKET_WITHOUT_SPLICE,
	SINK_REGULAR_FILE,
	SINK_COPIES,
	SINK_SOCKET_WITHOUT_SG,
	SINK_PROTOCOL,
	COPY_FILE_RANGE_IN_KERNEL,
	VMSPLICE_TO_USER,
	ZC_NOTIFIED_COPIED,
	LOOPBACK,
	COPY_REASON_COUNT,
};

/* Why the kernel said: not for these files. */
enum refusal_reason {
	SOURCE_CANNOT_SPLICE,
	SINK_CANNOT_SPLICE,
	SINK_APPEND,
	SOURCE_NOT_SEEKABLE,
	NO_PIPE,
	NOT_A_PIPE,
	NOT_REGULAR,
	CROSS_DEVICE,
	NOT_SUPPORTED,
	NO_SYSCALL,
	ZERO_SIZE_SOURCE,
	RING_IOPOLL,
	ZC_NOT_SUPPORTED,
	EINVAL_OTHER,
	REFUSAL_REASON_COUNT,
};

/* How a refusal ended. */
enum resolution {
	CASCADED,
	CONFIRMED,
	PRESUMED,
	ABANDONED,
	RESOLUTION_COUNT,
};

/* Results travel as the kernel gives them: >= 0, or -errno. */

/* Create the counts; call before the first fork, thread or socket. */
void witness_open(void);
/* The memfd that holds the counts: inherited across exec. */
int witness_memfd(void);
/* Go on counting in an image that was just exec'd, in the memfd handed down by the one before. */
void witness_adopt(int memfd);

/*
 * Remember which flow a connected, bound or bare socket belongs to. Asked once, when it is set up,
 * because a reset socket no longer tells its peer while the kernel still knows it.
 */
void witness_socket(int fd);
/* The number may now mean another file. */
void witness_forget(int fd);
/* Count no flows at all: for programs that pull the files from under their own calls. */
void witness_without_flows(void);

/* One attempt; fds that are not sockets, or not open, are -1 or simply unknown here. */
void witness_attempt(enum mechanism mechanism, int sink, int source, long ret);

/*
 * What this thread's latest attempt was, said by who arranged it; `ret` is what it returned, and is handed on. Where
 * nobody says: >= 0 is zerocopy, EXDEV, EOPNOTSUPP and ENOSYS are refused for the reason they name, EINVAL for
 * einval_other. A result that contradicts stays what it is: the kernel answered otherwise than its program expected.
 */
long witness_copied(long ret, enum copy_reason reason);
/* With ret 0 only for ZERO_SIZE_SOURCE. */
long witness_refused(long ret, enum refusal_reason reason);
/* The caller's own mistake, whatever the errno says. */
long witness_failed(long ret);
/*
 * The file that explains this thread's latest attempt, a copy or a refusal, as the agent must name it: only that of the
 * first attempt of a mechanism and reason is kept. Null: anything. Types are those of the report.
 */
void witness_culprit(const char *type, const char *name, const char *filesystem);
/* One refusal of this mechanism ends so. Once a program tells of one, it must tell of all. */
void witness_resolved(enum mechanism mechanism, enum resolution resolution);

void witness_setup(long ret);
void witness_enter(long ret);
/* Completions that did not fit into the completion ring and came later. */
void witness_overflowed(uint64_t completions);

/* Begin the row of this process; an image after an exec gets its own by witness_adopt. */
void witness_process(void);
/* The child of a vfork begins its row in the parent's memory: the parent keeps its own and goes back to it. */
int witness_row(void);
void witness_resume_row(int row);

enum {
	PRINT_PROCESSES = 1,
};
/* Print the JSON on stdout. `extra` is "" or further members, each with a comma before it. */
void witness_print(int what, const char *extra);
/* Sum over all mechanisms, for a program that knows how many there must be. */
uint64_t witness_attempts(void);
uint64_t witness_bytes(enum mechanism mechanism);
uint64_t witness_copies(enum mechanism mechanism);

const char *mechanism_name(enum mechanism mechanism);
/* MECHANISM_COUNT when there is none of that name. */
enum mechanism mechanism_named(const char *name);
/* E41 and E58, as the agent writes them, for the numbers that Linux has given no name. */
const char *errno_name(int code);

#endif
