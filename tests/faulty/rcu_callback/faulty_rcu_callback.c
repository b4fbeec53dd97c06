// SPDX-License-Identifier: GPL-2.0
/*
 * A callback of RCU in flight when the module goes: exit does not wait for it,
 * and it asks for itself again.
 *
 * Trigger: load, then unload.
 */

#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

static void faulty_free(struct rcu_head *head) /* FAULT */
{
	call_rcu(head, faulty_free);
}

static int __init faulty_init(void)
{
	struct rcu_head *head = kmalloc(sizeof(*head), GFP_KERNEL);

	if (!head)
		return -ENOMEM;

	call_rcu(head, faulty_free);
	return 0;
}
module_init(faulty_init);

static void __exit faulty_exit(void)
{
}
module_exit(faulty_exit);

MODULE_DESCRIPTION("Faulty: RCU callback in flight");
MODULE_LICENSE("GPL");
