// SPDX-License-Identifier: GPL-2.0
/*
 * A work that runs when the module goes.
 *
 * Trigger: load, then unload. It sleeps for an hour, in code that is gone.
 */

#include <linux/delay.h>
#include <linux/module.h>
#include <linux/workqueue.h>

static void faulty_run(struct work_struct *work)
{
	ssleep(3600);
}

static DECLARE_WORK(faulty_work, faulty_run); /* FAULT */

static int __init faulty_init(void)
{
	schedule_work(&faulty_work);
	return 0;
}
module_init(faulty_init);

static void __exit faulty_exit(void)
{
}
module_exit(faulty_exit);

MODULE_DESCRIPTION("Faulty: work left running");
MODULE_LICENSE("GPL");
