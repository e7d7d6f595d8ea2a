/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* The counts as one line of JSON, in the shape that `spillway stat -o json` has too. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "setup.h"
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

const char *mechanism_name(enum mechanism mechanism)
{
	return mechanism_names[mechanism];
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

static void print_errnos(const char *name, const uint64_t *errnos)
{
	const char *comma = "";

	printf("\"%s\":{", name);
	for (int code = 1; code < ERRNO_LIMIT; code++) {
		if (!errnos[code])
			continue;
		printf("%s\"%s\":%" PRIu64, comma, errno_name(code), errnos[code]);
		comma = ",";
	}
	printf("}");
}

static void print_mechanism(enum mechanism mechanism)
{
	const struct counts *counts = &witness->mechanisms[mechanism];

	printf("\"%s\":{\"attempts\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"outcomes\":{", mechanism_names[mechanism],
	       counts->attempts, counts->bytes);
	for (int i = 0; i < OUTCOME_COUNT; i++)
		printf("%s\"%s\":%" PRIu64, i ? "," : "", outcome_names[i], counts->outcomes[i]);
	printf("},");
	print_errnos("errnos", counts->errnos);
	printf("}");
}

static void print_mechanisms(void)
{
	const char *comma = "";

	printf("\"mechanisms\":{");
	for (int i = 0; i < MECHANISM_COUNT; i++) {
		if (!witness->mechanisms[i].attempts)
			continue;
		printf("%s", comma);
		print_mechanism(i);
		comma = ",";
	}
	printf("}");
}

/* Every completion of a zero-copy opcode is an attempt of its mechanism: told again under its short name. */
static void print_completions(void)
{
	uint64_t errnos[ERRNO_LIMIT] = { 0 };
	const char *comma = "";

	printf("\"completions\":{");
	for (int i = IO_URING_SPLICE; i < MECHANISM_COUNT; i++) {
		const struct counts *counts = &witness->mechanisms[i];

		if (!counts->attempts)
			continue;
		printf("%s\"%s\":%" PRIu64, comma, mechanism_names[i] + strlen("io_uring_"), counts->attempts);
		comma = ",";
		for (int code = 0; code < ERRNO_LIMIT; code++)
			errnos[code] += counts->errnos[code];
	}
	printf("},");
	print_errnos("completionErrnos", errnos);
}

static void print_rings(void)
{
	printf("\"ioUring\":{\"setups\":{\"ok\":%" PRIu64 ",", witness->setups_ok);
	print_errnos("errnos", witness->setup_errnos);
	printf("},\"enters\":{\"calls\":%" PRIu64 ",\"submitted\":%" PRIu64 ",", witness->enters, witness->submitted);
	print_errnos("errnos", witness->enter_errnos);
	printf("},");
	print_completions();
	printf(",\"cqOverflows\":%" PRIu64 "}", witness->cq_overflows);
}

static const char *proto_name(uint16_t proto)
{
	return proto == IPPROTO_TCP ? "tcp" : proto == IPPROTO_UDP ? "udp" : "other";
}

static void print_flow(const struct flow *flow)
{
	char src[INET6_ADDRSTRLEN] = "", dst[INET6_ADDRSTRLEN] = "";
	int family = flow->key.family_plus_one - 1;

	if (family != AF_UNSPEC) {
		inet_ntop(family, flow->key.src, src, sizeof(src));
		inet_ntop(family, flow->key.dst, dst, sizeof(dst));
	}
	printf("{\"src\":\"%s\",\"dst\":\"%s\",\"proto\":\"%s\",\"attempts\":%" PRIu64 ",\"bytes\":%" PRIu64 "}", src,
	       dst, proto_name(flow->key.proto), flow->attempts, flow->bytes);
}

static void print_flows(void)
{
	const char *comma = "";

	printf("\"flows\":[");
	for (uint32_t i = 0; i < witness->flow_count; i++) {
		const struct flow *flow = &witness->flows[witness->flow_order[i]];

		if (!flow->attempts)
			continue;
		printf("%s", comma);
		print_flow(flow);
		comma = ",";
	}
	printf("]");
}

static void print_processes(void)
{
	const char *comma = "";

	printf(",\"processes\":[");
	for (uint64_t i = 0; i < witness->rows && i < PROCESS_LIMIT; i++) {
		const struct process_row *row = &witness->processes[i];

		if (!row->attempts)
			continue;
		printf("%s{\"pid\":%d,\"attempts\":%" PRIu64 "}", comma, row->pid, row->attempts);
		comma = ",";
	}
	printf("]");
}

void witness_print(int what, const char *extra)
{
	printf("{\"pid\":%d,", getpid());
	print_mechanisms();
	printf(",");
	print_rings();
	printf(",");
	print_flows();
	if (what & PRINT_PROCESSES)
		print_processes();
	printf("%s}\n", extra);
	if (fflush(stdout) || ferror(stdout))
		die("write the witness to stdout");
}
