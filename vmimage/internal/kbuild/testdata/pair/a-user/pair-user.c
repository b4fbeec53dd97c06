// SPDX-License-Identifier: GPL-2.0
/* A module that uses another one's symbol, and of which W=1 would complain. */
#include <linux/module.h>

#include "pair.h"

static int __init pair_user_init(void)
{
	int unused;

	unused = pair_answer();
#ifdef PAIR_EXTRA
	pr_info("with EXTRA_CFLAGS\n");
#endif
	return 0;
}
module_init(pair_user_init);

MODULE_DESCRIPTION("Test of kmodtest's build");
MODULE_LICENSE("GPL");
