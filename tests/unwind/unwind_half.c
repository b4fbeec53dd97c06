// SPDX-License-Identifier: GPL-2.0-only
/* A device is freed that is registered. Found as: crash */

#include <linux/etherdevice.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/workqueue.h>

static const struct net_device_ops ops;
static struct workqueue_struct *wq;
static struct net_device *dev;

static void unwind_half_setup(struct net_device *dev)
{
	ether_setup(dev);
	dev->netdev_ops = &ops;
}

static int __init unwind_half_init(void)
{
	int err;

	dev = alloc_netdev(0, "half%d", NET_NAME_ENUM, unwind_half_setup);
	if (!dev)
		return -ENOMEM;

	err = register_netdev(dev);
	if (err)
		goto err_free;

	wq = alloc_workqueue("unwind_half", WQ_UNBOUND, 0); /* FAILS */
	if (!wq) {
		err = -ENOMEM;
		goto err_free;
	}

	return 0;

err_free:
	free_netdev(dev);
	return err;
}

static void __exit unwind_half_exit(void)
{
	destroy_workqueue(wq);
	unregister_netdev(dev);
	free_netdev(dev);
}

module_init(unwind_half_init);
module_exit(unwind_half_exit);

MODULE_DESCRIPTION("half-initialised device");
MODULE_LICENSE("GPL");
