// SPDX-License-Identifier: GPL-2.0
/*
 * A lock in memory that is zero, and was never initialized.
 */

#include <linux/module.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

struct faulty_object {
	/* Never initialized. */
	spinlock_t lock;
};

static noinline void faulty_lock_key(void)
{
	struct faulty_object *obj;

	obj = kzalloc(sizeof(*obj), GFP_KERNEL);
	if (!obj)
		return;

	spin_lock(&obj->lock); /* FAULT */
	spin_unlock(&obj->lock);
	kfree(obj);
}

static int trigger_set(const char *val, const struct kernel_param *kp)
{
	faulty_lock_key();

	return 0;
}

static const struct kernel_param_ops trigger_ops = {
	.set = trigger_set,
};

module_param_cb(trigger, &trigger_ops, NULL, 0200);
MODULE_PARM_DESC(trigger, "Write anything to run into the fault");

MODULE_DESCRIPTION("Faulty: lock that was never initialized");
MODULE_LICENSE("GPL");
