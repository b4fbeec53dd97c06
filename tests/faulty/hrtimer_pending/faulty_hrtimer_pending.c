// SPDX-License-Identifier: GPL-2.0
/*
 * A high-resolution timer that is pending when the module goes.
 *
 * Trigger: load, then unload. It goes off after an hour. The timer is on the
 * heap.
 */

#include <linux/hrtimer.h>
#include <linux/module.h>
#include <linux/slab.h>

static enum hrtimer_restart faulty_expired(struct hrtimer *timer) /* FAULT */
{
	return HRTIMER_NORESTART;
}

static int __init faulty_init(void)
{
	struct hrtimer_sleeper *sleeper;

	sleeper = kzalloc(sizeof(*sleeper), GFP_KERNEL);
	if (!sleeper)
		return -ENOMEM;

#ifdef HAVE_HRTIMER_SETUP
	hrtimer_setup(&sleeper->timer, faulty_expired, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL);
#else
	hrtimer_init(&sleeper->timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	sleeper->timer.function = faulty_expired;
#endif
	hrtimer_start(&sleeper->timer, ktime_set(3600, 0), HRTIMER_MODE_REL);
	return 0;
}
module_init(faulty_init);

static void __exit faulty_exit(void)
{
}
module_exit(faulty_exit);

MODULE_DESCRIPTION("Faulty: high-resolution timer left pending");
MODULE_LICENSE("GPL");
