// SPDX-License-Identifier: GPL-2.0
/*
 * A reference to a device of a network namespace that is never put.
 *
 * Trigger from within a network namespace, then unload. The kernel cannot take
 * the namespace down, and says every ten seconds what it waits for.
 */

#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/nsproxy.h>
#include <linux/sched.h>
#include <net/net_namespace.h>

static int trigger_set(const char *val, const struct kernel_param *kp)
{
	if (!dev_get_by_name(current->nsproxy->net_ns, "lo")) /* FAULT */
		return -ENODEV;

	return 0;
}

static const struct kernel_param_ops trigger_ops = {
	.set = trigger_set,
};

module_param_cb(trigger, &trigger_ops, NULL, 0200);
MODULE_PARM_DESC(trigger, "Write anything to run into the fault");

static int __init faulty_init(void)
{
	return 0;
}
module_init(faulty_init);

static void __exit faulty_exit(void)
{
}
module_exit(faulty_exit);

MODULE_DESCRIPTION("Faulty: device reference never put, in a network namespace");
MODULE_LICENSE("GPL");
