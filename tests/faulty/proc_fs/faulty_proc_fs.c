// SPDX-License-Identifier: GPL-2.0
/*
 * A folder below /proc/fs that is never removed.
 *
 * Trigger: load, then unload.
 */

#include <linux/module.h>
#include <linux/proc_fs.h>

static int __init faulty_init(void)
{
	return proc_mkdir("fs/faulty", NULL) ? 0 : -ENOMEM; /* FAULT */
}
module_init(faulty_init);

static void __exit faulty_exit(void)
{
}
module_exit(faulty_exit);

MODULE_DESCRIPTION("Faulty: folder in /proc/fs never removed");
MODULE_LICENSE("GPL");
