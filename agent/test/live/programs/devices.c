/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
#define _GNU_SOURCE
#include "devices.h"

#include <fcntl.h>
#include <linux/if_xdp.h>
#include <linux/loop.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "setup.h"
#include "witness.h"

struct terminal make_terminal(void)
{
	struct terminal t = { .master = must(posix_openpt(O_RDWR | O_NOCTTY), "posix_openpt") };
	struct termios raw;

	must(grantpt(t.master), "grantpt");
	must(unlockpt(t.master), "unlockpt");
	must(ptsname_r(t.master, t.path, sizeof(t.path)), "ptsname");
	t.slave = must(open(t.path, O_RDWR | O_NOCTTY), "open the terminal");
	must(tcgetattr(t.slave, &raw), "tcgetattr");
	cfmakeraw(&raw);
	must(tcsetattr(t.slave, TCSANOW, &raw), "tcsetattr");
	return t;
}

int loop_device(int file, char *path, size_t size)
{
	struct loop_config config = { .fd = file, .info.lo_flags = LO_FLAGS_AUTOCLEAR };
	int control = must(open("/dev/loop-control", O_RDWR), "open /dev/loop-control"), fd;

	snprintf(path, size, "/dev/loop%ld", must(ioctl(control, LOOP_CTL_GET_FREE), "ioctl LOOP_CTL_GET_FREE"));
	must(close(control), "close");
	fd = must(open(path, O_RDWR), "open the loop device");
	must(ioctl(fd, LOOP_CONFIGURE, &config), "ioctl LOOP_CONFIGURE");
	return fd;
}

#define FRAMES 4
#define FRAME_SIZE 4096

static void set_xdp(int fd, int name, const void *value, socklen_t size)
{
	must(setsockopt(fd, SOL_XDP, name, value, size), "setsockopt of the XDP socket");
}

int xdp_socket(void)
{
	int fd = must(socket(AF_XDP, SOCK_RAW, 0), "socket AF_XDP"), entries = FRAMES;
	void *memory = mmap(NULL, FRAMES * FRAME_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct xdp_umem_reg umem = { .addr = (unsigned long)memory,
				     .len = FRAMES * FRAME_SIZE,
				     .chunk_size = FRAME_SIZE };
	struct sockaddr_xdp lo = { .sxdp_family = AF_XDP,
				   .sxdp_ifindex = if_nametoindex("lo"),
				   .sxdp_flags = XDP_COPY };

	if (memory == MAP_FAILED)
		die("mmap the frames");
	set_xdp(fd, XDP_UMEM_REG, &umem, sizeof(umem));
	set_xdp(fd, XDP_UMEM_FILL_RING, &entries, sizeof(entries));
	set_xdp(fd, XDP_UMEM_COMPLETION_RING, &entries, sizeof(entries));
	set_xdp(fd, XDP_TX_RING, &entries, sizeof(entries));
	must(bind(fd, (struct sockaddr *)&lo, sizeof(lo)), "bind the XDP socket");
	witness_socket(fd);
	return fd;
}

static void make_directory(const char *dir, const char *name)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	must(mkdir(path, 0700), "mkdir");
}

int overlay_file(const char *dir, const char *name, size_t bytes)
{
	char target[512], options[2048], path[1024];
	int fd;

	must(unshare(CLONE_NEWNS), "unshare CLONE_NEWNS");
	must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "make mounts private");
	snprintf(target, sizeof(target), "%s/overlay", dir);
	must(mkdir(target, 0700), "mkdir");
	must(mount("spillway", target, "tmpfs", 0, NULL), "mount a tmpfs");
	make_directory(target, "lower");
	make_directory(target, "upper");
	make_directory(target, "work");
	snprintf(options, sizeof(options), "lowerdir=%s/lower,upperdir=%s/upper,workdir=%s/work", target, target,
		 target);
	must(mount("spillway", target, "overlay", 0, options), "mount the overlay");
	snprintf(path, sizeof(path), "%s/%s", target, name);
	fd = must(open(path, O_CREAT | O_RDWR, 0600), "create a file in the overlay");
	must(ftruncate(fd, bytes), "ftruncate");
	return fd;
}
