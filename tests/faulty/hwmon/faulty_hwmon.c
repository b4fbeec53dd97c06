// SPDX-License-Identifier: GPL-2.0
/*
 * A hardware monitor that is never unregistered.
 *
 * Trigger: load, then unload. Who reads it calls the module.
 */

#include <linux/err.h>
#include <linux/hwmon.h>
#include <linux/module.h>
#include <linux/platform_device.h>

static umode_t faulty_visible(const void *data, enum hwmon_sensor_types type,
			      u32 attr, int channel)
{
	return 0444;
}

static int faulty_read(struct device *dev, enum hwmon_sensor_types type,
		       u32 attr, int channel, long *value)
{
	*value = 0;
	return 0;
}

static const struct hwmon_ops faulty_ops = {
	.is_visible = faulty_visible,
	.read = faulty_read,
};

static const struct hwmon_channel_info faulty_temp = {
	.type = hwmon_temp,
	.config = (const u32 []){ HWMON_T_INPUT, 0 },
};

static const struct hwmon_channel_info *faulty_info[] = { &faulty_temp, NULL };

static const struct hwmon_chip_info faulty_chip = { /* FAULT */
	.ops = &faulty_ops,
	.info = faulty_info,
};

static int __init faulty_init(void)
{
	struct device *dev;

	dev = hwmon_device_register_with_info(&platform_bus, "faulty", NULL,
					      &faulty_chip, NULL);
	return PTR_ERR_OR_ZERO(dev);
}
module_init(faulty_init);

static void __exit faulty_exit(void)
{
}
module_exit(faulty_exit);

MODULE_DESCRIPTION("Faulty: hardware monitor never unregistered");
MODULE_LICENSE("GPL");
