// SPDX-License-Identifier: GPL-2.0
/*
 * A kobject below /sys/firmware that is never put.
 *
 * Trigger: load, then unload. Nothing of it points into the module.
 */

#include <linux/kobject.h>
#include <linux/module.h>

static int __init faulty_init(void)
{
	struct kobject *kobj;

	kobj = kobject_create_and_add("faulty_fw", firmware_kobj); /* FAULT */
	return kobj ? 0 : -ENOMEM;
}
module_init(faulty_init);

static void __exit faulty_exit(void)
{
}
module_exit(faulty_exit);

MODULE_DESCRIPTION("Faulty: kobject below /sys/firmware never put");
MODULE_LICENSE("GPL");
