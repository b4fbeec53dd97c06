// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the device does. Factorials and transfers take a while, and end with an
 * interrupt.
 */
#include <linux/io.h>
#include <linux/iopoll.h>
#include <linux/jiffies.h>
#include <linux/time64.h>

#include "edu_drv.h"

#define EDU_ID			0x00
#define EDU_ID_MASK		0x0000ffff
#define EDU_ID_VALUE		0x000000ed
#define EDU_LIVENESS		0x04
#define EDU_FACTORIAL		0x08
#define EDU_STATUS		0x20
#define EDU_STATUS_COMPUTING	BIT(0)
#define EDU_STATUS_IRQ		BIT(7)
#define EDU_IRQ_STATUS		0x24
#define EDU_IRQ_FACTORIAL	BIT(0)
#define EDU_IRQ_DMA		BIT(8)
#define EDU_IRQ_ACK		0x64
#define EDU_DMA_SRC		0x80
#define EDU_DMA_DST		0x88
#define EDU_DMA_COUNT		0x90
#define EDU_DMA_CMD		0x98
#define EDU_DMA_RUN		BIT(0)
#define EDU_DMA_TO_HOST		BIT(1)
#define EDU_DMA_IRQ		BIT(2)

/* Where the DMA engine sees the device's own buffer. */
#define EDU_BUF			0x40000
#define EDU_TIMEOUT		(5 * HZ)
#define EDU_IDLE_US		USEC_PER_SEC

irqreturn_t edu_irq(int irq, void *data)
{
	struct edu *edu = data;
	u32 status = readl(edu->base + EDU_IRQ_STATUS);

	if (!status)
		return IRQ_NONE;
	writel(status, edu->base + EDU_IRQ_ACK);
	if (status & (EDU_IRQ_FACTORIAL | EDU_IRQ_DMA))
		complete(&edu->done);
	return IRQ_HANDLED;
}

bool edu_is_edu(struct edu *edu)
{
	return (readl(edu->base + EDU_ID) & EDU_ID_MASK) == EDU_ID_VALUE;
}

/* A caller that was killed may have left the device at work. */
int edu_idle(struct edu *edu)
{
	u32 val;
	int err;

	err = readl_poll_timeout(edu->base + EDU_DMA_CMD, val,
				 !(val & EDU_DMA_RUN), 1000, EDU_IDLE_US);
	if (err)
		return err;
	return readl_poll_timeout(edu->base + EDU_STATUS, val,
				  !(val & EDU_STATUS_COMPUTING), 1000,
				  EDU_IDLE_US);
}

static int edu_wait(struct edu *edu)
{
	long left;

	left = wait_for_completion_killable_timeout(&edu->done, EDU_TIMEOUT);
	if (left < 0)
		return left;
	/* The interrupt may be one that a killed caller did not wait for. */
	return left ? edu_idle(edu) : -ETIMEDOUT;
}

u32 edu_liveness(struct edu *edu, u32 val)
{
	writel(val, edu->base + EDU_LIVENESS);
	return readl(edu->base + EDU_LIVENESS);
}

int edu_factorial(struct edu *edu, u32 *val)
{
	int err;

	if (*val > EDU_FACTORIAL_MAX)
		return -ERANGE;
	err = edu_idle(edu);
	if (err)
		return err;
	reinit_completion(&edu->done);
	writel(EDU_STATUS_IRQ, edu->base + EDU_STATUS);
	writel(*val, edu->base + EDU_FACTORIAL);
	err = edu_wait(edu);
	if (!err)
		*val = readl(edu->base + EDU_FACTORIAL);
	return err;
}

/* The caller has seen to it that off and len lie within the buffer. */
int edu_transfer(struct edu *edu, u32 off, u32 len, bool to_host)
{
	u32 host = lower_32_bits(edu->dma) + off;
	u32 dev = EDU_BUF + off;

	writel(to_host ? dev : host, edu->base + EDU_DMA_SRC);
	writel(to_host ? host : dev, edu->base + EDU_DMA_DST);
	writel(len, edu->base + EDU_DMA_COUNT);
	reinit_completion(&edu->done);
	writel(EDU_DMA_RUN | EDU_DMA_IRQ | (to_host ? EDU_DMA_TO_HOST : 0),
	       edu->base + EDU_DMA_CMD);
	return edu_wait(edu);
}
