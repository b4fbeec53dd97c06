// SPDX-License-Identifier: GPL-2.0
/*
 * A generic netlink command that dereferences a NULL pointer.
 *
 * Trigger: command 1 of family "faulty_doit".
 */

#include <linux/module.h>
#include <net/genetlink.h>

static noinline int faulty_null_doit(struct sk_buff *skb,
				     struct genl_info *info)
{
	int *p = NULL;

	OPTIMIZER_HIDE_VAR(p);
	return READ_ONCE(*p); /* FAULT */
}

static const struct genl_small_ops faulty_ops[] = {
	{
		.cmd = 1,
		.doit = faulty_null_doit,
	},
};

static struct genl_family faulty_family = {
	.name = "faulty_doit",
	.version = 1,
	.module = THIS_MODULE,
	.small_ops = faulty_ops,
	.n_small_ops = ARRAY_SIZE(faulty_ops),
};

static int __init faulty_init(void)
{
	return genl_register_family(&faulty_family);
}
module_init(faulty_init);

static void __exit faulty_exit(void)
{
	genl_unregister_family(&faulty_family);
}
module_exit(faulty_exit);

MODULE_DESCRIPTION("Faulty: NULL dereference in a genl doit");
MODULE_LICENSE("GPL");
