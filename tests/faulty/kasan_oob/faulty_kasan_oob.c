// SPDX-License-Identifier: GPL-2.0
/*
 * A read past the end of an object, which only KASAN sees.
 */

#include <linux/compiler.h>
#include <linux/module.h>
#include <linux/slab.h>

static noinline void faulty_kasan_oob(void)
{
	char *obj;

	obj = kmalloc(100, GFP_KERNEL);
	if (!obj)
		return;

	OPTIMIZER_HIDE_VAR(obj);
	READ_ONCE(obj[100]); /* FAULT */
	kfree(obj);
}

static int trigger_set(const char *val, const struct kernel_param *kp)
{
	faulty_kasan_oob();

	return 0;
}

static const struct kernel_param_ops trigger_ops = {
	.set = trigger_set,
};

module_param_cb(trigger, &trigger_ops, NULL, 0200);
MODULE_PARM_DESC(trigger, "Write anything to run into the fault");

MODULE_DESCRIPTION("Faulty: read out of bounds under KASAN");
MODULE_LICENSE("GPL");
