// SPDX-License-Identifier: GPL-2.0
/*
 * An IPv4 protocol that is never removed.
 *
 * Trigger: load, then unload. Its next packet calls it.
 */

#include <linux/module.h>
#include <net/protocol.h>

static int faulty_rcv(struct sk_buff *skb)
{
	kfree_skb(skb);
	return 0;
}

static const struct net_protocol faulty_protocol = { /* FAULT */
	.handler = faulty_rcv,
	.no_policy = 1,
};

static int __init faulty_init(void)
{
	return inet_add_protocol(&faulty_protocol, 253);
}
module_init(faulty_init);

static void __exit faulty_exit(void)
{
}
module_exit(faulty_exit);

MODULE_DESCRIPTION("Faulty: IPv4 protocol never removed");
MODULE_LICENSE("GPL");
