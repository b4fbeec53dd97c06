/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EDU_DRV_H
#define _EDU_DRV_H

#include <linux/completion.h>
#include <linux/interrupt.h>
#include <linux/kref.h>
#include <linux/miscdevice.h>
#include <linux/mutex.h>
#include <linux/pci.h>

#include "edu.h"

/**
 * struct edu - a device
 * @ref: open files, and the driver while it is bound
 * @lock: serializes use of the device, and its end
 * @pdev: the PCI device; NULL once the driver is unbound
 * @base: registers
 * @buf: the host's end of a transfer
 * @dma: bus address of @buf
 * @done: completed by the interrupt handler
 * @misc: the character device
 * @id: number of the device
 */
struct edu {
	struct kref ref;
	struct mutex lock; /* use of the device, and its end */
	struct pci_dev *pdev;
	void __iomem *base;
	void *buf;
	dma_addr_t dma;
	struct completion done;
	struct miscdevice misc;
	int id;
};

/* engine.c: what the device does; callers hold the lock */
irqreturn_t edu_irq(int irq, void *data);
bool edu_is_edu(struct edu *edu);
int edu_idle(struct edu *edu);
u32 edu_liveness(struct edu *edu, u32 val);
int edu_factorial(struct edu *edu, u32 *val);
int edu_transfer(struct edu *edu, u32 off, u32 len, bool to_host);

/* cdev.c: the character device */
int edu_cdev_add(struct edu *edu);
void edu_cdev_del(struct edu *edu);

/* main.c */
void edu_release(struct kref *ref);

#endif /* _EDU_DRV_H */
