// SPDX-License-Identifier: GPL-2.0-only
/* An ERR_PTR is taken for a pointer. Found as: wrong errno */

#include <linux/module.h>
#include <linux/platform_device.h>

static struct platform_device *dev;

static int __init unwind_errptr_init(void)
{
	dev = platform_device_register_simple("unwind", -1, NULL, 0); /* FAILS */
	return dev ? 0 : -ENOMEM;
}

static void __exit unwind_errptr_exit(void)
{
	platform_device_unregister(dev);
}

module_init(unwind_errptr_init);
module_exit(unwind_errptr_exit);

MODULE_DESCRIPTION("ERR_PTR taken for NULL");
MODULE_LICENSE("GPL");
