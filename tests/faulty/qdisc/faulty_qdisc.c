// SPDX-License-Identifier: GPL-2.0
/*
 * A queueing discipline that is never unregistered.
 *
 * Trigger: load, then unload. Who looks for one by name follows it.
 */

#include <linux/module.h>
#include <net/pkt_sched.h>
#include <net/sch_generic.h>

static int faulty_enqueue(struct sk_buff *skb, struct Qdisc *sch,
			  struct sk_buff **to_free)
{
	return qdisc_drop(skb, sch, to_free);
}

static struct sk_buff *faulty_dequeue(struct Qdisc *sch)
{
	return NULL;
}

static struct Qdisc_ops faulty_qdisc = { /* FAULT */
	.id = "faulty",
	.enqueue = faulty_enqueue,
	.dequeue = faulty_dequeue,
	.peek = faulty_dequeue,
	.owner = THIS_MODULE,
};

static int __init faulty_init(void)
{
	return register_qdisc(&faulty_qdisc);
}
module_init(faulty_init);

static void __exit faulty_exit(void)
{
}
module_exit(faulty_exit);

MODULE_DESCRIPTION("Faulty: queueing discipline never unregistered");
MODULE_LICENSE("GPL");
