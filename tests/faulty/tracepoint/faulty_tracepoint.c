// SPDX-License-Identifier: GPL-2.0
/*
 * A probe of a tracepoint that is never unregistered.
 *
 * Trigger: load, then unload. The next time that the kernel comes by calls it.
 */

#include <linux/module.h>
#include <linux/string.h>
#include <linux/tracepoint.h>

static void faulty_probe(void *data, void *task) /* FAULT */
{
}

static void faulty_find(struct tracepoint *tp, void *found)
{
	if (!strcmp(tp->name, "oom_score_adj_update"))
		*(struct tracepoint **)found = tp;
}

static int __init faulty_init(void)
{
	struct tracepoint *tp = NULL;

	for_each_kernel_tracepoint(faulty_find, &tp);
	if (!tp)
		return -ENOENT;

	return tracepoint_probe_register(tp, faulty_probe, NULL);
}
module_init(faulty_init);

static void __exit faulty_exit(void)
{
}
module_exit(faulty_exit);

MODULE_DESCRIPTION("Faulty: tracepoint probe never unregistered");
MODULE_LICENSE("GPL");
