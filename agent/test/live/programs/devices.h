/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
#ifndef DEVICES_H
#define DEVICES_H

#include <stddef.h>

struct terminal {
	int master;
	/* raw: bytes pass as they are */
	int slave;
	char path[64];
};
struct terminal make_terminal(void);

/* A block device backed by an open file, gone when it is closed; its path goes to `path`. */
int loop_device(int file, char *path, size_t size);

/* An AF_XDP socket bound to lo: it takes no message that would have to wait, and none at all by splice. */
int xdp_socket(void);

/* Mount an overlay over `dir`/overlay in a mount namespace of this process's own; a new file in it. */
int overlay_file(const char *dir, const char *name, size_t bytes);

#endif
