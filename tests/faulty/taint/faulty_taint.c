// SPDX-License-Identifier: GPL-2.0
/*
 * A module that taints the kernel beyond what any out-of-tree module does.
 *
 * Trigger: load.
 */

#include <linux/module.h>

MODULE_INFO(staging, "Y"); /* FAULT */

MODULE_DESCRIPTION("Faulty: unexpected taint");
MODULE_LICENSE("GPL");
