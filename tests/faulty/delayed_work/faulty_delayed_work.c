// SPDX-License-Identifier: GPL-2.0
/*
 * A delayed work that is pending when the module goes.
 *
 * Trigger: load, then unload. It is due after an hour. It is on the heap.
 */

#include <linux/module.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

static void faulty_work(struct work_struct *work) /* FAULT */
{
}

static int __init faulty_init(void)
{
	struct delayed_work *work;

	work = kzalloc(sizeof(*work), GFP_KERNEL);
	if (!work)
		return -ENOMEM;

	INIT_DELAYED_WORK(work, faulty_work);
	schedule_delayed_work(work, 3600 * HZ);
	return 0;
}
module_init(faulty_init);

static void __exit faulty_exit(void)
{
}
module_exit(faulty_exit);

MODULE_DESCRIPTION("Faulty: delayed work left pending");
MODULE_LICENSE("GPL");
