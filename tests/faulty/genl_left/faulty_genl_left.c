// SPDX-License-Identifier: GPL-2.0
/*
 * A generic netlink family that is never unregistered.
 *
 * Trigger: load, then unload. The family's struct is gone with the module: the
 * next walk over all families reads freed memory.
 */

#include <linux/module.h>
#include <net/genetlink.h>

static int faulty_doit(struct sk_buff *skb, struct genl_info *info)
{
	return 0;
}

static const struct genl_small_ops faulty_ops[] = {
	{
		.cmd = 1,
		.doit = faulty_doit,
	},
};

static struct genl_family faulty_family = {
	.name = "faulty_left",
	.version = 1,
	.module = THIS_MODULE,
	.small_ops = faulty_ops,
	.n_small_ops = ARRAY_SIZE(faulty_ops),
};

static int __init faulty_init(void)
{
	return genl_register_family(&faulty_family); /* FAULT */
}
module_init(faulty_init);

static void __exit faulty_exit(void)
{
}
module_exit(faulty_exit);

MODULE_DESCRIPTION("Faulty: genl family never unregistered");
MODULE_LICENSE("GPL");
