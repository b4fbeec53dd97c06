// SPDX-License-Identifier: GPL-2.0-only
/* A reference is kept, and the device waits for it. Found as: crash */

#include <linux/etherdevice.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/slab.h>

static const struct net_device_ops ops;
static struct net_device *dev;
static void *buf;

static void unwind_ref_setup(struct net_device *dev)
{
	ether_setup(dev);
	dev->netdev_ops = &ops;
}

static int __init unwind_ref_init(void)
{
	int err;

	dev = alloc_netdev(0, "ref%d", NET_NAME_ENUM, unwind_ref_setup);
	if (!dev)
		return -ENOMEM;

	err = register_netdev(dev);
	if (err)
		goto err_free;

	dev_hold(dev);
	buf = kzalloc(64, GFP_KERNEL); /* FAILS */
	if (!buf) {
		err = -ENOMEM;
		goto err_unregister;
	}
	dev_put(dev);

	return 0;

err_unregister:
	unregister_netdev(dev);
err_free:
	free_netdev(dev);
	return err;
}

static void __exit unwind_ref_exit(void)
{
	kfree(buf);
	unregister_netdev(dev);
	free_netdev(dev);
}

module_init(unwind_ref_init);
module_exit(unwind_ref_exit);

MODULE_DESCRIPTION("reference kept");
MODULE_LICENSE("GPL");
