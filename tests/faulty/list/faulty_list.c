// SPDX-License-Identifier: GPL-2.0
/*
 * A list entry that is deleted twice.
 *
 * The pointers are made to look valid to the compiler only.
 */

#include <linux/list.h>
#include <linux/module.h>
#include <linux/slab.h>

static LIST_HEAD(faulty_head);

struct faulty_entry {
	struct list_head node;
};

static noinline void faulty_list(void)
{
	struct faulty_entry *entry;

	entry = kzalloc(sizeof(*entry), GFP_KERNEL);
	if (!entry)
		return;

	list_add(&entry->node, &faulty_head);
	list_del(&entry->node);
	list_del(&entry->node); /* FAULT */
	kfree(entry);
}

static int trigger_set(const char *val, const struct kernel_param *kp)
{
	faulty_list();

	return 0;
}

static const struct kernel_param_ops trigger_ops = {
	.set = trigger_set,
};

module_param_cb(trigger, &trigger_ops, NULL, 0200);
MODULE_PARM_DESC(trigger, "Write anything to run into the fault");

MODULE_DESCRIPTION("Faulty: list corruption");
MODULE_LICENSE("GPL");
