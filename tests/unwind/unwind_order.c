// SPDX-License-Identifier: GPL-2.0-only
/* A cache goes before what was allocated from it. Found as: crash */

#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/slab.h>

static const struct file_operations unwind_order_fops = {
	.owner = THIS_MODULE,
};

static struct miscdevice unwind_order_dev = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "unwind_order",
	.fops = &unwind_order_fops,
};

static struct kmem_cache *cache;
static void *object;

static int __init unwind_order_init(void)
{
	int err;

	cache = kmem_cache_create("unwind_order", 200, 0, SLAB_POISON, NULL);
	if (!cache)
		return -ENOMEM;

	object = kmem_cache_alloc(cache, GFP_KERNEL);
	if (!object) {
		kmem_cache_destroy(cache);
		return -ENOMEM;
	}

	err = misc_register(&unwind_order_dev); /* FAILS */
	if (err) {
		kmem_cache_destroy(cache);
		kmem_cache_free(cache, object);
	}

	return err;
}

static void __exit unwind_order_exit(void)
{
	misc_deregister(&unwind_order_dev);
	kmem_cache_free(cache, object);
	kmem_cache_destroy(cache);
}

module_init(unwind_order_init);
module_exit(unwind_order_exit);

MODULE_DESCRIPTION("unwinding in the wrong order");
MODULE_LICENSE("GPL");
