// SPDX-License-Identifier: GPL-2.0
/*
 * A task that waits for a mutex it holds: a hung task.
 */

#include <linux/compiler.h>
#include <linux/module.h>
#include <linux/mutex.h>

static DEFINE_MUTEX(faulty_mutex);

static noinline void faulty_deadlock(void)
{
	mutex_lock(&faulty_mutex);
	mutex_lock(&faulty_mutex); /* FAULT */
	/* No tail call: this function has to be on the stack. */
	barrier();
}

static int trigger_set(const char *val, const struct kernel_param *kp)
{
	faulty_deadlock();

	return 0;
}

static const struct kernel_param_ops trigger_ops = {
	.set = trigger_set,
};

module_param_cb(trigger, &trigger_ops, NULL, 0200);
MODULE_PARM_DESC(trigger, "Write anything to run into the fault");

MODULE_DESCRIPTION("Faulty: deadlock of one task");
MODULE_LICENSE("GPL");
