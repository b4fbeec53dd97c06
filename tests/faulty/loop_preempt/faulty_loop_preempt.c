// SPDX-License-Identifier: GPL-2.0
/*
 * An endless loop that lets others run: no detector of the kernel sees it,
 * only the deadline of the test does.
 */

#include <linux/module.h>
#include <linux/sched.h>

static bool faulty_stop;

static noinline void faulty_loop_preempt(void)
{
	while (!READ_ONCE(faulty_stop))
		cond_resched(); /* FAULT */
}

static int trigger_set(const char *val, const struct kernel_param *kp)
{
	faulty_loop_preempt();

	return 0;
}

static const struct kernel_param_ops trigger_ops = {
	.set = trigger_set,
};

module_param_cb(trigger, &trigger_ops, NULL, 0200);
MODULE_PARM_DESC(trigger, "Write anything to run into the fault");

MODULE_DESCRIPTION("Faulty: endless loop with preemption");
MODULE_LICENSE("GPL");
