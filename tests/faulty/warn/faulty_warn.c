// SPDX-License-Identifier: GPL-2.0
/*
 * A WARN_ON that fires.
 */

#include <linux/bug.h>
#include <linux/module.h>

static bool faulty_always = true;

static noinline void faulty_warn(void)
{
	WARN_ON(READ_ONCE(faulty_always)); /* FAULT */
}

static int trigger_set(const char *val, const struct kernel_param *kp)
{
	faulty_warn();

	return 0;
}

static const struct kernel_param_ops trigger_ops = {
	.set = trigger_set,
};

module_param_cb(trigger, &trigger_ops, NULL, 0200);
MODULE_PARM_DESC(trigger, "Write anything to run into the fault");

MODULE_DESCRIPTION("Faulty: WARN_ON");
MODULE_LICENSE("GPL");
