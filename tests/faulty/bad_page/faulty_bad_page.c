// SPDX-License-Identifier: GPL-2.0
/*
 * A page that is freed while it claims to be mapped.
 */

#include <linux/compiler.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/module.h>

/* Smaller ones go through per-CPU lists, where they are checked later. */
#define FAULTY_ORDER 4

static noinline void faulty_bad_page(void)
{
	struct page *page;

	page = alloc_pages(GFP_KERNEL, FAULTY_ORDER);
	if (!page)
		return;

	atomic_set(&page->_mapcount, 0);
	__free_pages(page, FAULTY_ORDER); /* FAULT */
	/* No tail call: this function has to be on the stack. */
	barrier();
}

static int trigger_set(const char *val, const struct kernel_param *kp)
{
	faulty_bad_page();

	return 0;
}

static const struct kernel_param_ops trigger_ops = {
	.set = trigger_set,
};

module_param_cb(trigger, &trigger_ops, NULL, 0200);
MODULE_PARM_DESC(trigger, "Write anything to run into the fault");

MODULE_DESCRIPTION("Faulty: bad page state");
MODULE_LICENSE("GPL");
