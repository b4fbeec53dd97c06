// SPDX-License-Identifier: GPL-2.0
/*
 * An upper layer protocol of TCP that is never unregistered.
 *
 * Trigger: load, then unload. Who lists them next follows the entry.
 */

#include <linux/module.h>
#include <net/tcp.h>

static int faulty_ulp_init(struct sock *sk)
{
	return -EOPNOTSUPP;
}

static struct tcp_ulp_ops faulty_ulp = { /* FAULT */
	.name = "faulty",
	.init = faulty_ulp_init,
	.owner = THIS_MODULE,
};

static int __init faulty_init(void)
{
	return tcp_register_ulp(&faulty_ulp);
}
module_init(faulty_init);

static void __exit faulty_exit(void)
{
}
module_exit(faulty_exit);

MODULE_DESCRIPTION("Faulty: TCP upper layer protocol never unregistered");
MODULE_LICENSE("GPL");
