// SPDX-License-Identifier: GPL-2.0
/*
 * A socket family that is never unregistered.
 *
 * Trigger: load, then unload. The next socket of it is made by code that is
 * gone.
 */

#include <linux/module.h>
#include <linux/net.h>
#include <net/sock.h>

static int faulty_create(struct net *net, struct socket *sock, int protocol,
			 int kern)
{
	return -EAFNOSUPPORT;
}

static const struct net_proto_family faulty_family = { /* FAULT */
	.family = PF_ECONET,
	.create = faulty_create,
	.owner = THIS_MODULE,
};

static int __init faulty_init(void)
{
	return sock_register(&faulty_family);
}
module_init(faulty_init);

static void __exit faulty_exit(void)
{
}
module_exit(faulty_exit);

MODULE_DESCRIPTION("Faulty: socket family never unregistered");
MODULE_LICENSE("GPL");
