/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* A result -> an outcome. Pure: no maps, no helpers. */
#ifndef SPILLWAY_CLASSIFY_BPF_H
#define SPILLWAY_CLASSIFY_BPF_H

#include "kernel.h"
#include "spillway.h"

#define EPERM 1
#define EINTR 4
#define EAGAIN 11
#define EACCES 13
#define EXDEV 18
#define EINVAL 22
#define ENOSYS 38
#define EOPNOTSUPP 95
/* include/linux/errno.h: never seen by user space, but what an interrupted call holds at its exit */
#define ERESTARTSYS 512
#define ERESTARTNOINTR 513
#define ERESTARTNOHAND 514
#define ERESTART_RESTARTBLOCK 516

/* The errno that user space would name: an interrupted call is EINTR, whatever restarts it. */
static __always_inline __u16 errno_of(long result)
{
	switch (-result) {
	case ERESTARTSYS:
	case ERESTARTNOINTR:
	case ERESTARTNOHAND:
	case ERESTART_RESTARTBLOCK:
		return EINTR;
	default:
		return -result;
	}
}

/* What an attempt that returned -error ended as. Which files were involved refines it (outcomes.md). */
static __always_inline enum outcome outcome_of_errno(__u16 error)
{
	switch (error) {
	case EAGAIN:
	case EINTR:
		return OUTCOME_RETRY;
	case EINVAL:
	case EOPNOTSUPP:
	case ENOSYS:
	case EXDEV:
		return OUTCOME_REFUSED;
	case EPERM:
	case EACCES:
		return OUTCOME_DENIED;
	default:
		return OUTCOME_FAILED;
	}
}

#endif
