/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
#define _GNU_SOURCE
#include "network.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/filter.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "setup.h"
#include "witness.h"

#define DEVICE "spillway0"
#define PORT 7

static int device;

static struct ifreq request(const char *name)
{
	struct ifreq ifr = { 0 };

	strcpy(ifr.ifr_name, name);
	return ifr;
}

static struct sockaddr_in address(const char *text)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(PORT) };

	must(inet_pton(AF_INET, text, &a.sin_addr), "inet_pton");
	return a;
}

/* Without ARP: nobody would answer. */
static void bring_up(int control, const char *name)
{
	struct ifreq ifr = request(name);

	ifr.ifr_flags = IFF_UP | IFF_NOARP;
	must(ioctl(control, SIOCSIFFLAGS, &ifr), "ioctl SIOCSIFFLAGS");
}

static void number_device(int control)
{
	struct ifreq ifr = request(DEVICE);
	struct sockaddr_in local = address(DEVICE_ADDRESS), mask = address("255.255.255.0");

	memcpy(&ifr.ifr_addr, &local, sizeof(local));
	must(ioctl(control, SIOCSIFADDR, &ifr), "ioctl SIOCSIFADDR");
	memcpy(&ifr.ifr_netmask, &mask, sizeof(mask));
	must(ioctl(control, SIOCSIFNETMASK, &ifr), "ioctl SIOCSIFNETMASK");
}

static void set_scatter_gather(int control, bool on)
{
	struct ethtool_value value = { ETHTOOL_SSG, on };
	struct ifreq ifr = request(DEVICE);

	ifr.ifr_data = (void *)&value;
	must(ioctl(control, SIOCETHTOOL, &ifr), "ioctl ETHTOOL_SSG");
}

void enter_own_network(bool scatter_gather)
{
	struct ifreq tap = request(DEVICE);
	int control;

	must(unshare(CLONE_NEWNET), "unshare CLONE_NEWNET");
	device = must(open("/dev/net/tun", O_RDWR), "open /dev/net/tun");
	tap.ifr_flags = IFF_TAP | IFF_NO_PI;
	must(ioctl(device, TUNSETIFF, &tap), "ioctl TUNSETIFF");
	/* UDP hands on pages only where the device sums them up too */
	must(ioctl(device, TUNSETOFFLOAD, TUN_F_CSUM), "ioctl TUNSETOFFLOAD");
	control = must(socket(AF_INET, SOCK_DGRAM, 0), "socket");
	set_scatter_gather(control, scatter_gather);
	number_device(control);
	bring_up(control, "lo");
	bring_up(control, DEVICE);
	must(close(control), "close");
}

void drop_packets(void)
{
	struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog filter = { 1, &nothing };

	must(ioctl(device, TUNATTACHFILTER, &filter), "ioctl TUNATTACHFILTER");
}

static struct pair connected(int fd)
{
	struct sockaddr_in beyond = address(BEYOND_ADDRESS);

	must(connect(fd, (struct sockaddr *)&beyond, sizeof(beyond)), "connect through the device");
	witness_socket(fd);
	return (struct pair){ .tx = fd, .rx = -1 };
}

struct pair udp_beyond(void)
{
	return connected(must(socket(AF_INET, SOCK_DGRAM, 0), "socket"));
}

static void repair(int fd, int how)
{
	must(setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &how, sizeof(how)), "setsockopt TCP_REPAIR");
}

static void sign(int fd)
{
	struct tcp_md5sig key = { .tcpm_keylen = 1, .tcpm_key = "k" };
	struct sockaddr_in beyond = address(BEYOND_ADDRESS);

	memcpy(&key.tcpm_addr, &beyond, sizeof(beyond));
	must(setsockopt(fd, IPPROTO_TCP, TCP_MD5SIG, &key, sizeof(key)), "setsockopt TCP_MD5SIG");
}

struct pair tcp_beyond(bool signs)
{
	struct sockaddr_in local = address(DEVICE_ADDRESS);
	int fd = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
	struct pair pair;

	if (signs)
		sign(fd);
	repair(fd, 1);
	must(bind(fd, (struct sockaddr *)&local, sizeof(local)), "bind");
	pair = connected(fd);
	/* without a probe of the window, which nobody would answer */
	repair(fd, -1);
	return pair;
}
