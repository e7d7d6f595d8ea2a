/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Programs that consist of named cases, each run in a process and with a witness of its own. */
#ifndef CASES_H
#define CASES_H

#include <stdbool.h>

/* What a case may say instead of its attempts, before the first: the kernel does not have what it is about. */
_Noreturn void impossible(const char *why);

struct named_case {
	const char *name;
	/* the process ends right after it, without another call */
	void (*run)(void);
};

/*
 * Run the cases of this name, or all (`all`), one after the other or all at once, and print a line for each: its
 * witness with "case", "casePid" and "caseComm", a comm that no other case has, and, of a case that is impossible on
 * this kernel, "impossible", the reason. False where there is none of that name.
 * Groups end with a null, cases with a nameless one.
 */
bool run_cases(const struct named_case *const *groups, const char *name, bool at_once);
/* Print the names, one a line. */
void list_cases(const struct named_case *const *groups);

#endif
