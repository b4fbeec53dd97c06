// SPDX-License-Identifier: GPL-2.0
/*
 * A pointer that RCU guards, read outside a reader.
 */

#include <linux/module.h>
#include <linux/rcupdate.h>

static int faulty_value;
static int __rcu *faulty_pointer;

static noinline void faulty_rcu_use(void)
{
	int *p;

	p = rcu_dereference(faulty_pointer); /* FAULT */
	WRITE_ONCE(*p, 1);
}

static int trigger_set(const char *val, const struct kernel_param *kp)
{
	RCU_INIT_POINTER(faulty_pointer, &faulty_value);
	faulty_rcu_use();

	return 0;
}

static const struct kernel_param_ops trigger_ops = {
	.set = trigger_set,
};

module_param_cb(trigger, &trigger_ops, NULL, 0200);
MODULE_PARM_DESC(trigger, "Write anything to run into the fault");

MODULE_DESCRIPTION("Faulty: RCU pointer read without a lock");
MODULE_LICENSE("GPL");
