// SPDX-License-Identifier: GPL-2.0
/*
 * A reference count that is put once too often.
 */

#include <linux/module.h>
#include <linux/refcount.h>

static noinline bool faulty_refcount(refcount_t *count)
{
	return refcount_dec_and_test(count); /* FAULT */
}

static int trigger_set(const char *val, const struct kernel_param *kp)
{
	refcount_t count = REFCOUNT_INIT(1);

	if (faulty_refcount(&count))
		faulty_refcount(&count);

	return 0;
}

static const struct kernel_param_ops trigger_ops = {
	.set = trigger_set,
};

module_param_cb(trigger, &trigger_ops, NULL, 0200);
MODULE_PARM_DESC(trigger, "Write anything to run into the fault");

MODULE_DESCRIPTION("Faulty: refcount underflow");
MODULE_LICENSE("GPL");
