/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * reasons all|CASE [--dir DIR]	a witness a line
 * reasons --list		the names of all cases, one a line
 *
 * Every attempt must answer as it was arranged, or the program dies. A witness has "culprits" besides: the files
 * that explain its copies and refusals.
 */
#define _GNU_SOURCE
#include "reasons.h"

#include <signal.h>
#include <stdio.h>

#include "setup.h"

#define USAGE "reasons all|CASE [--dir DIR] | reasons --list"

static const struct named_case *const groups[] = {
	source_cases,  sink_cases,	   socket_cases,  zc_cases,    range_cases,
	refusal_cases, pipe_refusal_cases, mistake_cases, state_cases, NULL,
};

struct place place;

const char *path_in(const char *name)
{
	static char path[4096];

	snprintf(path, sizeof(path), "%s/%s", place.dir, name);
	return path;
}

int main(int argc, char **argv)
{
	bool list = take_flag(&argc, argv, "--list");

	place.dir = take_option(&argc, argv, "--dir", "/tmp");
	if (list) {
		list_cases(groups);
		return 0;
	}
	if (argc != 2)
		usage(USAGE);
	signal(SIGPIPE, SIG_IGN);
	place.file = make_file(place.dir, FILE_BYTES);
	if (!run_cases(groups, argv[1], false))
		usage(USAGE);
	return 0;
}
