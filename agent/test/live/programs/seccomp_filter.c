/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
#define _GNU_SOURCE
#include "seccomp_filter.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "setup.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the low half of an argument is looked for at its beginning"
#endif

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))

/* Jump targets are counted from the next instruction: `left` is how many further blocks stand between. */
#define BLOCK 3
#define MARKED_IN(call, argument, left)                                                                                \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##call, 0, 2), LOAD(args[argument]),                                   \
		BPF_STMT(BPF_JMP | BPF_JA, (left) * BLOCK + 1)

static struct sock_filter program[] = {
	LOAD(nr),
	MARKED_IN(sendfile, 3, 6),
	MARKED_IN(splice, 5, 5),
	MARKED_IN(tee, 3, 4),
	MARKED_IN(vmsplice, 3, 3),
	MARKED_IN(copy_file_range, 5, 2),
	MARKED_IN(io_uring_enter, 5, 1),
	MARKED_IN(io_uring_setup, 0, 0),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	/* the errno is computed, not looked up: RET may return the accumulator */
	BPF_STMT(BPF_MISC | BPF_TAX, 0),
	BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xffff0000),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SECCOMP_MARK, 1, 0),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	BPF_STMT(BPF_MISC | BPF_TXA, 0),
	BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xffff),
	BPF_STMT(BPF_ALU | BPF_OR | BPF_K, SECCOMP_RET_ERRNO),
	BPF_STMT(BPF_RET | BPF_A, 0),
};

void install_errno_filter(void)
{
	struct sock_fprog filter = { sizeof(program) / sizeof(*program), program };

	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl PR_SET_NO_NEW_PRIVS");
	must(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter), "seccomp SECCOMP_SET_MODE_FILTER");
}
