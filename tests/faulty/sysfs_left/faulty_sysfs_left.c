// SPDX-License-Identifier: GPL-2.0
/*
 * A sysfs directory that is left behind.
 *
 * Trigger: load, then unload.
 */

#include <linux/kobject.h>
#include <linux/module.h>

static struct kobject *faulty_kobj;

static int __init faulty_init(void)
{
	faulty_kobj = kobject_create_and_add("faulty_left", /* FAULT */
					     kernel_kobj);
	return faulty_kobj ? 0 : -ENOMEM;
}
module_init(faulty_init);

static void __exit faulty_exit(void)
{
}
module_exit(faulty_exit);

MODULE_DESCRIPTION("Faulty: sysfs directory left behind");
MODULE_LICENSE("GPL");
