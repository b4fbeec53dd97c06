// SPDX-License-Identifier: GPL-2.0
/*
 * A flood of 100 MB through printk, with a warning in its midst.
 *
 * The flood must neither slow results down nor hide the warning.
 */

#include <linux/bug.h>
#include <linux/module.h>
#include <linux/sched.h>

static unsigned int mb = 100;
module_param(mb, uint, 0600);
MODULE_PARM_DESC(mb, "How many megabytes to print");

#define FAULTY_LINE 512

static noinline void faulty_flood(void)
{
	unsigned int i, lines = READ_ONCE(mb) * ((1 << 20) / FAULTY_LINE);

	for (i = 0; i < lines; i++) {
		pr_info("flood %10u %0*d\n", i, FAULTY_LINE - 34, 0);
		WARN_ON(i == lines / 2); /* FAULT */
		cond_resched();
	}
}

static int trigger_set(const char *val, const struct kernel_param *kp)
{
	faulty_flood();

	return 0;
}

static const struct kernel_param_ops trigger_ops = {
	.set = trigger_set,
};

module_param_cb(trigger, &trigger_ops, NULL, 0200);
MODULE_PARM_DESC(trigger, "Write anything to run into the fault");

MODULE_DESCRIPTION("Faulty: printk flood");
MODULE_LICENSE("GPL");
