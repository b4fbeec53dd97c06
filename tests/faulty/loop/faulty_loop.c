// SPDX-License-Identifier: GPL-2.0
/*
 * An endless loop with preemption off: soft lockup, RCU stall.
 */

#include <linux/compiler.h>
#include <linux/module.h>
#include <linux/preempt.h>

static bool faulty_stop;

static noinline void faulty_loop(void)
{
	preempt_disable();
	while (!READ_ONCE(faulty_stop)) /* FAULT */
		;
	preempt_enable();
}

static int trigger_set(const char *val, const struct kernel_param *kp)
{
	faulty_loop();

	return 0;
}

static const struct kernel_param_ops trigger_ops = {
	.set = trigger_set,
};

module_param_cb(trigger, &trigger_ops, NULL, 0200);
MODULE_PARM_DESC(trigger, "Write anything to run into the fault");

MODULE_DESCRIPTION("Faulty: endless loop without preemption");
MODULE_LICENSE("GPL");
