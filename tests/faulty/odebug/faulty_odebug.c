// SPDX-License-Identifier: GPL-2.0
/*
 * Memory freed with a timer in it that is still to go off.
 *
 * CONFIG_DEBUG_OBJECTS keeps the timer from running into it.
 */

#include <linux/module.h>
#include <linux/slab.h>
#include <linux/timer.h>

struct faulty_object {
	struct timer_list timer;
};

static void faulty_timer(struct timer_list *timer)
{
}

static noinline void faulty_odebug(void)
{
	struct faulty_object *obj;

	obj = kmalloc(sizeof(*obj), GFP_KERNEL);
	if (!obj)
		return;

	timer_setup(&obj->timer, faulty_timer, 0);
	mod_timer(&obj->timer, jiffies + 100 * HZ);
	kfree(obj); /* FAULT */
	/* No tail call: this function has to be on the stack. */
	barrier();
}

static int trigger_set(const char *val, const struct kernel_param *kp)
{
	faulty_odebug();

	return 0;
}

static const struct kernel_param_ops trigger_ops = {
	.set = trigger_set,
};

module_param_cb(trigger, &trigger_ops, NULL, 0200);
MODULE_PARM_DESC(trigger, "Write anything to run into the fault");

MODULE_DESCRIPTION("Faulty: timer freed while it runs");
MODULE_LICENSE("GPL");
