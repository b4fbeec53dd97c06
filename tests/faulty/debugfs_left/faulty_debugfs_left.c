// SPDX-License-Identifier: GPL-2.0
/*
 * A file of debugfs below an existing folder that is never removed.
 *
 * Trigger: load, then unload. Who reads it calls the module.
 */

#include <linux/debugfs.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/module.h>

static ssize_t faulty_read(struct file *file, char __user *to, size_t size,
			   loff_t *pos)
{
	return 0;
}

static const struct file_operations faulty_fops = { /* FAULT */
	.owner = THIS_MODULE,
	.read = faulty_read,
};

static int __init faulty_init(void)
{
	return PTR_ERR_OR_ZERO(debugfs_create_file("faulty", 0444,
						   arch_debugfs_dir, NULL,
						   &faulty_fops));
}
module_init(faulty_init);

static void __exit faulty_exit(void)
{
}
module_exit(faulty_exit);

MODULE_DESCRIPTION("Faulty: debugfs file never removed");
MODULE_LICENSE("GPL");
