// SPDX-License-Identifier: GPL-2.0
/*
 * A notifier of oopses that is never unregistered.
 *
 * Trigger: load, then unload. The next event calls it.
 */

#include <linux/kdebug.h>
#include <linux/module.h>
#include <linux/notifier.h>

static int faulty_event(struct notifier_block *nb, unsigned long event,
			void *data)
{
	return NOTIFY_DONE;
}

static struct notifier_block faulty_nb = { /* FAULT */
	.notifier_call = faulty_event,
};

static int __init faulty_init(void)
{
	return register_die_notifier(&faulty_nb);
}
module_init(faulty_init);

static void __exit faulty_exit(void)
{
}
module_exit(faulty_exit);

MODULE_DESCRIPTION("Faulty: oopses notifier never unregistered");
MODULE_LICENSE("GPL");
