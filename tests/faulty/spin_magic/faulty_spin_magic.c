// SPDX-License-Identifier: GPL-2.0
/*
 * A lock that was overwritten.
 */

#include <linux/module.h>
#include <linux/spinlock.h>
#include <linux/string.h>

static DEFINE_SPINLOCK(faulty_lock);

static noinline void faulty_spin_magic(void)
{
	spin_lock(&faulty_lock); /* FAULT */
	spin_unlock(&faulty_lock);
}

static int trigger_set(const char *val, const struct kernel_param *kp)
{
	memset(&faulty_lock, 0, sizeof(faulty_lock));
	faulty_spin_magic();

	return 0;
}

static const struct kernel_param_ops trigger_ops = {
	.set = trigger_set,
};

module_param_cb(trigger, &trigger_ops, NULL, 0200);
MODULE_PARM_DESC(trigger, "Write anything to run into the fault");

MODULE_DESCRIPTION("Faulty: lock that was overwritten");
MODULE_LICENSE("GPL");
