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
#define S_IFREG 0100000
#define S_IFBLK 0060000
#define S_IFDIR 0040000
#define S_IFCHR 0020000
#define S_IFIFO 0010000

/* include/linux/fs.h, 5.10 to 6.18 */
#define S_DAX (1 << 13)
#define FMODE_READ 0x1
#define FMODE_WRITE 0x2
#define FMODE_LSEEK 0x4
#define FMODE_PREAD 0x8
#define FMODE_PWRITE 0x10
/* opened with O_PATH: no file to most calls */
#define FMODE_PATH 0x4000

#define O_APPEND 02000

#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define AF_ALG 38
#define AF_KCM 41
#define SOCK_STREAM 1
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define IPPROTO_RAW 255

/* netdev_features_t: NETIF_F_SG_BIT is the first of its enum in all versions */
#define NETIF_F_SG 1
#define IFF_LOOPBACK 0x8

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

struct thread_info {
	/* x86 */
	unsigned int status;
};

struct task_io_accounting {
	/* bytes that passed read, write and their kin, and zero-copy calls that succeeded */
	__u64 rchar;
	__u64 wchar;
};

/*
 * Counts whatever changes the mappings (6.4 and newer with CONFIG_PER_VMA_LOCK): an int, a seqcount_t from 6.13
 * on.
 */
struct mm_struct {
	int mm_lock_seq;
};

struct mm_struct___seqcount {
	struct {
		unsigned int sequence;
	} mm_lock_seq;
};

struct signal_struct {
	/* workers of rings included; a thread leaves when it will run no more code (__unhash_process()) */
	int nr_threads;
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
	struct task_io_accounting ioac;
	unsigned long min_flt;
	unsigned long maj_flt;
	struct mm_struct *mm;
	struct thread_info thread_info;
	/* the lowest address of the kernel's stack of this thread */
	void *stack;
	/* 5.14 and newer */
	unsigned int __state;
};

struct file_system_type {
	const char *name;
};

struct super_block {
	unsigned long s_magic;
	struct file_system_type *s_type;
};

struct inode {
	unsigned long i_ino;
	__u16 i_mode;
	unsigned int i_flags;
	__s64 i_size;
	struct super_block *i_sb;
};

struct file_operations {
	void *splice_read;
	void *splice_write;
	void *copy_file_range;
	void *remap_file_range;
};

struct qstr {
	const unsigned char *name;
};

struct dentry {
	struct dentry *d_parent;
	struct qstr d_name;
};

struct vfsmount {
	struct dentry *mnt_root;
};

struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
};

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

struct file {
	struct inode *f_inode;
	struct file_operations *f_op;
	struct path f_path;
	void *private_data;
	unsigned int f_flags;
	unsigned int f_mode;
};

/* Only for what it begins with: a pointer to a file, as an element of fdtable.fd. */
struct poll_table_entry {
	struct file *filp;
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

struct proto;

struct sock_common {
	/* both of the next two */
	__u64 skc_addrpair;
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	/* host order; 0 once the socket is closed */
	__u16 skc_num;
	unsigned short skc_family;
	struct proto *skc_prot;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
};

struct net_device {
	unsigned int flags;
	__u64 features;
};

struct dst_entry {
	struct net_device *dev;
};

struct sock {
	struct sock_common __sk_common;
	__u16 sk_protocol;
	__u16 sk_type;
	__u64 sk_route_caps;
	struct dst_entry *sk_dst_cache;
};

struct tcp_ulp_ops {
	char name[16];
};

struct inet_connection_sock {
	struct tcp_ulp_ops *icsk_ulp_ops;
	void *icsk_ulp_data;
};

struct tls_context {
	__u8 tx_conf : 3;
	__u8 zerocopy_sendfile : 1;
};

struct proto_ops {
	void *splice_read;
};

/* up to 6.4: splice_to_socket() replaced it, and copy_splice_read() came with it */
struct proto_ops___before_6_5 {
	void *sendpage;
};

struct socket {
	struct sock *sk;
	struct proto_ops *ops;
};

struct io_uring_task {
	struct task_struct *task;
};

struct io_ring_ctx {
	unsigned int flags;
};

struct io_kiocb {
	struct file *file;
	struct io_ring_ctx *ctx;
	__u8 opcode;
	/* 6.13 and newer (commit b6f58a3f4aa8); before that, `task` */
	struct io_uring_task *tctx;
};

struct io_kiocb___before_6_13 {
	struct task_struct *task;
};

/* What a request keeps for its opcode lies over its beginning: the first member of each is `file`. */
struct io_splice {
	__s64 off_in;
	__s64 off_out;
	int splice_fd_in;
	unsigned int flags;
};

struct io_sr_msg {
	__u16 flags;
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
	void *ctx;
	void *req;
	__u64 user_data;
	int res;
	unsigned int cflags;
};

struct trace_event_raw_io_uring_cqe_overflow {
	void *ctx;
	__u64 user_data;
	int res;
	unsigned int cflags;
};

struct trace_event_raw_io_uring_submit_req {
	void *req;
	__u8 opcode;
};

struct trace_event_raw_io_uring_queue_async_work {
	void *req;
	__u8 opcode;
};

struct bpf_iter__task {
	struct task_struct *task;
};

#if defined(__TARGET_ARCH_x86)
/* At a system call's exit only ax is overwritten: the arguments are still where the caller put them. */
struct pt_regs {
	unsigned long r10;
	unsigned long r9;
	unsigned long r8;
	unsigned long ax;
	unsigned long dx;
	unsigned long si;
	unsigned long di;
	unsigned long orig_ax;
};
#define SYSCALL_NUMBER(regs) ((regs)->orig_ax)
#define SYSCALL_ARG1(regs) ((regs)->di)
#define SYSCALL_ARG2(regs) ((regs)->si)
#define SYSCALL_ARG3(regs) ((regs)->dx)
#define SYSCALL_ARG4(regs) ((regs)->r10)
#define SYSCALL_ARG5(regs) ((regs)->r8)
#define SYSCALL_ARG6(regs) ((regs)->r9)
/* The entry code puts -ENOSYS where the result will be. */
#define SYSCALL_UNDER_WAY(regs) ((long)(regs)->ax == -38)
#define NR_CLOSE 3
#define NR_MMAP 9
#define NR_SENDFILE 40
#define NR_SPLICE 275
#define NR_TEE 276
#define NR_VMSPLICE 278
#define NR_COPY_FILE_RANGE 326
#define SYSCALL_FUNCTION "__x64_sys_"
#define TS_COMPAT 0x2
#define IS_COMPAT(task) ((task)->thread_info.status & TS_COMPAT)
/* x32: calls of other numbers, which no tracepoint shows */
#define IS_FOREIGN(number) ((number) & 0x40000000)
#define RETURN_VALUE(regs) ((regs)->ax)
#define O_DIRECT 0x4000
#elif defined(__TARGET_ARCH_arm64)
/* x0 holds the result at the exit; el0_svc_common keeps the first argument in orig_x0. */
struct pt_regs {
	__u64 regs[31];
	__u64 orig_x0;
	__s32 syscallno;
	__u64 pstate;
};
#define SYSCALL_NUMBER(regs) ((unsigned long)(regs)->syscallno)
#define SYSCALL_ARG1(regs) ((regs)->orig_x0)
#define SYSCALL_ARG2(regs) ((regs)->regs[1])
#define SYSCALL_ARG3(regs) ((regs)->regs[2])
#define SYSCALL_ARG4(regs) ((regs)->regs[3])
#define SYSCALL_ARG5(regs) ((regs)->regs[4])
#define SYSCALL_ARG6(regs) ((regs)->regs[5])
#define SYSCALL_UNDER_WAY(regs) ((regs)->regs[0] == (regs)->orig_x0)
#define NR_CLOSE 57
#define NR_MMAP 222
#define NR_SENDFILE 71
#define NR_SPLICE 76
#define NR_TEE 77
#define NR_VMSPLICE 75
#define NR_COPY_FILE_RANGE 285
#define SYSCALL_FUNCTION "__arm64_sys_"
/* PSR_MODE32_BIT: the caller was a 32-bit program */
#define IS_COMPAT(task) (((struct pt_regs *)bpf_task_pt_regs(task))->pstate & 0x10)
#define IS_FOREIGN(number) 0
#define RETURN_VALUE(regs) ((regs)->regs[0])
#define O_DIRECT 0x10000
#else
#error "this architecture's system call arguments are not described yet"
#endif

#pragma clang attribute pop

/* A program at the return of a system call's function: it is told its one argument, the registers, and its
 * result. */
#define FEXIT_SYSCALL(call, program)                                                                           \
	SEC("fexit/" SYSCALL_FUNCTION #call)                                                                   \
	int program(const __u64 *ctx)
#define FEXIT_RESULT(ctx) ((__s64)(ctx)[1])
/* The same by a probe of functions that is told the registers at their return. */
#define RETURN_OF_SYSCALL(call, program)                                                                       \
	SEC("kretprobe.multi/" SYSCALL_FUNCTION #call)                                                         \
	int program(const struct pt_regs *ctx)

/*
 * A cast that the verifier believes (6.2 and newer): loads through it become plain loads with a fault
 * handler, where bpf_probe_read_kernel is a call. Older kernels take the other branch; the verifier removes
 * the one that is not taken.
 */
extern void *bpf_rdonly_cast(const void *obj, __u32 btf_id) __ksym __weak;

#define KERNEL_CAST(type, pointer) ((type *)bpf_rdonly_cast((pointer), bpf_core_type_id_kernel(type)))

/*
 * The object at an address, for FIELD. Pointers in it, if their type is known, can be followed by FIELD right
 * away: the verifier knows them from the kernel's types.
 */
#define OBJECT(type, address)                                                                                  \
	({                                                                                                     \
		type *__object = (type *)(address);                                                            \
		if (bpf_ksym_exists(bpf_rdonly_cast))                                                          \
			__object = KERNEL_CAST(type, __object);                                                \
		__object;                                                                                      \
	})

/*
 * The field of an OBJECT, or of what one points to; 0 if it cannot be read. The object is evaluated first:
 * inside of the builtin below, accesses in it would be taken for the field's. The copy is for the call alone: a
 * value whose address is taken lives on the stack.
 */
#define FIELD(object, field)                                                                                   \
	({                                                                                                     \
		typeof(object) __holder = (object);                                                            \
		typeof(__holder->field) __value;                                                               \
		if (bpf_ksym_exists(bpf_rdonly_cast)) {                                                        \
			__value = __holder->field;                                                             \
		} else {                                                                                       \
			typeof(__holder->field) __copy = {};                                                   \
			bpf_probe_read_kernel(&__copy, bpf_core_field_size(__holder->field),                   \
					      __builtin_preserve_access_index(&__holder->field));              \
			__value = __copy;                                                                      \
		}                                                                                              \
		__value;                                                                                       \
	})

/* The same of an object that is looked at once. */
#define KERNEL_READ(type, address, field) FIELD(OBJECT(type, address), field)

/*
 * A pointer in a task that the verifier trusts. Followed directly, each such load makes it search the kernel's
 * types by name, several times over, for whether the result may be trusted too (btf_nested_type_is_trusted(), a
 * millisecond each).
 */
#define TASK_POINTER(task, field)                                                                              \
	(bpf_ksym_exists(bpf_rdonly_cast) ? KERNEL_CAST(struct task_struct, task)->field : (task)->field)

/* The 64-bit word at an address, as a number: global functions take no pointers but to our own memory. */
#define KERNEL_READ_WORD(address) ((__u64)KERNEL_READ(struct timespec64, (const void *)(address), tv_sec))

/* A pointer field of a kernel object, as a number. */
#define KERNEL_READ_ADDRESS(type, pointer, field)                                                              \
	KERNEL_READ_WORD((const void *)(pointer) + bpf_core_field_offset(((type *)0)->field))

#endif
