// SPDX-License-Identifier: GPL-2.0
/*
 * Recursion past the end of the kernel stack.
 */

#include <linux/compiler.h>
#include <linux/module.h>
#include <linux/string.h>

static int faulty_depth = 1 << 20;

static noinline int faulty_stack_overflow(int depth)
{
	char frame[256];

	if (depth >= READ_ONCE(faulty_depth))
		return 0;

	memset(frame, depth, sizeof(frame)); /* FAULT */
	OPTIMIZER_HIDE_VAR(depth);
	barrier_data(frame);
	return faulty_stack_overflow(depth + 1) + frame[depth & 255];
}

static int trigger_set(const char *val, const struct kernel_param *kp)
{
	return faulty_stack_overflow(0);
}

static const struct kernel_param_ops trigger_ops = {
	.set = trigger_set,
};

module_param_cb(trigger, &trigger_ops, NULL, 0200);
MODULE_PARM_DESC(trigger, "Write anything to run into the fault");

MODULE_DESCRIPTION("Faulty: stack overflow");
MODULE_LICENSE("GPL");
