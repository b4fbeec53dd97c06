// SPDX-License-Identifier: GPL-2.0
/*
 * A clean module, next to which something else comes and stays.
 *
 * Trigger: load, make a probe through tracefs, unload. The probe is the
 * tracer's, and nothing to do with the module.
 */

#include <linux/module.h>

static int __init faulty_init(void)
{
	return 0; /* FAULT */
}
module_init(faulty_init);

static void __exit faulty_exit(void)
{
}
module_exit(faulty_exit);

MODULE_DESCRIPTION("Faulty: none, a bystander");
MODULE_LICENSE("GPL");
