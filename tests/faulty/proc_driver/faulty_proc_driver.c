// SPDX-License-Identifier: GPL-2.0
/*
 * A file in /proc/driver that is never removed.
 *
 * Trigger: load, then unload. Who opens it next calls its operations.
 */

#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>

static int faulty_show(struct seq_file *seq, void *v) /* FAULT */
{
	return 0;
}

static int __init faulty_init(void)
{
	if (!proc_create_single("driver/faulty", 0444, NULL,
				faulty_show))
		return -ENOMEM;

	return 0;
}
module_init(faulty_init);

static void __exit faulty_exit(void)
{
}
module_exit(faulty_exit);

MODULE_DESCRIPTION("Faulty: file in /proc/driver never removed");
MODULE_LICENSE("GPL");
