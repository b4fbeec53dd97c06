// SPDX-License-Identifier: GPL-2.0
/*
 * A handler of input devices that is never unregistered.
 *
 * Trigger: load, then unload. The next device asks it.
 */

#include <linux/input.h>
#include <linux/module.h>

static void faulty_event(struct input_handle *handle, unsigned int type,
			 unsigned int code, int value)
{
}

static int faulty_connect(struct input_handler *handler, struct input_dev *dev,
			  const struct input_device_id *id)
{
	return -ENODEV;
}

static void faulty_disconnect(struct input_handle *handle)
{
}

static const struct input_device_id faulty_ids[] = {
	{ },
};

static struct input_handler faulty_handler = { /* FAULT */
	.name = "faulty",
	.event = faulty_event,
	.connect = faulty_connect,
	.disconnect = faulty_disconnect,
	.id_table = faulty_ids,
};

static int __init faulty_init(void)
{
	return input_register_handler(&faulty_handler);
}
module_init(faulty_init);

static void __exit faulty_exit(void)
{
}
module_exit(faulty_exit);

MODULE_DESCRIPTION("Faulty: input handler never unregistered");
MODULE_LICENSE("GPL");
