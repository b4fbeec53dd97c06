// SPDX-License-Identifier: GPL-2.0
/*
 * An index past the end of an array, but within the struct that holds it:
 * neither KASAN nor red zones can know.
 */

#include <linux/compiler.h>
#include <linux/module.h>

static struct {
	int array[4];
	int behind[4];
} faulty_data;

static unsigned int faulty_index = 5;

static noinline void faulty_ubsan_bounds(void)
{
	unsigned int i = READ_ONCE(faulty_index);

	WRITE_ONCE(faulty_data.array[i], 1); /* FAULT */
}

static int trigger_set(const char *val, const struct kernel_param *kp)
{
	faulty_ubsan_bounds();

	return 0;
}

static const struct kernel_param_ops trigger_ops = {
	.set = trigger_set,
};

module_param_cb(trigger, &trigger_ops, NULL, 0200);
MODULE_PARM_DESC(trigger, "Write anything to run into the fault");

MODULE_DESCRIPTION("Faulty: index out of bounds under UBSAN");
MODULE_LICENSE("GPL");
