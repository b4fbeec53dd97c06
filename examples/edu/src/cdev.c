// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/edu0 and its like. A file may be open for longer than there is a device:
 * it holds a reference to struct edu, and is told that the device is gone.
 */
#include <linux/compat.h>
#include <linux/fs.h>
#include <linux/idr.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "edu_drv.h"

static DEFINE_IDA(edu_ida);

/* Returns with the device locked, or an error. */
static int edu_get(struct edu *edu)
{
	if (mutex_lock_interruptible(&edu->lock))
		return -ERESTARTSYS;
	if (edu->pdev)
		return 0;
	mutex_unlock(&edu->lock);
	return -ENODEV;
}

static ssize_t edu_read(struct file *file, char __user *to, size_t len,
			loff_t *pos)
{
	struct edu *edu = file->private_data;
	ssize_t ret;

	if (*pos < 0 || *pos >= EDU_BUF_SIZE || !len)
		return 0;
	len = min_t(size_t, len, EDU_BUF_SIZE - *pos);
	ret = edu_get(edu);
	if (ret)
		return ret;
	ret = edu_idle(edu);
	if (!ret)
		ret = edu_transfer(edu, *pos, len, true);
	if (!ret)
		ret = simple_read_from_buffer(to, len, pos, edu->buf,
					      EDU_BUF_SIZE);
	mutex_unlock(&edu->lock);
	return ret;
}

static ssize_t edu_write(struct file *file, const char __user *from,
			 size_t len, loff_t *pos)
{
	struct edu *edu = file->private_data;
	loff_t at = *pos;
	ssize_t ret;

	if (at < 0 || at >= EDU_BUF_SIZE)
		return len ? -ENOSPC : 0;
	ret = edu_get(edu);
	if (ret)
		return ret;
	ret = edu_idle(edu);
	if (!ret)
		ret = simple_write_to_buffer(edu->buf, EDU_BUF_SIZE, &at, from,
					     len);
	if (ret > 0) {
		int err = edu_transfer(edu, *pos, ret, false);

		if (err)
			ret = err;
		else
			*pos = at;
	}
	mutex_unlock(&edu->lock);
	return ret;
}

static loff_t edu_llseek(struct file *file, loff_t off, int whence)
{
	return fixed_size_llseek(file, off, whence, EDU_BUF_SIZE);
}

static long edu_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct edu *edu = file->private_data;
	u32 __user *user = (u32 __user *)arg;
	u32 val;
	int err;

	if (cmd != EDU_IOC_LIVENESS && cmd != EDU_IOC_FACTORIAL)
		return -ENOTTY;
	if (get_user(val, user))
		return -EFAULT;
	err = edu_get(edu);
	if (err)
		return err;
	if (cmd == EDU_IOC_FACTORIAL)
		err = edu_factorial(edu, &val);
	else
		val = edu_liveness(edu, val);
	mutex_unlock(&edu->lock);
	if (err)
		return err;
	return put_user(val, user);
}

/* misc_deregister waits for an open that is under way: edu is still there. */
static int edu_open(struct inode *inode, struct file *file)
{
	struct edu *edu = container_of(file->private_data, struct edu, misc);

	kref_get(&edu->ref);
	file->private_data = edu;
	return 0;
}

static int edu_close(struct inode *inode, struct file *file)
{
	struct edu *edu = file->private_data;

	kref_put(&edu->ref, edu_release);
	return 0;
}

static const struct file_operations edu_fops = {
	.owner		= THIS_MODULE,
	.open		= edu_open,
	.release	= edu_close,
	.read		= edu_read,
	.write		= edu_write,
	.llseek		= edu_llseek,
	.unlocked_ioctl	= edu_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
};

int edu_cdev_add(struct edu *edu)
{
	int err;

	edu->id = ida_alloc(&edu_ida, GFP_KERNEL);
	if (edu->id < 0)
		return edu->id;
	edu->misc.minor = MISC_DYNAMIC_MINOR;
	edu->misc.fops = &edu_fops;
	edu->misc.parent = &edu->pdev->dev;
	edu->misc.name = kasprintf(GFP_KERNEL, "edu%d", edu->id);
	err = edu->misc.name ? misc_register(&edu->misc) : -ENOMEM;
	if (err)
		ida_free(&edu_ida, edu->id);
	return err;
}

void edu_cdev_del(struct edu *edu)
{
	misc_deregister(&edu->misc);
	ida_free(&edu_ida, edu->id);
}
