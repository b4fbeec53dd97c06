// SPDX-License-Identifier: GPL-2.0
/*
 * A match of xtables that is never unregistered.
 *
 * Trigger: load, then unload. Who looks for a match by name follows it.
 */

#include <linux/module.h>
#include <linux/netfilter/x_tables.h>

static bool faulty_match(const struct sk_buff *skb, struct xt_action_param *par)
{
	return false;
}

static struct xt_match faulty_mt = { /* FAULT */
	.name = "faulty",
	.family = NFPROTO_IPV4,
	.match = faulty_match,
	.me = THIS_MODULE,
};

static int __init faulty_init(void)
{
	return xt_register_match(&faulty_mt);
}
module_init(faulty_init);

static void __exit faulty_exit(void)
{
}
module_exit(faulty_exit);

MODULE_DESCRIPTION("Faulty: xtables match never unregistered");
MODULE_LICENSE("GPL");
