// SPDX-License-Identifier: GPL-2.0
/*
 * A sysfs directory that is created twice.
 */

#include <linux/kobject.h>
#include <linux/module.h>

static noinline void faulty_dup_name(void)
{
	struct kobject *first, *second;

	first = kobject_create_and_add("faulty_twice", kernel_kobj);
	second = kobject_create_and_add("faulty_twice", /* FAULT */
					kernel_kobj);
	kobject_put(second);
	kobject_put(first);
}

static int trigger_set(const char *val, const struct kernel_param *kp)
{
	faulty_dup_name();

	return 0;
}

static const struct kernel_param_ops trigger_ops = {
	.set = trigger_set,
};

module_param_cb(trigger, &trigger_ops, NULL, 0200);
MODULE_PARM_DESC(trigger, "Write anything to run into the fault");

MODULE_DESCRIPTION("Faulty: one sysfs name twice");
MODULE_LICENSE("GPL");
