// SPDX-License-Identifier: GPL-2.0
/*
 * A packet handler that is never removed.
 *
 * Trigger: load, then unload. The next packet calls it.
 */

#include <linux/module.h>
#include <linux/netdevice.h>

static int faulty_rcv(struct sk_buff *skb, struct net_device *dev,
		      struct packet_type *pt, struct net_device *orig)
{
	kfree_skb(skb);
	return NET_RX_SUCCESS;
}

static struct packet_type faulty_packet = { /* FAULT */
	.type = cpu_to_be16(0x88b5),
	.func = faulty_rcv,
};

static int __init faulty_init(void)
{
	dev_add_pack(&faulty_packet);
	return 0;
}
module_init(faulty_init);

static void __exit faulty_exit(void)
{
}
module_exit(faulty_exit);

MODULE_DESCRIPTION("Faulty: packet handler never removed");
MODULE_LICENSE("GPL");
