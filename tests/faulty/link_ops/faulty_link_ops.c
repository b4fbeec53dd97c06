// SPDX-License-Identifier: GPL-2.0
/*
 * A kind of network device that is never unregistered.
 *
 * Trigger: load, then unload. Who looks for one by name follows it.
 */

#include <linux/module.h>
#include <net/rtnetlink.h>

static void faulty_setup(struct net_device *dev)
{
}

static struct rtnl_link_ops faulty_ops = { /* FAULT */
	.kind = "faulty",
	.setup = faulty_setup,
};

static int __init faulty_init(void)
{
	return rtnl_link_register(&faulty_ops);
}
module_init(faulty_init);

static void __exit faulty_exit(void)
{
}
module_exit(faulty_exit);

MODULE_DESCRIPTION("Faulty: rtnl link kind never unregistered");
MODULE_LICENSE("GPL");
