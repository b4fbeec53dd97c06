// SPDX-License-Identifier: GPL-2.0
/*
 * Sleeping under a spinlock.
 *
 * The _bh form makes it visible on kernels without a preemption count, too.
 */

#include <linux/delay.h>
#include <linux/module.h>
#include <linux/spinlock.h>

static DEFINE_SPINLOCK(faulty_lock);

static noinline void faulty_sched_atomic(void)
{
	spin_lock_bh(&faulty_lock);
	msleep(20); /* FAULT */
	spin_unlock_bh(&faulty_lock);
}

static int trigger_set(const char *val, const struct kernel_param *kp)
{
	faulty_sched_atomic();

	return 0;
}

static const struct kernel_param_ops trigger_ops = {
	.set = trigger_set,
};

module_param_cb(trigger, &trigger_ops, NULL, 0200);
MODULE_PARM_DESC(trigger, "Write anything to run into the fault");

MODULE_DESCRIPTION("Faulty: sleeping under a spinlock");
MODULE_LICENSE("GPL");
