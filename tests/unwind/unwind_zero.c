// SPDX-License-Identifier: GPL-2.0-only
/* An error becomes 0 on its way out. Found as: wrong errno */

#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>

static const struct file_operations unwind_zero_fops = {
	.owner = THIS_MODULE,
};

static struct miscdevice unwind_zero_dev = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "unwind_zero",
	.fops = &unwind_zero_fops,
};

static bool registered;

static int __init unwind_zero_init(void)
{
	registered = !misc_register(&unwind_zero_dev); /* FAILS */
	return 0;
}

static void __exit unwind_zero_exit(void)
{
	if (registered)
		misc_deregister(&unwind_zero_dev);
}

module_init(unwind_zero_init);
module_exit(unwind_zero_exit);

MODULE_DESCRIPTION("error that becomes 0");
MODULE_LICENSE("GPL");
