// SPDX-License-Identifier: GPL-2.0-only
/*
 * vnet_nl: a virtual network device that receives what it transmits, and a
 * generic netlink family that echoes attributes and publishes events.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/errno.h>
#include <linux/init.h>
#include <linux/module.h>
#include <linux/printk.h>
#include <net/genetlink.h>
#include <net/rtnetlink.h>

#include "uapi/linux/vnet_nl.h"
#include "vnet_nl.h"

/* More can be had from "ip link add"; this only keeps a typo from taking
 * the machine down.
 */
#define VNET_NUMDEVS_MAX	64

static unsigned int numdevs = 1;
module_param(numdevs, uint, 0444);
MODULE_PARM_DESC(numdevs, "devices to create at load, 0 to 64 (default 1)");

/**
 * vnet_nl_init() - load the module
 *
 * The family comes first: a device may go up as soon as it is registered, and
 * its event must then find the multicast group.
 *
 * Return: 0, or a negative errno with nothing left behind.
 */
static int __init vnet_nl_init(void)
{
	int err;

	if (numdevs > VNET_NUMDEVS_MAX) {
		pr_err("numdevs=%u is out of range, want 0 to %u\n",
		       numdevs, VNET_NUMDEVS_MAX);
		return -EINVAL;
	}

	err = vnet_netlink_init();
	if (err) {
		pr_err("cannot register the netlink family: %d\n", err);
		return err;
	}

	err = vnet_netdev_init(numdevs);
	if (err) {
		pr_err("cannot create the network devices: %d\n", err);
		goto err_netlink_exit;
	}

	return 0;

err_netlink_exit:
	vnet_netlink_exit();
	return err;
}

/**
 * vnet_nl_exit() - unload the module
 *
 * The family goes last, so subscribers still hear that the devices go down.
 */
static void __exit vnet_nl_exit(void)
{
	vnet_netdev_exit();
	vnet_netlink_exit();
}

module_init(vnet_nl_init);
module_exit(vnet_nl_exit);

MODULE_AUTHOR("The kmodtest authors");
MODULE_DESCRIPTION("Virtual loopback network device with netlink echo");
MODULE_LICENSE("GPL");
MODULE_ALIAS_RTNL_LINK("vnet");
MODULE_ALIAS_GENL_FAMILY(VNET_NL_FAMILY_NAME);
