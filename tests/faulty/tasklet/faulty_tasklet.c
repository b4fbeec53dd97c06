// SPDX-License-Identifier: GPL-2.0
/*
 * A tasklet that is pending when the module goes: it is disabled, so that it
 * stays so.
 *
 * Trigger: load, then unload.
 */

#include <linux/interrupt.h>
#include <linux/module.h>

static void faulty_run(struct tasklet_struct *tasklet)
{
}

static DECLARE_TASKLET_DISABLED(faulty_tasklet, faulty_run); /* FAULT */

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

MODULE_DESCRIPTION("Faulty: tasklet left pending");
MODULE_LICENSE("GPL");
