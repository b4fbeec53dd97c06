// SPDX-License-Identifier: GPL-2.0
/*
 * An allocation that may sleep, under a spinlock. It seldom does: only a kernel
 * with CONFIG_DEBUG_ATOMIC_SLEEP says so each time.
 */

#include <linux/module.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

static DEFINE_SPINLOCK(faulty_lock);

static noinline void faulty_sleep_atomic(void)
{
	void *obj;

	spin_lock(&faulty_lock);
	obj = kmalloc(64, GFP_KERNEL); /* FAULT */
	spin_unlock(&faulty_lock);
	kfree(obj);
}

static int trigger_set(const char *val, const struct kernel_param *kp)
{
	faulty_sleep_atomic();

	return 0;
}

static const struct kernel_param_ops trigger_ops = {
	.set = trigger_set,
};

module_param_cb(trigger, &trigger_ops, NULL, 0200);
MODULE_PARM_DESC(trigger, "Write anything to run into the fault");

MODULE_DESCRIPTION("Faulty: allocation that may sleep, under a spinlock");
MODULE_LICENSE("GPL");
