// SPDX-License-Identifier: GPL-2.0
/*
 * A write to freed memory.
 *
 * With slab poisoning (slub_debug=P) the kernel finds out when the object is
 * handed out again, and names who allocated and freed it: that free is the
 * line to be named first in a module.
 */

#include <linux/compiler.h>
#include <linux/module.h>
#include <linux/slab.h>

static struct kmem_cache *faulty_cache;

static noinline void faulty_uaf_write(void)
{
	char *obj;

	obj = kmem_cache_alloc(faulty_cache, GFP_KERNEL);
	if (!obj)
		return;

	kmem_cache_free(faulty_cache, obj);
	OPTIMIZER_HIDE_VAR(obj);
	WRITE_ONCE(obj[8], 1);
}

/* The one free object that was written to is handed out first. */
static noinline void faulty_reuse(void)
{
	void *obj;

	obj = kmem_cache_alloc(faulty_cache, GFP_KERNEL); /* FAULT */
	kmem_cache_free(faulty_cache, obj);
}

static int __init faulty_init(void)
{
	faulty_cache = kmem_cache_create("faulty_uaf", 64, 0, SLAB_POISON,
					 NULL);
	return faulty_cache ? 0 : -ENOMEM;
}
module_init(faulty_init);

static void __exit faulty_exit(void)
{
	kmem_cache_destroy(faulty_cache);
}
module_exit(faulty_exit);

static int trigger_set(const char *val, const struct kernel_param *kp)
{
	faulty_uaf_write();
	faulty_reuse();

	return 0;
}

static const struct kernel_param_ops trigger_ops = {
	.set = trigger_set,
};

module_param_cb(trigger, &trigger_ops, NULL, 0200);
MODULE_PARM_DESC(trigger, "Write anything to run into the fault");

MODULE_DESCRIPTION("Faulty: write to freed memory");
MODULE_LICENSE("GPL");
