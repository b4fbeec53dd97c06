// SPDX-License-Identifier: GPL-2.0
/*
 * Two locks taken in one order here, in the other there.
 *
 * One task does both, one after the other: nothing hangs, and only lockdep
 * knows that two tasks would.
 */

#include <linux/module.h>
#include <linux/mutex.h>

static DEFINE_MUTEX(faulty_first);
static DEFINE_MUTEX(faulty_second);

static noinline void faulty_forwards(void)
{
	mutex_lock(&faulty_first);
	mutex_lock(&faulty_second);
	mutex_unlock(&faulty_second);
	mutex_unlock(&faulty_first);
}

static noinline void faulty_lock_order(void)
{
	mutex_lock(&faulty_second);
	mutex_lock(&faulty_first); /* FAULT */
	mutex_unlock(&faulty_first);
	mutex_unlock(&faulty_second);
}

static int trigger_set(const char *val, const struct kernel_param *kp)
{
	faulty_forwards();
	faulty_lock_order();

	return 0;
}

static const struct kernel_param_ops trigger_ops = {
	.set = trigger_set,
};

module_param_cb(trigger, &trigger_ops, NULL, 0200);
MODULE_PARM_DESC(trigger, "Write anything to run into the fault");

MODULE_DESCRIPTION("Faulty: two locks in both orders");
MODULE_LICENSE("GPL");
