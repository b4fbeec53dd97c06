// SPDX-License-Identifier: GPL-2.0-only
/* The third step jumps behind the unwinding of the second. Found as: leak */

#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/workqueue.h>

static const struct file_operations unwind_label_fops = {
	.owner = THIS_MODULE,
};

static struct miscdevice unwind_label_dev = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "unwind_label",
	.fops = &unwind_label_fops,
};

static int unwind_label_event(struct notifier_block *nb, unsigned long event,
			      void *ptr)
{
	return NOTIFY_DONE;
}

static struct notifier_block unwind_label_nb = {
	.notifier_call = unwind_label_event,
};

static struct workqueue_struct *wq;

static int __init unwind_label_init(void)
{
	int err;

	err = misc_register(&unwind_label_dev);
	if (err)
		return err;

	err = register_netdevice_notifier(&unwind_label_nb);
	if (err)
		goto err_misc;

	wq = alloc_workqueue("unwind_label", WQ_UNBOUND, 0); /* FAILS */
	if (!wq) {
		err = -ENOMEM;
		goto err_misc;
	}

	return 0;

err_misc:
	misc_deregister(&unwind_label_dev);
	return err;
}

static void __exit unwind_label_exit(void)
{
	destroy_workqueue(wq);
	unregister_netdevice_notifier(&unwind_label_nb);
	misc_deregister(&unwind_label_dev);
}

module_init(unwind_label_init);
module_exit(unwind_label_exit);

MODULE_DESCRIPTION("wrong label");
MODULE_LICENSE("GPL");
