// SPDX-License-Identifier: GPL-2.0
#include <linux/errno.h>

#include "other.h"

int tiny_other(void)
{
	return -ENODEV;
}
