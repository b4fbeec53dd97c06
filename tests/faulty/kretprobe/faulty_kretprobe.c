// SPDX-License-Identifier: GPL-2.0
/*
 * A kretprobe that is never unregistered.
 *
 * Trigger: load, then unload. The probed function calls it.
 */

#include <linux/kprobes.h>
#include <linux/module.h>

static int faulty_ret(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	return 0;
}

static struct kretprobe faulty_probe = { /* FAULT */
	.kp.symbol_name = "dev_get_stats",
	.handler = faulty_ret,
};

static int __init faulty_init(void)
{
	return register_kretprobe(&faulty_probe);
}
module_init(faulty_init);

static void __exit faulty_exit(void)
{
}
module_exit(faulty_exit);

MODULE_DESCRIPTION("Faulty: kretprobe never unregistered");
MODULE_LICENSE("GPL");
