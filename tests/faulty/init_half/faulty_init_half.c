// SPDX-License-Identifier: GPL-2.0
/*
 * An init function that fails half-way and leaves what it has set up.
 *
 * Trigger: load; insmod fails with ENODEV.
 */

#include <linux/kobject.h>
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/slab.h>

static int __init faulty_init(void)
{
	if (!proc_mkdir("faulty_half", NULL))
		return -ENOMEM;

	if (!kobject_create_and_add("faulty_half", kernel_kobj)) /* FAULT */
		return -ENOMEM;

	if (!kmem_cache_create("faulty_half", 128, 0, SLAB_POISON, NULL))
		return -ENOMEM;

	return -ENODEV;
}
module_init(faulty_init);

static void __exit faulty_exit(void)
{
}
module_exit(faulty_exit);

MODULE_DESCRIPTION("Faulty: init that fails half-way");
MODULE_LICENSE("GPL");
