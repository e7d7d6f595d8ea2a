/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
#ifndef SPILLWAY_CULPRIT_BPF_H
#define SPILLWAY_CULPRIT_BPF_H

#include "spillway.h"

/* Writes down what the file at this address is; 0 is no file. */
int describe_culprit(struct culprit *culprit, __u64 file);

#endif
