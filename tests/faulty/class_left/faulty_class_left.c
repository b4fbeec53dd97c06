// SPDX-License-Identifier: GPL-2.0
/*
 * A class of devices that is never unregistered.
 *
 * Trigger: load, then unload.
 */

#include <linux/device.h>
#include <linux/module.h>

static struct class faulty_class = { /* FAULT */
	.name = "faulty_class",
};

static int __init faulty_init(void)
{
	return class_register(&faulty_class);
}
module_init(faulty_init);

static void __exit faulty_exit(void)
{
}
module_exit(faulty_exit);

MODULE_DESCRIPTION("Faulty: device class never unregistered");
MODULE_LICENSE("GPL");
