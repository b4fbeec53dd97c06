// SPDX-License-Identifier: GPL-2.0
/*
 * A transmit path that dereferences a NULL pointer.
 *
 * It runs with bottom halves off, so the kernel panics over the Oops. Packets
 * that other parts of the kernel send do no harm: only the trigger's own
 * protocol does.
 */

#include <linux/etherdevice.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <linux/skbuff.h>

static struct net_device *faulty_dev;

static netdev_tx_t faulty_null_xmit(struct sk_buff *skb,
				    struct net_device *dev)
{
	int *p = NULL;

	OPTIMIZER_HIDE_VAR(p);
	if (skb->protocol == htons(ETH_P_802_EX1))
		WRITE_ONCE(*p, skb->len); /* FAULT */

	dev_kfree_skb(skb);
	return NETDEV_TX_OK;
}

static const struct net_device_ops faulty_netdev_ops = {
	.ndo_start_xmit = faulty_null_xmit,
};

static void faulty_setup(struct net_device *dev)
{
	ether_setup(dev);
	dev->netdev_ops = &faulty_netdev_ops;
	dev->priv_flags |= IFF_NO_QUEUE;
	eth_hw_addr_random(dev);
}

static int __init faulty_init(void)
{
	int err;

	faulty_dev = alloc_netdev(0, "faulty%d", NET_NAME_ENUM, faulty_setup);
	if (!faulty_dev)
		return -ENOMEM;

	err = register_netdev(faulty_dev);
	if (err)
		free_netdev(faulty_dev);

	return err;
}
module_init(faulty_init);

static void __exit faulty_exit(void)
{
	unregister_netdev(faulty_dev);
	free_netdev(faulty_dev);
}
module_exit(faulty_exit);

static int trigger_set(const char *val, const struct kernel_param *kp)
{
	struct sk_buff *skb;
	int err;

	rtnl_lock();
	err = dev_open(faulty_dev, NULL);
	rtnl_unlock();
	if (err)
		return err;

	skb = alloc_skb(ETH_ZLEN, GFP_KERNEL);
	if (!skb)
		return -ENOMEM;
	skb_put_zero(skb, ETH_ZLEN);
	skb_reset_mac_header(skb);
	skb_reset_network_header(skb);
	skb->protocol = htons(ETH_P_802_EX1);
	skb->dev = faulty_dev;
	dev_queue_xmit(skb);

	return 0;
}

static const struct kernel_param_ops trigger_ops = {
	.set = trigger_set,
};

module_param_cb(trigger, &trigger_ops, NULL, 0200);
MODULE_PARM_DESC(trigger, "Write anything to run into the fault");

MODULE_DESCRIPTION("Faulty: NULL dereference in ndo_start_xmit");
MODULE_LICENSE("GPL");
