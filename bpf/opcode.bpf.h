/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Which requests of a ring are attempts. */
#ifndef SPILLWAY_OPCODE_BPF_H
#define SPILLWAY_OPCODE_BPF_H

#include "spillway.h"

/* include/uapi/linux/io_uring.h */
#define IORING_OP_SPLICE 30
#define IORING_OP_TEE 33
#define IORING_OP_SEND_ZC 47
#define IORING_OP_SENDMSG_ZC 48
#define IORING_OP_RECV_ZC 58

/* The mechanism of a zero-copy opcode; MECHANISM_COUNT for the others. */
static __always_inline enum mechanism mechanism_of(__u8 opcode)
{
	switch (opcode) {
	case IORING_OP_SPLICE:
		return MECHANISM_IO_URING_SPLICE;
	case IORING_OP_TEE:
		return MECHANISM_IO_URING_TEE;
	case IORING_OP_SEND_ZC:
		return MECHANISM_IO_URING_SEND_ZC;
	case IORING_OP_SENDMSG_ZC:
		return MECHANISM_IO_URING_SENDMSG_ZC;
	case IORING_OP_RECV_ZC:
		return MECHANISM_IO_URING_RECV_ZC;
	default:
		return MECHANISM_COUNT;
	}
}

#endif
