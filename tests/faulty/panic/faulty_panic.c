// SPDX-License-Identifier: GPL-2.0
/*
 * A panic.
 */

#include <linux/kernel.h>
#include <linux/module.h>

static noinline void faulty_panic(void)
{
	panic("faulty_panic was asked to"); /* FAULT */
}

static int trigger_set(const char *val, const struct kernel_param *kp)
{
	faulty_panic();

	return 0;
}

static const struct kernel_param_ops trigger_ops = {
	.set = trigger_set,
};

module_param_cb(trigger, &trigger_ops, NULL, 0200);
MODULE_PARM_DESC(trigger, "Write anything to run into the fault");

MODULE_DESCRIPTION("Faulty: panic");
MODULE_LICENSE("GPL");
