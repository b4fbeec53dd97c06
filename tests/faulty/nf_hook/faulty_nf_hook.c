// SPDX-License-Identifier: GPL-2.0
/*
 * A netfilter hook that is never unregistered.
 *
 * Trigger: load, then unload. The next packet calls it.
 */

#include <linux/module.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <net/net_namespace.h>

static unsigned int faulty_hook(void *priv, /* FAULT */
				struct sk_buff *skb,
				const struct nf_hook_state *state)
{
	return NF_ACCEPT;
}

static const struct nf_hook_ops faulty_ops = {
	.hook = faulty_hook,
	.pf = NFPROTO_IPV4,
	.hooknum = NF_INET_LOCAL_OUT,
};

static int __init faulty_init(void)
{
	return nf_register_net_hook(&init_net, &faulty_ops);
}
module_init(faulty_init);

static void __exit faulty_exit(void)
{
}
module_exit(faulty_exit);

MODULE_DESCRIPTION("Faulty: netfilter hook never unregistered");
MODULE_LICENSE("GPL");
