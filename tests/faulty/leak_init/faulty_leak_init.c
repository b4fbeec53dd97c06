// SPDX-License-Identifier: GPL-2.0
/*
 * An init function that leaks what it allocated before the step that fails.
 *
 * Trigger: load; insmod fails with ENODEV.
 */

#include <linux/compiler.h>
#include <linux/module.h>
#include <linux/slab.h>

static int __init faulty_init(void)
{
	void *obj;

	obj = kmalloc(192, GFP_KERNEL); /* FAULT */
	if (!obj)
		return -ENOMEM;

	OPTIMIZER_HIDE_VAR(obj);
	return -ENODEV;
}
module_init(faulty_init);

static void __exit faulty_exit(void)
{
}
module_exit(faulty_exit);

MODULE_DESCRIPTION("Faulty: leak in the error path of init");
MODULE_LICENSE("GPL");
