// SPDX-License-Identifier: GPL-2.0
/*
 * A reference count of each CPU that is never given up.
 *
 * Trigger: load, then unload.
 */

#include <linux/module.h>
#include <linux/percpu-refcount.h>

static struct percpu_ref faulty_ref;

static void faulty_release(struct percpu_ref *ref) /* FAULT */
{
}

static int __init faulty_init(void)
{
	return percpu_ref_init(&faulty_ref, faulty_release, 0,
			       GFP_KERNEL);
}
module_init(faulty_init);

static void __exit faulty_exit(void)
{
}
module_exit(faulty_exit);

MODULE_DESCRIPTION("Faulty: percpu_ref never given up");
MODULE_LICENSE("GPL");
