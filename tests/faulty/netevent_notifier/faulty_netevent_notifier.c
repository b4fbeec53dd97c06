// SPDX-License-Identifier: GPL-2.0
/*
 * A notifier of network events that is never unregistered.
 *
 * Trigger: load, then unload. The next event calls it.
 */

#include <linux/module.h>
#include <linux/notifier.h>
#include <net/netevent.h>

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
	return register_netevent_notifier(&faulty_nb);
}
module_init(faulty_init);

static void __exit faulty_exit(void)
{
}
module_exit(faulty_exit);

MODULE_DESCRIPTION("Faulty: network events notifier never unregistered");
MODULE_LICENSE("GPL");
