/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * comm NAME_IN_HEX [N]
 *
 * Take the name whose bytes are given (at most 15 count; no 00), then make N sendfiles (3) to /dev/null.
 * The witness has "commHex", the name as the kernel then tells it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "attempt.h"
#include "setup.h"
#include "witness.h"

#define USAGE "comm NAME_IN_HEX [N]"
#define NAME_SIZE 16

static void take_name(const char *hex)
{
	char name[256] = "";
	size_t length = strlen(hex) / 2;

	if (strlen(hex) % 2 || length >= sizeof(name) || strspn(hex, "0123456789abcdefABCDEF") != strlen(hex))
		usage(USAGE);
	for (size_t i = 0; i < length; i++)
		sscanf(hex + 2 * i, "%2hhx", (unsigned char *)&name[i]);
	must(prctl(PR_SET_NAME, name), "prctl PR_SET_NAME");
}

static void describe_name(char *text, size_t size)
{
	unsigned char name[NAME_SIZE] = { 0 };
	int n = snprintf(text, size, ",\"commHex\":\"");

	must(prctl(PR_GET_NAME, name), "prctl PR_GET_NAME");
	for (int i = 0; name[i]; i++)
		n += snprintf(text + n, size - n, "%02x", name[i]);
	snprintf(text + n, size - n, "\"");
}

int main(int argc, char **argv)
{
	int null, file;
	char extra[64];
	long n;

	if (argc != 2 && argc != 3)
		usage(USAGE);
	n = argc == 3 ? number(argv[2], 0, "N") : 3;
	witness_open();
	take_name(argv[1]);
	null = must(open("/dev/null", O_WRONLY), "open /dev/null");
	file = make_memfd(4096);
	for (long i = 0; i < n; i++) {
		off_t offset = 0;
		long ret = attempt_sendfile(null, file, &offset, 4096);

		errno = -ret;
		must(ret, "sendfile");
	}
	describe_name(extra, sizeof(extra));
	witness_print(0, extra);
	return 0;
}
