// SPDX-License-Identifier: GPL-2.0
/*
 * Memory freed with a lock in it that is held.
 */

#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>

struct faulty_object {
	/* Taken, and never released. */
	struct mutex lock;
};

static noinline void faulty_lock_freed(void)
{
	struct faulty_object *obj;

	obj = kmalloc(sizeof(*obj), GFP_KERNEL);
	if (!obj)
		return;

	mutex_init(&obj->lock);
	mutex_lock(&obj->lock);
	kfree(obj); /* FAULT */
	/* No tail call: this function has to be on the stack. */
	barrier();
}

static int trigger_set(const char *val, const struct kernel_param *kp)
{
	faulty_lock_freed();

	return 0;
}

static const struct kernel_param_ops trigger_ops = {
	.set = trigger_set,
};

module_param_cb(trigger, &trigger_ops, NULL, 0200);
MODULE_PARM_DESC(trigger, "Write anything to run into the fault");

MODULE_DESCRIPTION("Faulty: lock freed while it is held");
MODULE_LICENSE("GPL");
