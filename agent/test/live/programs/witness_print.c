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

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

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

/* By name, those that occurred; all of them when asked to. */
static void print_named(const char *name, const char *(*name_of)(int), const uint64_t *counts, int n, bool all)
{
	const char *comma = "";

	printf("\"%s\":{", name);
	for (int i = 0; i < n; i++) {
		if (!counts[i] && !all)
			continue;
		printf("%s\"%s\":%" PRIu64, comma, name_of(i), counts[i]);
		comma = ",";
	}
	printf("}");
}

/* Nobody needs to tell how refusals ended that never were. */
static void print_resolutions(const struct counts *counts)
{
	uint64_t pending = counts->outcomes[REFUSED];

	if (pending && !witness->resolutions_told)
		return;
	printf(",\"resolutions\":{");
	for (int i = 0; i < RESOLUTION_COUNT; i++) {
		printf("\"%s\":%" PRIu64 ",", resolution_name(i), counts->resolutions[i]);
		pending -= counts->resolutions[i];
	}
	printf("\"pending\":%" PRIu64 "}", pending);
}

static void print_mechanism(enum mechanism mechanism)
{
	const struct counts *counts = &witness->mechanisms[mechanism];

	printf("\"%s\":{\"attempts\":%" PRIu64 ",\"bytes\":%" PRIu64 ",", mechanism_name(mechanism), counts->attempts,
	       counts->bytes);
	print_named("outcomes", outcome_name, counts->outcomes, OUTCOME_COUNT, true);
	printf(",");
	print_named("outcomeBytes", outcome_name, counts->outcome_bytes, OUTCOMES_WITH_BYTES, true);
	printf(",");
	print_errnos("errnos", counts->errnos);
	printf(",\"reasons\":{");
	print_named("copied", copy_reason_name, counts->copied, COPY_REASON_COUNT, false);
	printf(",");
	print_named("refused", refusal_reason_name, counts->refused, REFUSAL_REASON_COUNT, false);
	printf("}");
	print_resolutions(counts);
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
		printf("%s\"%s\":%" PRIu64, comma, mechanism_name(i) + strlen("io_uring_"), counts->attempts);
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

static const char *proto_name(const struct flow_key *key)
{
	static char number[8];

	if (key->family_plus_one == AF_UNSPEC + 1)
		return "other";
	/* multipath TCP is TCP on its way */
	if (key->proto == IPPROTO_TCP || key->proto == IPPROTO_MPTCP)
		return "tcp";
	if (key->proto == IPPROTO_UDP)
		return "udp";
	snprintf(number, sizeof(number), "%d", key->proto);
	return number;
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
	       dst, proto_name(&flow->key), flow->attempts, flow->bytes);
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
	if (*witness->culprits)
		printf(",\"culprits\":[%s]", witness->culprits);
	printf("%s}\n", extra);
	if (fflush(stdout) || ferror(stdout))
		die("write the witness to stdout");
}
