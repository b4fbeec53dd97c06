// SPDX-License-Identifier: GPL-2.0
/*
 * A work that runs on an unbound queue of the module's own when it goes.
 *
 * Trigger: load, then unload. It sleeps for an hour, in code that is gone. The
 * work is on the heap.
 */

#include <linux/delay.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

static void faulty_run(struct work_struct *work) /* FAULT */
{
	ssleep(3600);
}

static int __init faulty_init(void)
{
	struct workqueue_struct *queue;
	struct work_struct *work;

	work = kmalloc(sizeof(*work), GFP_KERNEL);
	if (!work)
		return -ENOMEM;

	queue = alloc_workqueue("faulty", WQ_UNBOUND, 0);
	if (!queue) {
		kfree(work);
		return -ENOMEM;
	}

	INIT_WORK(work, faulty_run);
	queue_work(queue, work);
	return 0;
}
module_init(faulty_init);

static void __exit faulty_exit(void)
{
}
module_exit(faulty_exit);

MODULE_DESCRIPTION("Faulty: work left running on a queue of its own");
MODULE_LICENSE("GPL");
