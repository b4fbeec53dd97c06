// SPDX-License-Identifier: GPL-2.0-only
/* Two ways into the kernel, each with a bug three conditions deep. */

#include <linux/module.h>

#include "fuzzed.h"

static int __init fuzzed_init(void)
{
	int err;

	err = fuzzed_cdev_init();
	if (err)
		return err;

	err = fuzzed_netlink_init();
	if (err)
		goto err_cdev_exit;

	return 0;

err_cdev_exit:
	fuzzed_cdev_exit();
	return err;
}

static void __exit fuzzed_exit(void)
{
	fuzzed_netlink_exit();
	fuzzed_cdev_exit();
}

module_init(fuzzed_init);
module_exit(fuzzed_exit);

MODULE_DESCRIPTION("bugs for fuzzing to find");
MODULE_LICENSE("GPL");
