// SPDX-License-Identifier: GPL-2.0
/*
 * A handler of an interrupt that is never freed.
 *
 * Trigger: load, then unload. The next interrupt calls it.
 */

#include <linux/interrupt.h>
#include <linux/module.h>

static irqreturn_t faulty_irq(int irq, void *data) /* FAULT */
{
	return IRQ_NONE;
}

static int __init faulty_init(void)
{
	return request_irq(5, faulty_irq, 0, "faulty", NULL);
}
module_init(faulty_init);

static void __exit faulty_exit(void)
{
}
module_exit(faulty_exit);

MODULE_DESCRIPTION("Faulty: interrupt handler never freed");
MODULE_LICENSE("GPL");
