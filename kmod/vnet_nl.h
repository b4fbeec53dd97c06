/* SPDX-License-Identifier: GPL-2.0-only */
/* vnet_nl: what its source files share. */

#ifndef _VNET_NL_H
#define _VNET_NL_H

#include <linux/types.h>

struct net_device;

/* netlink.c */
int vnet_netlink_init(void);
void vnet_netlink_exit(void);
void vnet_netlink_dev_event(const struct net_device *dev, u8 cmd);

/* netdev.c */
int vnet_netdev_init(unsigned int numdevs);
void vnet_netdev_exit(void);

#endif /* _VNET_NL_H */
