// SPDX-License-Identifier: GPL-2.0-only
/* Nobody looks at what a registration returns. Found as: crash */

#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>

static const struct file_operations unwind_ignored_fops = {
	.owner = THIS_MODULE,
};

static struct miscdevice unwind_ignored_dev = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "unwind_ignored",
	.fops = &unwind_ignored_fops,
};

static int __init unwind_ignored_init(void)
{
	misc_register(&unwind_ignored_dev); /* FAILS */
	return 0;
}

static void __exit unwind_ignored_exit(void)
{
	misc_deregister(&unwind_ignored_dev);
}

module_init(unwind_ignored_init);
module_exit(unwind_ignored_exit);

MODULE_DESCRIPTION("ignored error");
MODULE_LICENSE("GPL");
