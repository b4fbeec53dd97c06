// SPDX-License-Identifier: GPL-2.0
/*
 * The number of a CPU that the task may leave at any time.
 */

#include <linux/module.h>
#include <linux/smp.h>

static int faulty_cpu;

static noinline void faulty_preempt(void)
{
	WRITE_ONCE(faulty_cpu, smp_processor_id()); /* FAULT */
}

static int trigger_set(const char *val, const struct kernel_param *kp)
{
	faulty_preempt();

	return 0;
}

static const struct kernel_param_ops trigger_ops = {
	.set = trigger_set,
};

module_param_cb(trigger, &trigger_ops, NULL, 0200);
MODULE_PARM_DESC(trigger, "Write anything to run into the fault");

MODULE_DESCRIPTION("Faulty: CPU number in preemptible code");
MODULE_LICENSE("GPL");
