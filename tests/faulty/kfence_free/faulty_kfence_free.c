// SPDX-License-Identifier: GPL-2.0
/*
 * A free of a pointer into an object, not to its start, once KFENCE has sampled
 * one. Needs kfence.sample_interval=500 or so.
 */

#include <linux/delay.h>
#include <linux/kfence.h>
#include <linux/module.h>
#include <linux/slab.h>

/* KFENCE takes one allocation in each interval: try for two seconds. */
#define FAULTY_TRIES 2000

static noinline void faulty_kfence_free(char *obj)
{
	kfree(obj + 1); /* FAULT */
	/* No tail call: this function has to be on the stack. */
	barrier();
}

static int trigger_set(const char *val, const struct kernel_param *kp)
{
	char *obj;
	int i;

	for (i = 0; i < FAULTY_TRIES; i++) {
		obj = kmalloc(64, GFP_KERNEL);
		if (!obj)
			return -ENOMEM;
		if (is_kfence_address(obj)) {
			faulty_kfence_free(obj);
			kfree(obj);
			return 0;
		}
		kfree(obj);
		usleep_range(1000, 1200);
	}

	return -ENODATA;
}

static const struct kernel_param_ops trigger_ops = {
	.set = trigger_set,
};

module_param_cb(trigger, &trigger_ops, NULL, 0200);
MODULE_PARM_DESC(trigger, "Write anything to run into the fault");

MODULE_DESCRIPTION("Faulty: free of a pointer into an object, under KFENCE");
MODULE_LICENSE("GPL");
