// SPDX-License-Identifier: GPL-2.0
#include <linux/module.h>

#include "pair.h"

int pair_answer(void)
{
	return PAIR_ANSWER;
}
EXPORT_SYMBOL_GPL(pair_answer);

MODULE_DESCRIPTION("Test of kmodtest's build");
MODULE_LICENSE("GPL");
