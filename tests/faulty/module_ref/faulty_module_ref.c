// SPDX-License-Identifier: GPL-2.0
/*
 * A reference to the module itself that is never put.
 *
 * Trigger, then unload: rmmod says busy.
 */

#include <linux/module.h>

static noinline void faulty_module_ref(void)
{
	__module_get(THIS_MODULE); /* FAULT */
}

static int trigger_set(const char *val, const struct kernel_param *kp)
{
	faulty_module_ref();

	return 0;
}

static const struct kernel_param_ops trigger_ops = {
	.set = trigger_set,
};

module_param_cb(trigger, &trigger_ops, NULL, 0200);
MODULE_PARM_DESC(trigger, "Write anything to run into the fault");

MODULE_DESCRIPTION("Faulty: module reference never put");
MODULE_LICENSE("GPL");
