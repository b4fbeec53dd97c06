// SPDX-License-Identifier: GPL-2.0-only
/* What never was is unregistered. Found as: crash */

#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>

static const struct file_operations unwind_never_fops = {
	.owner = THIS_MODULE,
};

static struct miscdevice unwind_never_dev = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "unwind_never",
	.fops = &unwind_never_fops,
};

static int __init unwind_never_init(void)
{
	int err;

	err = misc_register(&unwind_never_dev); /* FAILS */
	if (err)
		misc_deregister(&unwind_never_dev);

	return err;
}

static void __exit unwind_never_exit(void)
{
	misc_deregister(&unwind_never_dev);
}

module_init(unwind_never_init);
module_exit(unwind_never_exit);

MODULE_DESCRIPTION("unwinding of what never was");
MODULE_LICENSE("GPL");
