// SPDX-License-Identifier: GPL-2.0
/*
 * A slab cache that is destroyed while objects are allocated from it.
 *
 * Trigger: load, then unload.
 */

#include <linux/compiler.h>
#include <linux/module.h>
#include <linux/slab.h>

static struct kmem_cache *faulty_cache;

static int __init faulty_init(void)
{
	void *obj;

	faulty_cache = kmem_cache_create("faulty_cache", 128, 0,
					 SLAB_POISON, NULL);
	if (!faulty_cache)
		return -ENOMEM;

	obj = kmem_cache_alloc(faulty_cache, GFP_KERNEL);
	OPTIMIZER_HIDE_VAR(obj);
	return 0;
}
module_init(faulty_init);

static void __exit faulty_exit(void)
{
	kmem_cache_destroy(faulty_cache); /* FAULT */
	/* No tail call: this function has to be on the stack. */
	barrier();
}
module_exit(faulty_exit);

MODULE_DESCRIPTION("Faulty: objects left in a destroyed cache");
MODULE_LICENSE("GPL");
