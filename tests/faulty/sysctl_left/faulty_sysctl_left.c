// SPDX-License-Identifier: GPL-2.0
/*
 * A sysctl below an existing folder that is never unregistered.
 *
 * Trigger: load, then unload. Who reads it follows the table.
 */

#include <linux/module.h>
#include <linux/sysctl.h>

static int faulty_value;

static struct ctl_table faulty_table[] = { /* FAULT */
	{
		.procname = "faulty_value",
		.data = &faulty_value,
		.maxlen = sizeof(faulty_value),
		.mode = 0644,
		.proc_handler = proc_dointvec,
	},
#ifndef register_sysctl
	/* Since 6.6 it is a macro that counts the entries. */
	{ },
#endif
};

static int __init faulty_init(void)
{
	return register_sysctl("kernel", faulty_table) ? 0 : -ENOMEM;
}
module_init(faulty_init);

static void __exit faulty_exit(void)
{
}
module_exit(faulty_exit);

MODULE_DESCRIPTION("Faulty: sysctl never unregistered");
MODULE_LICENSE("GPL");
