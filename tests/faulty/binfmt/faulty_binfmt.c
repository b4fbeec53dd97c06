// SPDX-License-Identifier: GPL-2.0
/*
 * A binary format that is never unregistered.
 *
 * Trigger: load, then unload. The next program that is started follows it.
 */

#include <linux/binfmts.h>
#include <linux/module.h>

static int faulty_load(struct linux_binprm *bprm)
{
	return -ENOEXEC;
}

static struct linux_binfmt faulty_format = { /* FAULT */
	.module = THIS_MODULE,
	.load_binary = faulty_load,
};

static int __init faulty_init(void)
{
	register_binfmt(&faulty_format);
	return 0;
}
module_init(faulty_init);

static void __exit faulty_exit(void)
{
}
module_exit(faulty_exit);

MODULE_DESCRIPTION("Faulty: binary format never unregistered");
MODULE_LICENSE("GPL");
