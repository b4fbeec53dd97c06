// SPDX-License-Identifier: GPL-2.0
/*
 * Memory exhausted until the kernel kills a process.
 *
 * The pages are given back when the module is unloaded.
 */

#include <linux/compiler.h>
#include <linux/gfp.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/signal.h>

static LIST_HEAD(faulty_pages);

static noinline int faulty_oom(void)
{
	struct page *page;

	while (!fatal_signal_pending(current)) {
		page = alloc_page(GFP_KERNEL); /* FAULT */
		if (!page)
			return -ENOMEM;
		list_add(&page->lru, &faulty_pages);
		cond_resched();
	}

	return -EINTR;
}

static int __init faulty_init(void)
{
	return 0;
}
module_init(faulty_init);

static void __exit faulty_exit(void)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, &faulty_pages, lru)
		__free_page(page);
}
module_exit(faulty_exit);

static int trigger_set(const char *val, const struct kernel_param *kp)
{
	return faulty_oom();
}

static const struct kernel_param_ops trigger_ops = {
	.set = trigger_set,
};

module_param_cb(trigger, &trigger_ops, NULL, 0200);
MODULE_PARM_DESC(trigger, "Write anything to run into the fault");

MODULE_DESCRIPTION("Faulty: memory exhausted");
MODULE_LICENSE("GPL");
