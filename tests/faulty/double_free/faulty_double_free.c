// SPDX-License-Identifier: GPL-2.0
/*
 * An object that is freed twice.
 */

#include <linux/compiler.h>
#include <linux/module.h>
#include <linux/slab.h>

static noinline void faulty_double_free(void)
{
	char *obj;

	obj = kmalloc(64, GFP_KERNEL);
	if (!obj)
		return;

	kfree(obj);
	OPTIMIZER_HIDE_VAR(obj);
	kfree(obj); /* FAULT */
	/* No tail call: this function has to be on the stack. */
	barrier();
}

static int trigger_set(const char *val, const struct kernel_param *kp)
{
	faulty_double_free();

	return 0;
}

static const struct kernel_param_ops trigger_ops = {
	.set = trigger_set,
};

module_param_cb(trigger, &trigger_ops, NULL, 0200);
MODULE_PARM_DESC(trigger, "Write anything to run into the fault");

MODULE_DESCRIPTION("Faulty: double free");
MODULE_LICENSE("GPL");
