/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Random steps on a few descriptors that all threads of a process share. */
#ifndef CHAOS_H
#define CHAOS_H

#include "ring.h"

/* The shared numbers: far above those that open() gives out, so that nothing of our own is ever hit. */
#define FIRST_NUMBER 700
#define NUMBERS 10

struct chaos {
	unsigned int seed;
	/* of this thread alone */
	struct ring ring;
};

/* A number below `n`. */
unsigned int pick(struct chaos *chaos, unsigned int n);
/* One of the shared numbers, open or not; now and then one that never is. */
int any_number(struct chaos *chaos);

/* Let a shared number mean a new file of a random kind. None ever makes a call wait. */
void renew(struct chaos *chaos, int number);

/* One zero-copy call, or one request of the thread's ring. */
void attempt_something(struct chaos *chaos);
/* One step that is no attempt: reads, writes, closes, sleeps, ... */
void do_something_else(struct chaos *chaos);

#endif
