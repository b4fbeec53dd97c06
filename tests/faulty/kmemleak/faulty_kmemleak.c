// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that nobody points to any longer, which kmemleak finds by a scan.
 */

#include <linux/compiler.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>

static noinline void faulty_kmemleak(void)
{
	char *obj;

	obj = kmalloc(3000, GFP_KERNEL); /* FAULT */
	if (obj)
		memset(obj, 1, 3000);
}

static int trigger_set(const char *val, const struct kernel_param *kp)
{
	faulty_kmemleak();

	return 0;
}

static const struct kernel_param_ops trigger_ops = {
	.set = trigger_set,
};

module_param_cb(trigger, &trigger_ops, NULL, 0200);
MODULE_PARM_DESC(trigger, "Write anything to run into the fault");

MODULE_DESCRIPTION("Faulty: memory that nobody points to");
MODULE_LICENSE("GPL");
