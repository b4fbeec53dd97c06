// SPDX-License-Identifier: GPL-2.0-only
/* A device that takes requests of four bytes. */

#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/uaccess.h>

#include "fuzzed.h"

#define FUZZED_VERSION	3
#define FUZZED_CMD_BULK	5
#define FUZZED_CHANNELS	64

struct fuzzed_request {
	u8 version;
	u8 cmd;
	u8 channel;
	u8 flags;
};

struct fuzzed_channel {
	unsigned long requests;
};

static struct fuzzed_channel fuzzed_first;

/* The last one was forgotten. */
static struct fuzzed_channel *fuzzed_channels[FUZZED_CHANNELS + 1] = {
	[0 ... FUZZED_CHANNELS - 1] = &fuzzed_first,
};

static ssize_t fuzzed_write(struct file *file, const char __user *from,
			    size_t len, loff_t *pos)
{
	struct fuzzed_request req;

	if (len < sizeof(req))
		return -EINVAL;
	if (copy_from_user(&req, from, sizeof(req)))
		return -EFAULT;

	if (req.version != FUZZED_VERSION)
		return -EPROTONOSUPPORT;
	if (req.cmd != FUZZED_CMD_BULK)
		return -EOPNOTSUPP;

	if (req.channel > FUZZED_CHANNELS)
		return -ECHRNG;
	fuzzed_channels[req.channel]->requests++; /* FAULT */

	return len;
}

static const struct file_operations fuzzed_fops = {
	.owner = THIS_MODULE,
	.write = fuzzed_write,
};

static struct miscdevice fuzzed_dev = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "fuzzed",
	.fops = &fuzzed_fops,
};

int fuzzed_cdev_init(void)
{
	return misc_register(&fuzzed_dev);
}

void fuzzed_cdev_exit(void)
{
	misc_deregister(&fuzzed_dev);
}
