/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
#define _GNU_SOURCE
#include "filesystem.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/vfs.h>

#include "setup.h"
#include "witness.h"

/* f_op of their files has copy_file_range or remap_file_range, or it has neither (Linux 6.1 to 6.18). */
static const struct {
	unsigned long magic;
	bool offloads;
} filesystems[] = {
	{ EXT4_SUPER_MAGIC, false },	 { TMPFS_MAGIC, false },    { F2FS_SUPER_MAGIC, false },
	{ MSDOS_SUPER_MAGIC, false },	 { XFS_SUPER_MAGIC, true }, { BTRFS_SUPER_MAGIC, true },
	{ OVERLAYFS_SUPER_MAGIC, true }, { NFS_SUPER_MAGIC, true }, { FUSE_SUPER_MAGIC, true },
};

static bool offloads(int fd)
{
	struct statfs fs;

	must(fstatfs(fd, &fs), "fstatfs");
	for (size_t i = 0; i < sizeof(filesystems) / sizeof(*filesystems); i++)
		if (filesystems[i].magic == (unsigned long)fs.f_type)
			return filesystems[i].offloads;
	errno = EMEDIUMTYPE;
	die("filesystem %lx: how does it copy a range?", (unsigned long)fs.f_type);
}

long copied_by_range(long ret, int out)
{
	return ret <= 0 || offloads(out) ? ret : witness_copied(ret, COPY_FILE_RANGE_IN_KERNEL);
}
