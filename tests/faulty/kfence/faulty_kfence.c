// SPDX-License-Identifier: GPL-2.0
/*
 * Reads of freed memory, again and again, until KFENCE samples one.
 *
 * Needs kfence.sample_interval=500 or so; kernels without KFENCE see nothing.
 */

#include <linux/compiler.h>
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/slab.h>

/* KFENCE takes one allocation in each interval: try for two seconds. */
#define FAULTY_TRIES 2000

static noinline int faulty_kfence(void)
{
	char *obj;

	obj = kmalloc(64, GFP_KERNEL);
	if (!obj)
		return -ENOMEM;

	kfree(obj);
	OPTIMIZER_HIDE_VAR(obj);
	return READ_ONCE(*obj); /* FAULT */
}

static int trigger_set(const char *val, const struct kernel_param *kp)
{
	int i;

	for (i = 0; i < FAULTY_TRIES; i++) {
		if (faulty_kfence() == -ENOMEM)
			return -ENOMEM;
		usleep_range(1000, 1200);
	}

	return 0;
}

static const struct kernel_param_ops trigger_ops = {
	.set = trigger_set,
};

module_param_cb(trigger, &trigger_ops, NULL, 0200);
MODULE_PARM_DESC(trigger, "Write anything to run into the fault");

MODULE_DESCRIPTION("Faulty: read of freed memory under KFENCE");
MODULE_LICENSE("GPL");
