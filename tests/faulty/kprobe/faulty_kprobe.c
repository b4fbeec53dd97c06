// SPDX-License-Identifier: GPL-2.0
/*
 * A kprobe that is never unregistered.
 *
 * Trigger: load, then unload. The probed function calls it.
 */

#include <linux/kprobes.h>
#include <linux/module.h>

static int faulty_pre(struct kprobe *p, struct pt_regs *regs)
{
	return 0;
}

static struct kprobe faulty_probe = { /* FAULT */
	.symbol_name = "dev_get_stats",
	.pre_handler = faulty_pre,
};

static int __init faulty_init(void)
{
	return register_kprobe(&faulty_probe);
}
module_init(faulty_init);

static void __exit faulty_exit(void)
{
}
module_exit(faulty_exit);

MODULE_DESCRIPTION("Faulty: kprobe never unregistered");
MODULE_LICENSE("GPL");
