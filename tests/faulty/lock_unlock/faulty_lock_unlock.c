// SPDX-License-Identifier: GPL-2.0
/*
 * An unlock without a lock.
 */

#include <linux/module.h>
#include <linux/mutex.h>

static DEFINE_MUTEX(faulty_lock);

static noinline void faulty_lock_unlock(void)
{
	mutex_unlock(&faulty_lock); /* FAULT */
	/* No tail call: this function has to be on the stack. */
	barrier();
}

static int trigger_set(const char *val, const struct kernel_param *kp)
{
	faulty_lock_unlock();

	return 0;
}

static const struct kernel_param_ops trigger_ops = {
	.set = trigger_set,
};

module_param_cb(trigger, &trigger_ops, NULL, 0200);
MODULE_PARM_DESC(trigger, "Write anything to run into the fault");

MODULE_DESCRIPTION("Faulty: unlock of a lock that nobody holds");
MODULE_LICENSE("GPL");
