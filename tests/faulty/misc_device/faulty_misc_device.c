// SPDX-License-Identifier: GPL-2.0
/*
 * A misc device that is never deregistered.
 *
 * Trigger: load, then unload. Who opens it, or lists them, follows the entry.
 */

#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>

static const struct file_operations faulty_fops = {
	.owner = THIS_MODULE,
};

static struct miscdevice faulty_misc = { /* FAULT */
	.minor = MISC_DYNAMIC_MINOR,
	.name = "faulty",
	.fops = &faulty_fops,
};

static int __init faulty_init(void)
{
	return misc_register(&faulty_misc);
}
module_init(faulty_init);

static void __exit faulty_exit(void)
{
}
module_exit(faulty_exit);

MODULE_DESCRIPTION("Faulty: misc device never deregistered");
MODULE_LICENSE("GPL");
