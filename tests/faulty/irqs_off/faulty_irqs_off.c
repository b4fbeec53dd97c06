// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupts off for ever.
 *
 * The CPU is dead to all but an NMI; without a second CPU the whole guest is.
 */

#include <linux/compiler.h>
#include <linux/irqflags.h>
#include <linux/module.h>

static bool faulty_stop;

static noinline void faulty_irqs_off(void)
{
	local_irq_disable();
	while (!READ_ONCE(faulty_stop)) /* FAULT */
		;
	local_irq_enable();
}

static int trigger_set(const char *val, const struct kernel_param *kp)
{
	faulty_irqs_off();

	return 0;
}

static const struct kernel_param_ops trigger_ops = {
	.set = trigger_set,
};

module_param_cb(trigger, &trigger_ops, NULL, 0200);
MODULE_PARM_DESC(trigger, "Write anything to run into the fault");

MODULE_DESCRIPTION("Faulty: interrupts off for ever");
MODULE_LICENSE("GPL");
