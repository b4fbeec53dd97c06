// SPDX-License-Identifier: GPL-2.0
/*
 * A kernel thread that is never stopped.
 *
 * Trigger: load, then unload. It sleeps, in code that is gone.
 */

#include <linux/delay.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/module.h>

static int faulty_thread(void *data) /* FAULT */
{
	while (!kthread_should_stop())
		ssleep(3600);

	return 0;
}

static int __init faulty_init(void)
{
	return PTR_ERR_OR_ZERO(kthread_run(faulty_thread, NULL, "faulty"));
}
module_init(faulty_init);

static void __exit faulty_exit(void)
{
}
module_exit(faulty_exit);

MODULE_DESCRIPTION("Faulty: kernel thread never stopped");
MODULE_LICENSE("GPL");
