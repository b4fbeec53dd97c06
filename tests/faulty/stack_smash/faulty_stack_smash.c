// SPDX-License-Identifier: GPL-2.0
/*
 * A write past the end of a local array, onto the stack protector's canary.
 *
 * The kernel panics when the function returns.
 */

#include <linux/compiler.h>
#include <linux/module.h>
#include <linux/string.h>

static size_t faulty_len = 64;

static noinline void faulty_stack_smash(void)
{
	char buf[16];
	char *p = buf;

	OPTIMIZER_HIDE_VAR(p);
	memset(p, 0x5a, READ_ONCE(faulty_len));
	barrier_data(p);
} /* FAULT */

static int trigger_set(const char *val, const struct kernel_param *kp)
{
	faulty_stack_smash();

	return 0;
}

static const struct kernel_param_ops trigger_ops = {
	.set = trigger_set,
};

module_param_cb(trigger, &trigger_ops, NULL, 0200);
MODULE_PARM_DESC(trigger, "Write anything to run into the fault");

MODULE_DESCRIPTION("Faulty: stack smashed");
MODULE_LICENSE("GPL");
