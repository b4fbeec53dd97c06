// SPDX-License-Identifier: GPL-2.0
/*
 * A file in /proc/net of each network namespace that is never removed.
 *
 * Trigger: load, then unload. Who reads it calls the module.
 */

#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/seq_file_net.h>
#include <net/net_namespace.h>

static int faulty_show(struct seq_file *seq, void *v) /* FAULT */
{
	return 0;
}

static int __net_init faulty_net_init(struct net *net)
{
	if (!proc_create_net_single("faulty", 0444, net->proc_net,
				    faulty_show, NULL))
		return -ENOMEM;

	return 0;
}

static struct pernet_operations faulty_net_ops = {
	.init = faulty_net_init,
};

static int __init faulty_init(void)
{
	return register_pernet_subsys(&faulty_net_ops);
}
module_init(faulty_init);

static void __exit faulty_exit(void)
{
	unregister_pernet_subsys(&faulty_net_ops);
}
module_exit(faulty_exit);

MODULE_DESCRIPTION("Faulty: file in /proc/net never removed");
MODULE_LICENSE("GPL");
