// SPDX-License-Identifier: GPL-2.0
/*
 * A shift by more bits than an int has.
 */

#include <linux/compiler.h>
#include <linux/module.h>

static unsigned int faulty_bits = 40;
static int faulty_sum;

static noinline void faulty_ubsan_shift(void)
{
	int bits = READ_ONCE(faulty_bits);

	WRITE_ONCE(faulty_sum, 1 << bits); /* FAULT */
}

static int trigger_set(const char *val, const struct kernel_param *kp)
{
	faulty_ubsan_shift();

	return 0;
}

static const struct kernel_param_ops trigger_ops = {
	.set = trigger_set,
};

module_param_cb(trigger, &trigger_ops, NULL, 0200);
MODULE_PARM_DESC(trigger, "Write anything to run into the fault");

MODULE_DESCRIPTION("Faulty: shift by more than a word has");
MODULE_LICENSE("GPL");
