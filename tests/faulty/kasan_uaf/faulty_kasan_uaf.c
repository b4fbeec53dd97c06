// SPDX-License-Identifier: GPL-2.0
/*
 * A read of freed memory, which only KASAN sees.
 *
 * Nothing is done with what was read: without KASAN nobody is the wiser.
 */

#include <linux/compiler.h>
#include <linux/module.h>
#include <linux/slab.h>

static noinline void faulty_kasan_uaf(void)
{
	char *obj;

	obj = kmalloc(64, GFP_KERNEL);
	if (!obj)
		return;

	kfree(obj);
	OPTIMIZER_HIDE_VAR(obj);
	READ_ONCE(obj[8]); /* FAULT */
}

static int trigger_set(const char *val, const struct kernel_param *kp)
{
	faulty_kasan_uaf();

	return 0;
}

static const struct kernel_param_ops trigger_ops = {
	.set = trigger_set,
};

module_param_cb(trigger, &trigger_ops, NULL, 0200);
MODULE_PARM_DESC(trigger, "Write anything to run into the fault");

MODULE_DESCRIPTION("Faulty: read of freed memory under KASAN");
MODULE_LICENSE("GPL");
