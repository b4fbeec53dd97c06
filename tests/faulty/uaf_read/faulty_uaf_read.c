// SPDX-License-Identifier: GPL-2.0
/*
 * A pointer that is followed after the object that holds it was freed.
 *
 * With slab poisoning (slub_debug=P) the pointer reads 0x6b6b6b6b6b6b6b6b,
 * which is no canonical address.
 */

#include <linux/compiler.h>
#include <linux/module.h>
#include <linux/slab.h>

struct faulty_obj {
	int *counter;
	char pad[56];
};

static int faulty_counter;

static noinline int faulty_uaf_read(void)
{
	struct faulty_obj *obj;
	int *counter;

	obj = kzalloc(sizeof(*obj), GFP_KERNEL);
	if (!obj)
		return -ENOMEM;

	WRITE_ONCE(obj->counter, &faulty_counter);
	kfree(obj);
	OPTIMIZER_HIDE_VAR(obj);
	counter = READ_ONCE(obj->counter);
	WRITE_ONCE(*counter, 1); /* FAULT */

	return 0;
}

static int trigger_set(const char *val, const struct kernel_param *kp)
{
	faulty_uaf_read();

	return 0;
}

static const struct kernel_param_ops trigger_ops = {
	.set = trigger_set,
};

module_param_cb(trigger, &trigger_ops, NULL, 0200);
MODULE_PARM_DESC(trigger, "Write anything to run into the fault");

MODULE_DESCRIPTION("Faulty: read of freed memory");
MODULE_LICENSE("GPL");
