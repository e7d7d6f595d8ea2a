/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Files that explain copies and refusals, as the program named them. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "setup.h"
#include "witness_counts.h"

static void append(const char *format, const char *a, const char *b)
{
	size_t length = strlen(witness->culprits), room = sizeof(witness->culprits) - length;

	errno = ENOSPC;
	if (snprintf(witness->culprits + length, room, format, a, b) >= (int)room)
		die("too many culprits");
}

static void append_member(const char *name, const char *value)
{
	if (value)
		append(",\"%s\":\"%s\"", name, value);
}

void witness_culprit(const char *type, const char *name, const char *filesystem)
{
	struct last_judgement last = last_judgement();
	char reason[128];

	errno = EINVAL;
	if (!last.reason)
		die("the latest attempt has no reason that a file could explain");
	snprintf(reason, sizeof(reason), "{\"mechanism\":\"%s\",\"reason\":\"%s\"", mechanism_name(last.mechanism),
		 last.reason);
	if (strstr(witness->culprits, reason))
		return;
	append("%s%s", *witness->culprits ? "," : "", reason);
	append_member("outcome", outcome_name(last.outcome));
	append_member("type", type);
	append_member("name", name);
	append_member("filesystem", filesystem);
	append("%s%s", "}", "");
}
