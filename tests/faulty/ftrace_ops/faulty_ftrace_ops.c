// SPDX-License-Identifier: GPL-2.0
/*
 * A function tracer that is never unregistered.
 *
 * Trigger: load, then unload. The traced function calls it.
 */

#include <linux/ftrace.h>
#include <linux/module.h>

static void notrace faulty_trace(unsigned long ip, unsigned long parent,
				 struct ftrace_ops *ops,
				 struct ftrace_regs *fregs)
{
}

static struct ftrace_ops faulty_ops = { /* FAULT */
	.func = faulty_trace,
};

static int __init faulty_init(void)
{
	char filter[] = "dev_get_stats";
	int ret;

	ret = ftrace_set_filter(&faulty_ops, filter, sizeof(filter) - 1, 1);
	if (ret)
		return ret;

	return register_ftrace_function(&faulty_ops);
}
module_init(faulty_init);

static void __exit faulty_exit(void)
{
}
module_exit(faulty_exit);

MODULE_DESCRIPTION("Faulty: function tracer never unregistered");
MODULE_LICENSE("GPL");
