// SPDX-License-Identifier: GPL-2.0
/*
 * An area that is freed by vfree twice.
 */

#include <linux/compiler.h>
#include <linux/module.h>
#include <linux/vmalloc.h>

static noinline void faulty_vfree(void)
{
	void *area;

	area = vmalloc(PAGE_SIZE);
	if (!area)
		return;

	vfree(area);
	OPTIMIZER_HIDE_VAR(area);
	vfree(area); /* FAULT */
	/* No tail call: this function has to be on the stack. */
	barrier();
}

static int trigger_set(const char *val, const struct kernel_param *kp)
{
	faulty_vfree();

	return 0;
}

static const struct kernel_param_ops trigger_ops = {
	.set = trigger_set,
};

module_param_cb(trigger, &trigger_ops, NULL, 0200);
MODULE_PARM_DESC(trigger, "Write anything to run into the fault");

MODULE_DESCRIPTION("Faulty: double vfree");
MODULE_LICENSE("GPL");
