// SPDX-License-Identifier: GPL-2.0
/*
 * A shrinker that is never unregistered.
 *
 * Trigger: load, then unload. Who needs memory calls it.
 */

#include <linux/module.h>
#include <linux/shrinker.h>

static unsigned long faulty_count(struct shrinker *shrinker, /* FAULT */
				  struct shrink_control *control)
{
	return SHRINK_EMPTY;
}

static unsigned long faulty_scan(struct shrinker *shrinker,
				 struct shrink_control *control)
{
	return SHRINK_STOP;
}

#ifndef HAVE_SHRINKER_ALLOC
static struct shrinker faulty_shrinker = {
	.count_objects = faulty_count,
	.scan_objects = faulty_scan,
	.seeks = DEFAULT_SEEKS,
};
#endif

static int __init faulty_init(void)
{
#ifdef HAVE_SHRINKER_ALLOC
	struct shrinker *shrinker = shrinker_alloc(0, "faulty");

	if (!shrinker)
		return -ENOMEM;

	shrinker->count_objects = faulty_count;
	shrinker->scan_objects = faulty_scan;
	shrinker_register(shrinker);
	return 0;
#elif defined(HAVE_SHRINKER_NAME)
	return register_shrinker(&faulty_shrinker, "faulty");
#else
	return register_shrinker(&faulty_shrinker);
#endif
}
module_init(faulty_init);

static void __exit faulty_exit(void)
{
}
module_exit(faulty_exit);

MODULE_DESCRIPTION("Faulty: shrinker never unregistered");
MODULE_LICENSE("GPL");
