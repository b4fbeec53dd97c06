/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * Interface of /dev/edu0 and its like.
 *
 * The first EDU_BUF_SIZE bytes of the file are the device's buffer, which read
 * and write move with its DMA engine.
 */
#ifndef _UAPI_EDU_H
#define _UAPI_EDU_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* One less than the device has, the last of which old QEMUs refuse. */
#define EDU_BUF_SIZE		4095
/* The factorial of more does not fit into the 32 bits of the device. */
#define EDU_FACTORIAL_MAX	12

/* Replaces the argument with what the device makes of it: its complement. */
#define EDU_IOC_LIVENESS	_IOWR('E', 1, __u32)
/* Replaces the argument with its factorial; ERANGE above the maximum. */
#define EDU_IOC_FACTORIAL	_IOWR('E', 2, __u32)

#endif /* _UAPI_EDU_H */
