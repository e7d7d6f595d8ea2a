/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * The kernel types that we read, with only the fields that we read: libbpf moves each access to where
 * the running kernel has the field (CO-RE). What differs between kernels is handled here and nowhere else.
 */
#ifndef SPILLWAY_KERNEL_H
#define SPILLWAY_KERNEL_H

#include <linux/types.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#define PF_KTHREAD 0x00200000

#define S_IFMT 0170000
#define S_IFSOCK 0140000

#define AF_INET 2
#define AF_INET6 10

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

typedef struct {
	int counter;
} atomic_t;

struct signal_struct {
	/* threads that have not begun to exit */
	atomic_t live;
};

struct task_struct {
	unsigned int flags;
	int pid;
	int tgid;
	struct task_struct *group_leader;
	__u64 start_boottime;
	char comm[16];
	struct files_struct *files;
	struct signal_struct *signal;
	/* counts execs; threads share the value (copied at clone, and an exec ends all others) */
	__u64 self_exec_id;
};

struct inode {
	__u16 i_mode;
};

struct file {
	struct inode *f_inode;
	void *private_data;
};

/* Only for what it begins with: a 64-bit number. See KERNEL_READ_ADDRESS. */
struct timespec64 {
	__s64 tv_sec;
};

struct in6_addr {
	union {
		__be32 u6_addr32[4];
	} in6_u;
};

struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	unsigned short skc_family;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
};

struct sock {
	struct sock_common __sk_common;
	__u16 sk_protocol;
};

struct socket {
	struct sock *sk;
};

struct io_uring_task {
	struct task_struct *task;
};

struct io_kiocb {
	struct file *file;
	__u8 opcode;
	/* 6.13 and newer (commit b6f58a3f4aa8); before that, `task` */
	struct io_uring_task *tctx;
};

struct io_kiocb___before_6_13 {
	struct task_struct *task;
};

struct trace_entry {
	int pid;
};

struct trace_event_raw_sys_exit {
	struct trace_entry ent;
	long id;
	long ret;
};

struct trace_event_raw_io_uring_complete {
	void *req;
	int res;
	unsigned int cflags;
};

struct trace_event_raw_io_uring_queue_async_work {
	void *req;
	__u8 opcode;
};

#if defined(__TARGET_ARCH_x86)
/* At a system call's exit only ax is overwritten: the arguments are still where the caller put them. */
struct pt_regs {
	unsigned long dx;
	unsigned long si;
	unsigned long di;
};
#define SYSCALL_ARG1(regs) ((regs)->di)
#define SYSCALL_ARG2(regs) ((regs)->si)
#define SYSCALL_ARG3(regs) ((regs)->dx)
#elif defined(__TARGET_ARCH_arm64)
/* x0 holds the result at the exit; el0_svc_common keeps the first argument in orig_x0. */
struct pt_regs {
	__u64 regs[31];
	__u64 orig_x0;
};
#define SYSCALL_ARG1(regs) ((regs)->orig_x0)
#define SYSCALL_ARG2(regs) ((regs)->regs[1])
#define SYSCALL_ARG3(regs) ((regs)->regs[2])
#else
#error "this architecture's system call arguments are not described yet"
#endif

#pragma clang attribute pop

/*
 * A cast that the verifier believes (6.2 and newer): loads through it become plain loads with a fault
 * handler, where bpf_probe_read_kernel is a call. Older kernels take the other branch; the verifier removes
 * the one that is not taken.
 */
extern void *bpf_rdonly_cast(const void *obj, __u32 btf_id) __ksym __weak;

#define KERNEL_CAST(type, pointer) ((type *)bpf_rdonly_cast((pointer), bpf_core_type_id_kernel(type)))

/* The field of a kernel object that we know only by its address; 0 if it cannot be read. */
#define KERNEL_READ(type, pointer, field)                                                                      \
	({                                                                                                     \
		typeof(((type *)0)->field) __value = {};                                                       \
		if (bpf_ksym_exists(bpf_rdonly_cast))                                                          \
			__value = KERNEL_CAST(type, pointer)->field;                                           \
		else                                                                                           \
			bpf_probe_read_kernel(&__value, bpf_core_field_size(((type *)0)->field),               \
					      __builtin_preserve_access_index(&((type *)(pointer))->field));   \
		__value;                                                                                       \
	})

/* The 64-bit word at an address, as a number: global functions take no pointers but to our own memory. */
#define KERNEL_READ_WORD(address) ((__u64)KERNEL_READ(struct timespec64, (const void *)(address), tv_sec))

/* A pointer field of a kernel object, as a number. */
#define KERNEL_READ_ADDRESS(type, pointer, field)                                                              \
	KERNEL_READ_WORD((const void *)(pointer) + bpf_core_field_offset(((type *)0)->field))

#endif
