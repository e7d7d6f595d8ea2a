/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
#define _GNU_SOURCE
#include "exactly.h"

#include <errno.h>

#include "setup.h"

void exactly(const char *step, long ret, long expected)
{
	if (ret == expected)
		return;
	errno = ret < 0 ? -ret : 0;
	die("%s: expected %ld, got %ld", step, expected, ret);
}
