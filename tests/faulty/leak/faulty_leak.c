// SPDX-License-Identifier: GPL-2.0
/*
 * An object leaked by each call.
 *
 * The kernel says nothing: the unload contract must.
 */

#include <linux/compiler.h>
#include <linux/module.h>
#include <linux/slab.h>

static noinline void faulty_leak(void)
{
	void *obj;

	obj = kmalloc(192, GFP_KERNEL); /* FAULT */
	/* Makes the compiler believe that the object is of use. */
	OPTIMIZER_HIDE_VAR(obj);
	/* No tail call: this function has to be on the stack. */
	barrier();
}

static int trigger_set(const char *val, const struct kernel_param *kp)
{
	faulty_leak();

	return 0;
}

static const struct kernel_param_ops trigger_ops = {
	.set = trigger_set,
};

module_param_cb(trigger, &trigger_ops, NULL, 0200);
MODULE_PARM_DESC(trigger, "Write anything to run into the fault");

MODULE_DESCRIPTION("Faulty: leak in each call");
MODULE_LICENSE("GPL");
