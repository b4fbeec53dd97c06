// SPDX-License-Identifier: GPL-2.0-only
/* The unwinding of the first step is missing. Found as: leak */

#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/netdevice.h>

static const struct file_operations unwind_missing_fops = {
	.owner = THIS_MODULE,
};

static struct miscdevice unwind_missing_dev = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "unwind_missing",
	.fops = &unwind_missing_fops,
};

static int unwind_missing_event(struct notifier_block *nb, unsigned long event,
				void *ptr)
{
	return NOTIFY_DONE;
}

static struct notifier_block unwind_missing_nb = {
	.notifier_call = unwind_missing_event,
};

static int __init unwind_missing_init(void)
{
	int err;

	err = misc_register(&unwind_missing_dev);
	if (err)
		return err;

	return register_netdevice_notifier(&unwind_missing_nb); /* FAILS */
}

static void __exit unwind_missing_exit(void)
{
	unregister_netdevice_notifier(&unwind_missing_nb);
	misc_deregister(&unwind_missing_dev);
}

module_init(unwind_missing_init);
module_exit(unwind_missing_exit);

MODULE_DESCRIPTION("no unwinding");
MODULE_LICENSE("GPL");
