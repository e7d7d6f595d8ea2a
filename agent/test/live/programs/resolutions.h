/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* What a program does after a refusal, and how the refusal thereby ends. */
#ifndef RESOLUTIONS_H
#define RESOLUTIONS_H

#include "cases.h"
#include "witness.h"

#define PAGE 4096

extern const struct named_case copy_cases[], cascade_cases[], end_cases[], ring_cases[];

/* One refusal of this mechanism ends so: when the calls after it are watched, and when they are not. */
void ends(enum mechanism mechanism, enum resolution watched, enum resolution unwatched);

/* Pairs of files that are refused, both fit to be read and written instead. */
struct refused_pair {
	int source;
	int sink;
};
/* sendfile: a source that cannot splice, to a tcp socket. */
struct refused_pair status_to_socket(void);
/* sendfile: a file, to one opened for appending. */
struct refused_pair file_to_log(void);
/* sendfile: a tcp socket with PAGE bytes to read, to another. */
struct refused_pair socket_to_socket(void);
/* copy_file_range: a file to a tcp socket, which sendfile can do. */
struct refused_pair file_to_socket(void);

void refuse_sendfile(struct refused_pair pair);
void refuse_copy_file_range(struct refused_pair pair);

/* Memory that was never touched: what is written from it may have come by a mapping. */
const char *new_page(void);

void sleep_milliseconds(long milliseconds);

#endif
