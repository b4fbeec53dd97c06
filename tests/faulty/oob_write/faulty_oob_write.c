// SPDX-License-Identifier: GPL-2.0
/*
 * A write past the end of an object, into its red zone (slub_debug=Z).
 *
 * The kernel finds out when the object is freed.
 */

#include <linux/compiler.h>
#include <linux/module.h>
#include <linux/slab.h>

static noinline void faulty_oob_write(void)
{
	char *obj;

	obj = kmalloc(64, GFP_KERNEL);
	if (!obj)
		return;

	OPTIMIZER_HIDE_VAR(obj);
	WRITE_ONCE(obj[64], 1);
	kfree(obj); /* FAULT */
	/* No tail call: this function has to be on the stack. */
	barrier();
}

static int trigger_set(const char *val, const struct kernel_param *kp)
{
	faulty_oob_write();

	return 0;
}

static const struct kernel_param_ops trigger_ops = {
	.set = trigger_set,
};

module_param_cb(trigger, &trigger_ops, NULL, 0200);
MODULE_PARM_DESC(trigger, "Write anything to run into the fault");

MODULE_DESCRIPTION("Faulty: out-of-bounds write");
MODULE_LICENSE("GPL");
