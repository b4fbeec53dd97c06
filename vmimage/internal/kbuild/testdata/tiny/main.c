// SPDX-License-Identifier: GPL-2.0
/* A module that does nothing, for the test of the build. */
#include <linux/module.h>

#include "other.h"

static int __init tiny_init(void)
{
	int unused;

	return tiny_other();
}

static void __exit tiny_exit(void)
{
}

module_init(tiny_init);
module_exit(tiny_exit);

MODULE_DESCRIPTION("Test of kmodtest's build");
MODULE_LICENSE("GPL");
