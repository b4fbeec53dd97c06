// SPDX-License-Identifier: GPL-2.0
/*
 * A timer of the module that is pending when the module goes.
 *
 * Trigger: load, then unload. It goes off after an hour, which is then over.
 */

#include <linux/module.h>
#include <linux/timer.h>

static void faulty_expired(struct timer_list *timer)
{
}

static DEFINE_TIMER(faulty_timer, faulty_expired); /* FAULT */

static int __init faulty_init(void)
{
	mod_timer(&faulty_timer, jiffies + 3600 * HZ);
	return 0;
}
module_init(faulty_init);

static void __exit faulty_exit(void)
{
}
module_exit(faulty_exit);

MODULE_DESCRIPTION("Faulty: timer left pending");
MODULE_LICENSE("GPL");
