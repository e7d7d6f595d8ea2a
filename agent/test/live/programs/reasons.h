/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* One case per reason why an attempt copied, was refused or failed. */
#ifndef REASONS_H
#define REASONS_H

#include "cases.h"
#include "witness.h"

#define PAGE 4096
#define FILE_BYTES (16 * PAGE)

/* Where the cases work. */
struct place {
	const char *dir;
	/* FILE_BYTES bytes on the filesystem of `dir`, readable and writable: one for all cases, which read it by
	 * offset */
	int file;
};
extern struct place place;

extern const struct named_case source_cases[], sink_cases[], socket_cases[], zc_cases[], range_cases[], refusal_cases[],
	pipe_refusal_cases[], mistake_cases[], state_cases[];

/* The path of a file in the directory, until the next call. */
const char *path_in(const char *name);

#endif
