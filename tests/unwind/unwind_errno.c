// SPDX-License-Identifier: GPL-2.0-only
/* Another error than the one that came. Found as: wrong errno */

#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>

static const struct file_operations unwind_errno_fops = {
	.owner = THIS_MODULE,
};

static struct miscdevice unwind_errno_dev = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "unwind_errno",
	.fops = &unwind_errno_fops,
};

static int __init unwind_errno_init(void)
{
	return misc_register(&unwind_errno_dev) ? -EIO : 0; /* FAILS */
}

static void __exit unwind_errno_exit(void)
{
	misc_deregister(&unwind_errno_dev);
}

module_init(unwind_errno_init);
module_exit(unwind_errno_exit);

MODULE_DESCRIPTION("wrong errno");
MODULE_LICENSE("GPL");
