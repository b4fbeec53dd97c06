// SPDX-License-Identifier: GPL-2.0
/*
 * A reference to a network device that is never put.
 *
 * Trigger, then unload: rmmod does not return, and the kernel says every ten
 * seconds what it waits for.
 */

#include <linux/etherdevice.h>
#include <linux/module.h>
#include <linux/netdevice.h>

static struct net_device *faulty_dev;

static netdev_tx_t faulty_xmit(struct sk_buff *skb, struct net_device *dev)
{
	dev_kfree_skb(skb);
	return NETDEV_TX_OK;
}

static const struct net_device_ops faulty_netdev_ops = {
	.ndo_start_xmit = faulty_xmit,
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
	dev_hold(faulty_dev); /* FAULT */

	return 0;
}

static const struct kernel_param_ops trigger_ops = {
	.set = trigger_set,
};

module_param_cb(trigger, &trigger_ops, NULL, 0200);
MODULE_PARM_DESC(trigger, "Write anything to run into the fault");

MODULE_DESCRIPTION("Faulty: netdev reference never put");
MODULE_LICENSE("GPL");
