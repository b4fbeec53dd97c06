// SPDX-License-Identifier: GPL-2.0
/*
 * A file system type that is never unregistered.
 *
 * Trigger: load, then unload. Who lists them next follows the entry.
 */

#include <linux/fs.h>
#include <linux/module.h>

static int faulty_context(struct fs_context *fc)
{
	return -ENODEV;
}

static struct file_system_type faulty_type = { /* FAULT */
	.owner = THIS_MODULE,
	.name = "faultyfs",
	.init_fs_context = faulty_context,
	.kill_sb = kill_anon_super,
};

static int __init faulty_init(void)
{
	return register_filesystem(&faulty_type);
}
module_init(faulty_init);

static void __exit faulty_exit(void)
{
}
module_exit(faulty_exit);

MODULE_DESCRIPTION("Faulty: file system type never unregistered");
MODULE_LICENSE("GPL");
