// SPDX-License-Identifier: GPL-2.0
/*
 * An exit function that takes its time, by design.
 *
 * Trigger: load, then unload. It returns after 20 seconds.
 */

#include <linux/delay.h>
#include <linux/module.h>

static int __init faulty_init(void)
{
	return 0;
}
module_init(faulty_init);

static void __exit faulty_exit(void)
{
	ssleep(20); /* FAULT */
}
module_exit(faulty_exit);

MODULE_DESCRIPTION("Faulty: exit that takes 20 seconds");
MODULE_LICENSE("GPL");
