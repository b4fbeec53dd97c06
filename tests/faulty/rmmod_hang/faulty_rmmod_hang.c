// SPDX-License-Identifier: GPL-2.0
/*
 * An exit function that never returns.
 *
 * Trigger: load, then unload.
 */

#include <linux/compiler.h>
#include <linux/completion.h>
#include <linux/module.h>

static DECLARE_COMPLETION(faulty_never);

static int __init faulty_init(void)
{
	return 0;
}
module_init(faulty_init);

static void __exit faulty_exit(void)
{
	wait_for_completion(&faulty_never); /* FAULT */
	/* No tail call: this function has to be on the stack. */
	barrier();
}
module_exit(faulty_exit);

MODULE_DESCRIPTION("Faulty: rmmod that never returns");
MODULE_LICENSE("GPL");
