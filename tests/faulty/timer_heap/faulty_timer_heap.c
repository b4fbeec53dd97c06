// SPDX-License-Identifier: GPL-2.0
/*
 * A timer on the heap that is pending when the module goes.
 *
 * Trigger: load, then unload. It goes off after an hour.
 */

#include <linux/module.h>
#include <linux/slab.h>
#include <linux/timer.h>

static void faulty_expired(struct timer_list *timer) /* FAULT */
{
}

static int __init faulty_init(void)
{
	struct timer_list *timer;

	timer = kzalloc(sizeof(*timer), GFP_KERNEL);
	if (!timer)
		return -ENOMEM;

	timer_setup(timer, faulty_expired, 0);
	mod_timer(timer, jiffies + 3600 * HZ);
	return 0;
}
module_init(faulty_init);

static void __exit faulty_exit(void)
{
}
module_exit(faulty_exit);

MODULE_DESCRIPTION("Faulty: timer on the heap left pending");
MODULE_LICENSE("GPL");
