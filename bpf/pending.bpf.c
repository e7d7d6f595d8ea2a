// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/*
 * A refusal is no fallback yet: what the thread does next decides. Each refusal is kept in a place of its
 * thread (those of rings: of the main thread, because workers complete them) until somebody resolves it;
 * whoever exchanges `at` for 0 counts it, so that each is counted once.
 */
#include "file.bpf.h"
#include "pending.bpf.h"

/* How long the application may take to do something about a refusal. */
#define TIME_ALLOWED 500000000ULL
/* `at` of a place that is being filled: no time, and not free either */
#define BEING_FILLED 1

__u32 pending_buckets[PENDING_BUCKETS];
__u64 pending_total = 0;
__u32 watching = 0;

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct thread_state);
} thread_states SEC(".maps");

static __always_inline int is_leader(struct task_struct *task)
{
	return TASK_POINTER(task, group_leader) == task;
}

/* NULL if the record is retired: what is pending of it then is no longer that of its thread. */
static __always_inline struct process_record *record_of(__u32 process, __u64 at)
{
	struct process_record *record = bpf_map_lookup_elem(&processes, &process);

	/* like every attempt: only while it is LIVE the agent waits for us before it folds the record */
	if (process < SLOT_FIRST ||
	    (record && READ_ONCE(record->key.state) == SLOT_LIVE && record->claimed_at <= at))
		return record;
	return NULL;
}

static __noinline void count_resolution(struct process_record *record, __u32 mechanism, __u32 resolution)
{
	if (!record || mechanism >= MECHANISM_COUNT || resolution >= RESOLUTION_COUNT)
		return;
	ADD(record->resolutions[mechanism].refusals[resolution], 1);
	if (resolution == RESOLUTION_CONFIRMED || resolution == RESOLUTION_PRESUMED) {
		__sync_fetch_and_or(&record->fallen, 1U << mechanism);
		WRITE_ONCE(record->fell_back_at, bpf_ktime_get_boot_ns());
	}
}

static __noinline void resolve(struct task_struct *task, struct pending *pending, __u64 at, __u32 resolution)
{
	__u32 process = pending->process;
	__u8 mechanism = pending->mechanism;
	struct process_record *record;

	if (__sync_val_compare_and_swap(&pending->at, at, 0) != at)
		return;
	record = record_of(process, at);
	if (!record)
		return;
	count_pending(task->tgid, -1);
	count_resolution(record, mechanism, resolution);
}

/* It cannot be watched. Its record was found by this run of the program, for which the agent waits. */
static __noinline void presume(__u32 process, __u32 mechanism)
{
	count_resolution(bpf_map_lookup_elem(&processes, &process), mechanism, RESOLUTION_PRESUMED);
}

/*
 * Grows with every mmap and munmap of the process; before 6.4 with page faults of the thread, which reading a
 * mapping causes.
 */
static __noinline __u64 mappings_of(struct task_struct *task)
{
	if (bpf_core_field_exists(((struct mm_struct___seqcount *)0)->mm_lock_seq.sequence))
		return KERNEL_READ(struct mm_struct___seqcount, TASK_POINTER(task, mm), mm_lock_seq.sequence);
	if (bpf_core_field_exists(((struct mm_struct *)0)->mm_lock_seq))
		return KERNEL_READ(struct mm_struct, TASK_POINTER(task, mm), mm_lock_seq);
	return task->min_flt + task->maj_flt;
}

/* The kernel's own accounts of a thread, by which one that was not watched can be cleared. */
static __always_inline void note_activity(struct task_struct *task, struct pending *pending)
{
	/* what is received from a socket is not counted there */
	if (!bpf_core_field_exists(task->ioac.rchar) || type_of(pending->source) == S_IFSOCK) {
		pending->read = ~0ULL;
		return;
	}
	pending->read = task->ioac.rchar;
	pending->written = task->ioac.wchar;
	pending->mappings = mappings_of(task);
}

/*
 * Of a refusal that nobody watched: has the thread copied nothing for certain, neither by read nor by mmap and
 * write?
 */
static __noinline int was_idle(struct task_struct *task, const struct pending *pending)
{
	return pending->read == task->ioac.rchar &&
	       (pending->written == task->ioac.wchar || pending->mappings == mappings_of(task));
}

/* Its files or its thread are gone. */
static __noinline enum resolution resolution_without_evidence(struct task_struct *task,
							      const struct pending *pending)
{
	return pending->watched || was_idle(task, pending) ? RESOLUTION_ABANDONED : RESOLUTION_PRESUMED;
}

/* Is this the file that was refused, and not another one that lies where it lay? */
static __noinline int is_file(__u64 file, __u64 wanted, __u64 inode)
{
	return file == wanted && inode_number_of(file) == inode;
}

/* Closed by another thread, or by a call that is not watched (close_range, exec). */
static __noinline int is_gone(struct task_struct *task, const struct pending *pending)
{
	return (pending->source_fd >= 0 && pending->source &&
		!is_file(file_of(task, pending->source_fd), pending->source, pending->source_inode)) ||
	       (pending->sink_fd >= 0 && pending->sink &&
		!is_file(file_of(task, pending->sink_fd), pending->sink, pending->sink_inode));
}

/* Nothing was seen in the time allowed, or no more room is left to wait in. */
static __noinline enum resolution resolution_for_want_of_time(struct task_struct *task,
							      const struct pending *pending)
{
	if (!is_gone(task, pending))
		return RESOLUTION_PRESUMED;
	/* its own close would have been seen: another thread has closed the file, and may have copied it */
	if (pending->watched && TASK_POINTER(task, signal)->live.counter > 1)
		return RESOLUTION_PRESUMED;
	return resolution_without_evidence(task, pending);
}

static __always_inline int is_taken(__u64 at)
{
	return at > BEING_FILLED;
}

__noinline int suspend_refusal(const struct attempt *attempt, __u32 process)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct thread_state *state = NULL;
	struct pending *place = NULL, *oldest = NULL;
	__u64 oldest_at = ~0ULL;

	if (!attempt)
		return 0;
	if (attempt->source || attempt->sink)
		state = bpf_task_storage_get(&thread_states,
					     is_ring_mechanism(attempt->mechanism) ? task->group_leader : task,
					     0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!state) {
		presume(process, attempt->mechanism);
		return 0;
	}
#pragma unroll
	for (int i = 0; i < PENDING_PLACES; i++) {
		struct pending *candidate = &state->pendings[i];
		__u64 at = READ_ONCE(candidate->at);

		if (!place && !at && !__sync_val_compare_and_swap(&candidate->at, 0, BEING_FILLED))
			place = candidate;
		else if (is_taken(at) && at < oldest_at) {
			oldest_at = at;
			oldest = candidate;
		}
	}
	if (!place) {
		if (oldest)
			resolve(task, oldest, oldest_at, resolution_for_want_of_time(task, oldest));
		if (!oldest || __sync_val_compare_and_swap(&oldest->at, 0, BEING_FILLED)) {
			presume(process, attempt->mechanism);
			return 0;
		}
		place = oldest;
	}
	place->source = attempt->source;
	place->sink = attempt->sink;
	place->source_inode = inode_number_of(attempt->source);
	place->sink_inode = inode_number_of(attempt->sink);
	note_activity(task, place);
	place->source_fd = attempt->source_fd;
	place->sink_fd = attempt->sink_fd;
	place->process = process;
	place->error = attempt->result < 0 ? errno_of(attempt->result) : 0;
	place->mechanism = attempt->mechanism;
	place->watched = READ_ONCE(watching) != 0;
	ADD(pending_buckets[(__u32)task->tgid % PENDING_BUCKETS], 1);
	if (!__sync_fetch_and_add(&pending_total, 1) && !place->watched)
		send_event(EVENT_REFUSAL, process);
	__sync_val_compare_and_swap(&place->at, BEING_FILLED, bpf_ktime_get_ns());
	return 0;
}

static __always_inline int is_source(const struct pending *pending, __u64 file)
{
	return pending->source && is_file(file, pending->source, pending->source_inode);
}

static __always_inline int is_sink(const struct pending *pending, __u64 file)
{
	return pending->sink && is_file(file, pending->sink, pending->sink_inode);
}

/* A splice has the file on one end only, and a pipe of the application on the other. */
static __always_inline int is_same_transfer(const struct pending *pending, const struct attempt *attempt)
{
	if (attempt->mechanism == MECHANISM_SPLICE || attempt->mechanism == MECHANISM_IO_URING_SPLICE)
		return is_source(pending, attempt->source) || is_sink(pending, attempt->sink);
	return is_file(attempt->source, pending->source, pending->source_inode) &&
	       is_file(attempt->sink, pending->sink, pending->sink_inode);
}

static __noinline void settle_attempt_at(struct task_struct *task, struct pending *pending, int only_rings,
					 const struct attempt *attempt)
{
	__u64 at = READ_ONCE(pending->at);

	if (!is_taken(at) || (only_rings && !is_ring_mechanism(pending->mechanism)) ||
	    !is_same_transfer(pending, attempt))
		return;
	/* the same call refused once more: another transfer, between two files that may only look the same */
	if (!pending->watched && attempt->result < 0 && attempt->mechanism == pending->mechanism)
		resolve(task, pending, at, resolution_without_evidence(task, pending));
	else
		resolve(task, pending, at, RESOLUTION_CASCADED);
}

static __always_inline void settle_attempt_in(struct task_struct *task, struct thread_state *state,
					      int only_rings, const struct attempt *attempt)
{
#pragma unroll
	for (int i = 0; i < PENDING_PLACES; i++)
		settle_attempt_at(task, &state->pendings[i], only_rings, attempt);
}

__noinline int settle_attempt(const struct attempt *attempt, __u32 verdict)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 outcome = OUTCOME_OF(verdict);
	struct thread_state *state;

	/* such an attempt says nothing about what comes next */
	if (!attempt || outcome == OUTCOME_DENIED || outcome == OUTCOME_FAILED)
		return 0;
	state = bpf_task_storage_get(&thread_states, task, 0, 0);
	if (state)
		settle_attempt_in(task, state, 0, attempt);
	if (is_leader(task))
		return 0;
	state = bpf_task_storage_get(&thread_states, task->group_leader, 0, 0);
	if (state)
		settle_attempt_in(task, state, 1, attempt);
	return 0;
}

enum evidence_kind {
	EVIDENCE_NONE,
	EVIDENCE_READ,
	EVIDENCE_WRITE,
	EVIDENCE_CLOSE,
};

struct evidence {
	/* address; 0 for CLOSE */
	__u64 file;
	__u32 kind;
	__s32 fd;
};

static __noinline void settle_evidence_at(struct task_struct *task, struct pending *pending, int only_rings,
					  const struct evidence *evidence)
{
	__u64 at = READ_ONCE(pending->at);

	if (!is_taken(at) || (only_rings && !is_ring_mechanism(pending->mechanism)))
		return;
	if (evidence->kind == EVIDENCE_CLOSE) {
		if (pending->source_fd == evidence->fd || pending->sink_fd == evidence->fd)
			resolve(task, pending, at, resolution_without_evidence(task, pending));
	} else if (evidence->kind == EVIDENCE_READ ? is_source(pending, evidence->file)
						   : is_sink(pending, evidence->file)) {
		resolve(task, pending, at, RESOLUTION_CONFIRMED);
	}
}

static __noinline void settle_evidence_in(struct task_struct *task, struct thread_state *state, int only_rings,
					  const struct evidence *evidence)
{
#pragma unroll
	for (int i = 0; i < PENDING_PLACES; i++)
		settle_evidence_at(task, &state->pendings[i], only_rings, evidence);
}

static __noinline void settle_evidence(struct task_struct *task, const struct evidence *evidence)
{
	struct thread_state *state = bpf_task_storage_get(&thread_states, task, 0, 0);

	if (state)
		settle_evidence_in(task, state, 0, evidence);
	if (is_leader(task))
		return;
	state = bpf_task_storage_get(&thread_states, task->group_leader, 0, 0);
	if (state)
		settle_evidence_in(task, state, 1, evidence);
}

__noinline int settle_request(__u64 file, __u32 is_write)
{
	struct evidence evidence = {
		.file = file,
		.kind = is_write ? EVIDENCE_WRITE : EVIDENCE_READ,
		.fd = -1,
	};

	settle_evidence(bpf_get_current_task_btf(), &evidence);
	return 0;
}

static __noinline void end_all_of(struct task_struct *task, struct thread_state *state)
{
#pragma unroll
	for (int i = 0; i < PENDING_PLACES; i++) {
		struct pending *pending = &state->pendings[i];
		__u64 at = READ_ONCE(pending->at);

		if (is_taken(at))
			resolve(task, pending, at, resolution_without_evidence(task, pending));
	}
}

__noinline int settle_end(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct thread_state *state = bpf_task_storage_get(&thread_states, task, 0, 0);

	if (state)
		end_all_of(task, state);
	/* the last one: those of rings may still be kept with the main thread, which ended before */
	if (is_leader(task) || TASK_POINTER(task, signal)->live.counter)
		return 0;
	state = bpf_task_storage_get(&thread_states, task->group_leader, 0, 0);
	if (state)
		end_all_of(task, state);
	return 0;
}

#if defined(__TARGET_ARCH_x86)
static __always_inline __u32 evidence_of(unsigned long number)
{
	switch (number) {
	case 0:	  /* read */
	case 9:	  /* mmap */
	case 17:  /* pread64 */
	case 19:  /* readv */
	case 45:  /* recvfrom */
	case 47:  /* recvmsg */
	case 295: /* preadv */
	case 299: /* recvmmsg */
	case 327: /* preadv2 */
		return EVIDENCE_READ;
	case 1:	  /* write */
	case 18:  /* pwrite64 */
	case 20:  /* writev */
	case 44:  /* sendto */
	case 46:  /* sendmsg */
	case 296: /* pwritev */
	case 307: /* sendmmsg */
	case 328: /* pwritev2 */
		return EVIDENCE_WRITE;
	case 3:	  /* close */
	case 33:  /* dup2 */
	case 292: /* dup3 */
		return EVIDENCE_CLOSE;
	}
	return EVIDENCE_NONE;
}
#elif defined(__TARGET_ARCH_arm64)
static __always_inline __u32 evidence_of(unsigned long number)
{
	switch (number) {
	case 63:  /* read */
	case 65:  /* readv */
	case 67:  /* pread64 */
	case 69:  /* preadv */
	case 207: /* recvfrom */
	case 212: /* recvmsg */
	case 222: /* mmap */
	case 243: /* recvmmsg */
	case 286: /* preadv2 */
		return EVIDENCE_READ;
	case 64:  /* write */
	case 66:  /* writev */
	case 68:  /* pwrite64 */
	case 70:  /* pwritev */
	case 206: /* sendto */
	case 211: /* sendmsg */
	case 269: /* sendmmsg */
	case 287: /* pwritev2 */
		return EVIDENCE_WRITE;
	case 57: /* close */
	case 24: /* dup3 */
		return EVIDENCE_CLOSE;
	}
	return EVIDENCE_NONE;
}
#endif

/*
 * Every system call's exit, while refusals are pending and only then. One raw tracepoint: it is attached in a
 * moment, and costs a read or a write less than a tracepoint of its own would.
 */
SEC("tp_btf/sys_exit")
int evidence_exit(__u64 *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct evidence evidence = {};
	struct pt_regs *regs;
	unsigned long number;
	long result;

	if (!has_pending(task))
		return 0;
	regs = (struct pt_regs *)ctx[0];
	number = SYSCALL_NUMBER(regs);
	evidence.kind = evidence_of(number);
	/* the numbers of 32-bit programs mean other calls */
	if (evidence.kind == EVIDENCE_NONE || IS_COMPAT(task))
		return 0;
	result = ctx[1];
	evidence.fd = SYSCALL_ARG1(regs);
	if (evidence.kind == EVIDENCE_CLOSE) {
		/* dup2 and dup3 close what their second argument was; close does even if it reports an error */
		if (number != NR_CLOSE) {
			if (result < 0)
				return 0;
			evidence.fd = SYSCALL_ARG2(regs);
		}
		settle_evidence(task, &evidence);
		return 0;
	}
	/* nothing read, nothing copied; mmap returns an address */
	if (result == 0 || (result < 0 && result > -4096))
		return 0;
	if (number == NR_MMAP)
		evidence.fd = SYSCALL_ARG5(regs);
	evidence.file = file_of(task, evidence.fd);
	settle_evidence(task, &evidence);
	return 0;
}

/* Is the thread still in a zero-copy call on one of these files? Then nothing is to be presumed yet. */
static __noinline int is_at_it(struct task_struct *task, const struct pending *pending)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);
	int first, second;

	if (!regs || !SYSCALL_UNDER_WAY(regs))
		return 0;
	/* a call that has returned ENOSYS looks the same, unless its thread sleeps */
	if (pending->error == ENOSYS && !task->__state)
		return 0;
	first = SYSCALL_ARG1(regs);
	switch (SYSCALL_NUMBER(regs)) {
	case NR_SENDFILE:
	case NR_TEE:
		second = SYSCALL_ARG2(regs);
		break;
	case NR_SPLICE:
	case NR_COPY_FILE_RANGE:
		second = SYSCALL_ARG3(regs);
		break;
	case NR_VMSPLICE:
		second = first;
		break;
	default:
		return 0;
	}
	return first == pending->source_fd || first == pending->sink_fd || second == pending->source_fd ||
	       second == pending->sink_fd;
}

/*
 * Refusals that nobody watched from their beginning, once somebody does: those whose files are gone end, and
 * those whose thread has done nothing yet are as good as watched.
 */
static __always_inline void begin_to_watch(struct task_struct *task, struct pending *pending, __u64 at)
{
	if (is_gone(task, pending))
		resolve(task, pending, at, resolution_without_evidence(task, pending));
	else if (was_idle(task, pending))
		WRITE_ONCE(pending->watched, 1);
}

static __noinline void expire_at(struct task_struct *task, struct pending *pending, __u64 now)
{
	__u64 at = READ_ONCE(pending->at);

	if (!is_taken(at))
		return;
	if (READ_ONCE(watching) && !pending->watched)
		begin_to_watch(task, pending, at);
	if (now >= at + TIME_ALLOWED && !is_at_it(task, pending))
		resolve(task, pending, at, resolution_for_want_of_time(task, pending));
}

/* Ends what has been pending for too long: run by the agent every now and then while there is any. */
SEC("iter/task")
int expire(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct thread_state *state;
	__u64 now = bpf_ktime_get_ns();

	if (!task || !has_pending(task))
		return 0;
	state = bpf_task_storage_get(&thread_states, task, 0, 0);
	if (!state)
		return 0;
#pragma unroll
	for (int i = 0; i < PENDING_PLACES; i++)
		expire_at(task, &state->pendings[i], now);
	return 0;
}
