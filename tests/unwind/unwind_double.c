// SPDX-License-Identifier: GPL-2.0-only
/* A buffer is freed where it fails, and behind the label. Found as: crash */

#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/slab.h>

static const struct file_operations unwind_double_fops = {
	.owner = THIS_MODULE,
};

static struct miscdevice unwind_double_dev = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "unwind_double",
	.fops = &unwind_double_fops,
};

static void *buf;

static int __init unwind_double_init(void)
{
	int err;

	buf = kzalloc(64, GFP_KERNEL);
	if (!buf)
		return -ENOMEM;

	err = misc_register(&unwind_double_dev); /* FAILS */
	if (err) {
		kfree(buf);
		goto err_free;
	}

	return 0;

err_free:
	kfree(buf);
	return err;
}

static void __exit unwind_double_exit(void)
{
	misc_deregister(&unwind_double_dev);
	kfree(buf);
}

module_init(unwind_double_init);
module_exit(unwind_double_exit);

MODULE_DESCRIPTION("double free");
MODULE_LICENSE("GPL");
