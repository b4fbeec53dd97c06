// SPDX-License-Identifier: GPL-2.0
/*
 * A region of numbers of character devices that is never given back.
 *
 * Trigger: load, then unload.
 */

#include <linux/fs.h>
#include <linux/module.h>

static dev_t faulty_dev;

static int __init faulty_init(void)
{
	return alloc_chrdev_region(&faulty_dev, 0, 1, "faulty"); /* FAULT */
}
module_init(faulty_init);

static void __exit faulty_exit(void)
{
}
module_exit(faulty_exit);

MODULE_DESCRIPTION("Faulty: character device region never given back");
MODULE_LICENSE("GPL");
