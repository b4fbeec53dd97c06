// SPDX-License-Identifier: GPL-2.0
/*
 * A tasklet that is scheduled when the module goes.
 *
 * Trigger: load, then unload. It is disabled, so that it stays so.
 */

#include <linux/interrupt.h>
#include <linux/module.h>

static void faulty_tasklet_fn(struct tasklet_struct *t)
{
}

static DECLARE_TASKLET_DISABLED(faulty_tasklet, faulty_tasklet_fn); /* FAULT */

static int __init faulty_init(void)
{
	tasklet_schedule(&faulty_tasklet);
	return 0;
}
module_init(faulty_init);

static void __exit faulty_exit(void)
{
}
module_exit(faulty_exit);

MODULE_DESCRIPTION("Faulty: tasklet left scheduled");
MODULE_LICENSE("GPL");
