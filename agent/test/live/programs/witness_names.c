/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* The names that the JSON has for what the witness counts. */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>

#include "witness_counts.h"

static const char *const mechanism_names[MECHANISM_COUNT] = {
	[SENDFILE] = "sendfile",
	[SPLICE] = "splice",
	[TEE] = "tee",
	[VMSPLICE] = "vmsplice",
	[COPY_FILE_RANGE] = "copy_file_range",
	[IO_URING_SPLICE] = "io_uring_splice",
	[IO_URING_TEE] = "io_uring_tee",
	[IO_URING_SEND_ZC] = "io_uring_send_zc",
	[IO_URING_SENDMSG_ZC] = "io_uring_sendmsg_zc",
};

static const char *const outcome_names[OUTCOME_COUNT] = {
	[ZEROCOPY] = "zerocopy", [COPIED] = "copied", [RETRY] = "retry",
	[REFUSED] = "refused",	 [DENIED] = "denied", [FAILED] = "failed",
};

static const char *const copy_reason_names[COPY_REASON_COUNT] = {
	[SOURCE_COPIES] = "source_copies",
	[SOURCE_SOCKET_WITHOUT_SPLICE] = "source_socket_without_splice",
	[SINK_REGULAR_FILE] = "sink_regular_file",
	[SINK_COPIES] = "sink_copies",
	[SINK_SOCKET_WITHOUT_SG] = "sink_socket_without_sg",
	[SINK_PROTOCOL] = "sink_protocol",
	[COPY_FILE_RANGE_IN_KERNEL] = "copy_file_range_in_kernel",
	[VMSPLICE_TO_USER] = "vmsplice_to_user",
	[ZC_NOTIFIED_COPIED] = "zc_notified_copied",
	[LOOPBACK] = "loopback",
};

static const char *const refusal_reason_names[REFUSAL_REASON_COUNT] = {
	[SOURCE_CANNOT_SPLICE] = "source_cannot_splice",
	[SINK_CANNOT_SPLICE] = "sink_cannot_splice",
	[SINK_APPEND] = "sink_append",
	[SOURCE_NOT_SEEKABLE] = "source_not_seekable",
	[NO_PIPE] = "no_pipe",
	[NOT_A_PIPE] = "not_a_pipe",
	[NOT_REGULAR] = "not_regular",
	[CROSS_DEVICE] = "cross_device",
	[NOT_SUPPORTED] = "not_supported",
	[NO_SYSCALL] = "no_syscall",
	[ZERO_SIZE_SOURCE] = "zero_size_source",
	[RING_IOPOLL] = "ring_iopoll",
	[ZC_NOT_SUPPORTED] = "zc_not_supported",
	[EINVAL_OTHER] = "einval_other",
};

static const char *const resolution_names[RESOLUTION_COUNT] = {
	[CASCADED] = "cascaded",
	[CONFIRMED] = "confirmed",
	[PRESUMED] = "presumed",
	[ABANDONED] = "abandoned",
};

const char *mechanism_name(enum mechanism mechanism)
{
	return mechanism_names[mechanism];
}

const char *outcome_name(int outcome)
{
	return outcome_names[outcome];
}

const char *copy_reason_name(int reason)
{
	return copy_reason_names[reason];
}

const char *refusal_reason_name(int reason)
{
	return refusal_reason_names[reason];
}

const char *resolution_name(int resolution)
{
	return resolution_names[resolution];
}

enum mechanism mechanism_named(const char *name)
{
	int i;

	for (i = 0; i < MECHANISM_COUNT && strcmp(mechanism_names[i], name); i++)
		;
	return i;
}

const char *errno_name(int code)
{
	static char unnamed[32];
	const char *name = strerrorname_np(code);

	if (name)
		return name;
	snprintf(unnamed, sizeof(unnamed), "E%d", code);
	return unnamed;
}
