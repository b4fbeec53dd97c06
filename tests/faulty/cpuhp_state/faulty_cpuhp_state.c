// SPDX-License-Identifier: GPL-2.0
/*
 * A CPU hotplug state that is never removed.
 *
 * Trigger: load, then unload. The next CPU that comes or goes calls it.
 */

#include <linux/cpuhotplug.h>
#include <linux/module.h>

static int faulty_online(unsigned int cpu) /* FAULT */
{
	return 0;
}

static int __init faulty_init(void)
{
	int ret;

	ret = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "faulty:online",
				faulty_online, NULL);
	return ret < 0 ? ret : 0;
}
module_init(faulty_init);

static void __exit faulty_exit(void)
{
}
module_exit(faulty_exit);

MODULE_DESCRIPTION("Faulty: CPU hotplug state never removed");
MODULE_LICENSE("GPL");
