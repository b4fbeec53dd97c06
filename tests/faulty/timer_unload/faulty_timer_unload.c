// SPDX-License-Identifier: GPL-2.0
/*
 * A timer that still runs after rmmod.
 *
 * Trigger, then unload the module within a second: the timer's function is
 * then called where no code is left. The timer itself lives on the heap, so
 * that the call, not the timer wheel, is what fails.
 */

#include <linux/module.h>
#include <linux/slab.h>
#include <linux/timer.h>

static void faulty_expired(struct timer_list *timer)
{
	pr_info("expired\n");
}

static int trigger_set(const char *val, const struct kernel_param *kp)
{
	struct timer_list *timer;

	timer = kzalloc(sizeof(*timer), GFP_KERNEL);
	if (!timer)
		return -ENOMEM;

	timer_setup(timer, faulty_expired, 0);
	mod_timer(timer, jiffies + HZ); /* FAULT */

	return 0;
}

static const struct kernel_param_ops trigger_ops = {
	.set = trigger_set,
};

module_param_cb(trigger, &trigger_ops, NULL, 0200);
MODULE_PARM_DESC(trigger, "Write anything to run into the fault");

MODULE_DESCRIPTION("Faulty: timer that outlives its module");
MODULE_LICENSE("GPL");
