// SPDX-License-Identifier: GPL-2.0-only
/* A slab cache is left, of the kind that kernels merge. Found as: leak */

#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/slab.h>

static const struct file_operations unwind_cache_fops = {
	.owner = THIS_MODULE,
};

static struct miscdevice unwind_cache_dev = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "unwind_cache",
	.fops = &unwind_cache_fops,
};

static struct kmem_cache *unwind_cache_jobs;

static int __init unwind_cache_init(void)
{
	unwind_cache_jobs = kmem_cache_create("unwind_cache_jobs", 96, 0, 0,
					      NULL);
	if (!unwind_cache_jobs)
		return -ENOMEM;

	return misc_register(&unwind_cache_dev); /* FAILS */
}

static void __exit unwind_cache_exit(void)
{
	misc_deregister(&unwind_cache_dev);
	kmem_cache_destroy(unwind_cache_jobs);
}

module_init(unwind_cache_init);
module_exit(unwind_cache_exit);

MODULE_DESCRIPTION("a slab cache is left");
MODULE_LICENSE("GPL");
