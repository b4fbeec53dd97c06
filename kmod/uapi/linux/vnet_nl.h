/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * Generic netlink interface of vnet_nl.
 *
 * spec/vnet_nl.yaml describes the same protocol; a test holds the two
 * together, so change both.
 */

#ifndef _UAPI_LINUX_VNET_NL_H
#define _UAPI_LINUX_VNET_NL_H

#define VNET_NL_FAMILY_NAME	"vnet_nl"
#define VNET_NL_FAMILY_VERSION	1

/* Longest value of VNET_NL_A_STRING, without the NUL that ends it. */
#define VNET_NL_STRING_MAX	255

/**
 * enum vnet_nl_attr - attributes of an echo and of its notification
 * @VNET_NL_A_STRING: NUL-terminated string, at most %VNET_NL_STRING_MAX bytes
 * @VNET_NL_A_U32: any 32-bit number, in host byte order
 * @VNET_NL_A_FLAG: u8, 0 or 1
 * @__VNET_NL_A_MAX: for internal use
 * @VNET_NL_A_MAX: the highest attribute
 */
enum vnet_nl_attr {
	VNET_NL_A_STRING = 1,
	VNET_NL_A_U32,
	VNET_NL_A_FLAG,

	__VNET_NL_A_MAX,
	VNET_NL_A_MAX = (__VNET_NL_A_MAX - 1)
};

/**
 * enum vnet_nl_dev_attr - attributes of the device notifications
 * @VNET_NL_A_DEV_IFINDEX: u32, index of the device in its network namespace
 * @VNET_NL_A_DEV_NAME: NUL-terminated name of the device
 * @__VNET_NL_A_DEV_MAX: for internal use
 * @VNET_NL_A_DEV_MAX: the highest attribute
 */
enum vnet_nl_dev_attr {
	VNET_NL_A_DEV_IFINDEX = 1,
	VNET_NL_A_DEV_NAME,

	__VNET_NL_A_DEV_MAX,
	VNET_NL_A_DEV_MAX = (__VNET_NL_A_DEV_MAX - 1)
};

/**
 * enum vnet_nl_cmd - commands and notifications
 * @VNET_NL_CMD_ECHO: answer the sender with the attributes that it sent
 * @VNET_NL_CMD_ECHO_NTF: an echo was answered, carries the same attributes
 * @VNET_NL_CMD_DEV_UP_NTF: a vnet device went up
 * @VNET_NL_CMD_DEV_DOWN_NTF: a vnet device went down
 * @__VNET_NL_CMD_MAX: for internal use
 * @VNET_NL_CMD_MAX: the highest command
 */
enum vnet_nl_cmd {
	VNET_NL_CMD_ECHO = 1,
	VNET_NL_CMD_ECHO_NTF,
	VNET_NL_CMD_DEV_UP_NTF,
	VNET_NL_CMD_DEV_DOWN_NTF,

	__VNET_NL_CMD_MAX,
	VNET_NL_CMD_MAX = (__VNET_NL_CMD_MAX - 1)
};

#define VNET_NL_MCGRP_EVENTS	"events"

#endif /* _UAPI_LINUX_VNET_NL_H */
