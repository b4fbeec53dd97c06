// SPDX-License-Identifier: GPL-2.0
/*
 * A TCP congestion control that is never unregistered.
 *
 * Trigger: load, then unload. Who lists them next follows the entry.
 */

#include <linux/module.h>
#include <net/tcp.h>

static struct tcp_congestion_ops faulty_cong = { /* FAULT */
	.ssthresh = tcp_reno_ssthresh,
	.cong_avoid = tcp_reno_cong_avoid,
	.undo_cwnd = tcp_reno_undo_cwnd,
	.owner = THIS_MODULE,
	.name = "faulty",
};

static int __init faulty_init(void)
{
	return tcp_register_congestion_control(&faulty_cong);
}
module_init(faulty_init);

static void __exit faulty_exit(void)
{
}
module_exit(faulty_exit);

MODULE_DESCRIPTION("Faulty: TCP congestion control never unregistered");
MODULE_LICENSE("GPL");
