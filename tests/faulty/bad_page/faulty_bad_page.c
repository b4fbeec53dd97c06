// SPDX-License-Identifier: GPL-2.0
/*
 * A page that is freed while it claims to be mapped.
 */

#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/module.h>

static noinline void faulty_bad_page(void)
{
	struct page *page;

	page = alloc_page(GFP_KERNEL);
	if (!page)
		return;

	atomic_set(&page->_mapcount, 0);
	__free_page(page); /* FAULT */
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
