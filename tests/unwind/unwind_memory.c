// SPDX-License-Identifier: GPL-2.0-only
/* Memory is left that nothing points to. Found as: leak */

#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/slab.h>

static const struct file_operations unwind_memory_fops = {
	.owner = THIS_MODULE,
};

static struct miscdevice unwind_memory_dev = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "unwind_memory",
	.fops = &unwind_memory_fops,
};

static void *unwind_memory_buf;

static int __init unwind_memory_init(void)
{
	unwind_memory_buf = kzalloc(256, GFP_KERNEL);
	if (!unwind_memory_buf)
		return -ENOMEM;

	return misc_register(&unwind_memory_dev); /* FAILS */
}

static void __exit unwind_memory_exit(void)
{
	misc_deregister(&unwind_memory_dev);
	kfree(unwind_memory_buf);
}

module_init(unwind_memory_init);
module_exit(unwind_memory_exit);

MODULE_DESCRIPTION("memory is left");
MODULE_LICENSE("GPL");
