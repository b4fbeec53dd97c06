// SPDX-License-Identifier: GPL-2.0
/*
 * A lock that an interrupt takes, taken elsewhere with interrupts on.
 */

#include <linux/irq_work.h>
#include <linux/module.h>
#include <linux/spinlock.h>

static DEFINE_SPINLOCK(faulty_lock);

static noinline void faulty_lock_irq(struct irq_work *work)
{
	spin_lock(&faulty_lock); /* FAULT */
	spin_unlock(&faulty_lock);
}

static int trigger_set(const char *val, const struct kernel_param *kp)
{
	struct irq_work work;

	spin_lock(&faulty_lock);
	spin_unlock(&faulty_lock);

	init_irq_work(&work, faulty_lock_irq);
	irq_work_queue(&work);
	irq_work_sync(&work);

	return 0;
}

static const struct kernel_param_ops trigger_ops = {
	.set = trigger_set,
};

module_param_cb(trigger, &trigger_ops, NULL, 0200);
MODULE_PARM_DESC(trigger, "Write anything to run into the fault");

MODULE_DESCRIPTION("Faulty: lock of an interrupt taken with interrupts on");
MODULE_LICENSE("GPL");
