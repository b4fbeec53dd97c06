// SPDX-License-Identifier: GPL-2.0
/*
 * Two locks of one class within each other, without a word on their order.
 */

#include <linux/module.h>
#include <linux/mutex.h>

static struct mutex faulty_locks[2];

static noinline void faulty_lock_class(void)
{
	mutex_lock(&faulty_locks[0]);
	mutex_lock(&faulty_locks[1]); /* FAULT */
	mutex_unlock(&faulty_locks[1]);
	mutex_unlock(&faulty_locks[0]);
}

static int trigger_set(const char *val, const struct kernel_param *kp)
{
	int i;

	/* One place that initializes is one class. */
	for (i = 0; i < 2; i++)
		mutex_init(&faulty_locks[i]);
	faulty_lock_class();

	return 0;
}

static const struct kernel_param_ops trigger_ops = {
	.set = trigger_set,
};

module_param_cb(trigger, &trigger_ops, NULL, 0200);
MODULE_PARM_DESC(trigger, "Write anything to run into the fault");

MODULE_DESCRIPTION("Faulty: two locks of one class, nested");
MODULE_LICENSE("GPL");
