/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Files that refuse to be written: immutable, on a full disk, in use as swap, beyond the limit. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <unistd.h>

#include "sequence.h"
#include "setup.h"

static int not_here(const char *what)
{
	fprintf(stderr, "sequence: %s: not possible here (%s), left out\n", what, strerror(errno));
	return -1;
}

static int set_flags(int fd, int add, int remove)
{
	int flags;

	if (ioctl(fd, FS_IOC_GETFLAGS, &flags))
		return -1;
	flags = (flags | add) & ~remove;
	return ioctl(fd, FS_IOC_SETFLAGS, &flags);
}

/* Opened for writing first: afterwards the open itself would be refused. */
int immutable_file(const struct place *place)
{
	int fd = make_file(place->dir, PAGE);

	if (!set_flags(fd, FS_IMMUTABLE_FL, 0))
		return fd;
	not_here("immutable file");
	shut(fd);
	return -1;
}

void make_mutable(int fd)
{
	must(set_flags(fd, 0, FS_IMMUTABLE_FL), "ioctl FS_IOC_SETFLAGS");
}

static void fill_disk(int fd)
{
	static const char block[PAGE];
	ssize_t n;

	while ((n = write(fd, block, sizeof(block))) > 0)
		;
	if (errno != ENOSPC)
		die("fill the tmpfs");
}

int file_on_full_tmpfs(const struct place *place)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/spillway-tmpfs-XXXXXX", place->dir);
	if (!mkdtemp(path))
		die("mkdtemp in %s", place->dir);
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("spillway", path, "tmpfs", 0, "size=64k")) {
		rmdir(path);
		return not_here("tmpfs of 64 KiB");
	}
	fd = make_file(path, 0);
	fill_disk(fd);
	must(umount2(path, MNT_DETACH), "umount the tmpfs");
	must(rmdir(path), "rmdir the mount point");
	return fd;
}

/* The header that mkswap(8) writes: version 1 at 1024, the last page, the signature at the page's end. */
static void write_swap_header(int fd, unsigned int pages)
{
	unsigned int info[3] = { 1, pages - 1, 0 };

	must(pwrite(fd, info, sizeof(info), 1024), "write the swap header");
	must(pwrite(fd, "SWAPSPACE2", 10, PAGE - 10), "write the swap signature");
	must(fsync(fd), "fsync the swap file");
}

int active_swap_file(const struct place *place, char *path, size_t path_size)
{
	int fd;

	snprintf(path, path_size, "%s/spillway-swap-XXXXXX", place->dir);
	fd = mkstemp(path);
	if (fd < 0)
		die("create a file in %s", place->dir);
	must(fchmod(fd, 0600), "fchmod the swap file");
	for (int i = 0; i < FILE_BYTES / PAGE; i++)
		must(pwrite(fd, (char[PAGE]){ 0 }, PAGE, (off_t)i * PAGE), "write the swap file");
	write_swap_header(fd, FILE_BYTES / PAGE);
	if (!swapon(path, 0))
		return fd;
	not_here("swap file");
	unlink(path);
	shut(fd);
	return -1;
}

void remove_swap_file(int fd, const char *path)
{
	must(swapoff(path), "swapoff");
	must(unlink(path), "unlink the swap file");
	shut(fd);
}

void limit_file_size(size_t bytes)
{
	must(setrlimit(RLIMIT_FSIZE, &(struct rlimit){ bytes, RLIM_INFINITY }), "setrlimit RLIMIT_FSIZE");
}

void unlimit_file_size(void)
{
	must(setrlimit(RLIMIT_FSIZE, &(struct rlimit){ RLIM_INFINITY, RLIM_INFINITY }), "setrlimit RLIMIT_FSIZE");
}
