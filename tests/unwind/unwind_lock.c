// SPDX-License-Identifier: GPL-2.0-only
/* A lock is held on the way out. Found as: crash */

#include <linux/module.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

static DEFINE_SPINLOCK(lock);
static void *buf;

static int __init unwind_lock_init(void)
{
	spin_lock_irq(&lock);
	buf = kzalloc(64, GFP_ATOMIC); /* FAILS */
	if (!buf)
		return -ENOMEM;
	spin_unlock_irq(&lock);

	return 0;
}

static void __exit unwind_lock_exit(void)
{
	kfree(buf);
}

module_init(unwind_lock_init);
module_exit(unwind_lock_exit);

MODULE_DESCRIPTION("lock not released");
MODULE_LICENSE("GPL");
