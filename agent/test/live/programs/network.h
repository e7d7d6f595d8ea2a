/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* A network of this process's own, with one device whose scatter-gather can be taken away (that of lo cannot). */
#ifndef NETWORK_H
#define NETWORK_H

#include <stdbool.h>

#include "sockets.h"

/* The device's own address and one that is reached through it; nobody answers there. */
#define DEVICE_ADDRESS "10.77.0.1"
#define BEYOND_ADDRESS "10.77.0.2"

/* Move to a network namespace in which lo and the device are up. Every socket of before stays where it was. */
void enter_own_network(bool scatter_gather);
/* From now on the device drops every packet before it looks at it. */
void drop_packets(void);

/* Connected through the device; rx is -1. */
struct pair udp_beyond(void);
/*
 * Established without a peer, by TCP_REPAIR: what is sent stays in its buffer. Signed (TCP-MD5) it does without
 * segmentation offload, for which the kernel otherwise claims scatter-gather for every TCP socket, whatever the device.
 */
struct pair tcp_beyond(bool signs);

#endif
