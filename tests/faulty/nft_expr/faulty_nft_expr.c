// SPDX-License-Identifier: GPL-2.0
/*
 * An expression of nf_tables that is never unregistered.
 *
 * Trigger: load, then unload. Who looks for an expression by name follows it.
 */

#include <linux/module.h>
#include <net/netfilter/nf_tables.h>

static void faulty_eval(const struct nft_expr *expr, struct nft_regs *regs,
			const struct nft_pktinfo *pkt)
{
}

static const struct nft_expr_ops faulty_ops = {
	.size = NFT_EXPR_SIZE(0),
	.eval = faulty_eval,
};

static struct nft_expr_type faulty_type = { /* FAULT */
	.name = "faulty",
	.ops = &faulty_ops,
	.owner = THIS_MODULE,
};

static int __init faulty_init(void)
{
	return nft_register_expr(&faulty_type);
}
module_init(faulty_init);

static void __exit faulty_exit(void)
{
}
module_exit(faulty_exit);

MODULE_DESCRIPTION("Faulty: nf_tables expression never unregistered");
MODULE_LICENSE("GPL");
