// SPDX-License-Identifier: GPL-2.0-only
/* A notifier is left when the next step fails. Found as: leak */

#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/slab.h>

static int unwind_notifier_event(struct notifier_block *nb, unsigned long event,
				 void *ptr)
{
	return NOTIFY_DONE;
}

static struct notifier_block unwind_notifier_nb = {
	.notifier_call = unwind_notifier_event,
};

static void *buf;

static int __init unwind_notifier_init(void)
{
	int err;

	err = register_netdevice_notifier(&unwind_notifier_nb);
	if (err)
		return err;

	buf = kzalloc(64, GFP_KERNEL); /* FAILS */
	return buf ? 0 : -ENOMEM;
}

static void __exit unwind_notifier_exit(void)
{
	kfree(buf);
	unregister_netdevice_notifier(&unwind_notifier_nb);
}

module_init(unwind_notifier_init);
module_exit(unwind_notifier_exit);

MODULE_DESCRIPTION("notifier left");
MODULE_LICENSE("GPL");
