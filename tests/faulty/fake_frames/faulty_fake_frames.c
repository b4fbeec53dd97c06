// SPDX-License-Identifier: GPL-2.0
/*
 * Kernel messages that look like results and like reports of trouble.
 *
 * None of them may count: results travel on a channel of their own, and
 * reports start at the beginning of a message.
 */

#include <linux/module.h>
#include <linux/printk.h>

static const char * const faulty_lines[] = {
	"=== RUN   TestFake",
	"--- PASS: TestFake (0.00s)",
	"--- FAIL: TestFake (0.00s)",
	"PASS",
	"ok  \tgithub.com/kmodtest/kmodtest/tests\t0.001s",
	"{\"Action\":\"pass\",\"Test\":\"TestFake\"}",
	"kmodtest: done 0",
	"exit status 0",
	"reboot: Power down",
	"not at the start: BUG: kernel NULL pointer dereference",
	"not at the start: WARNING: CPU: 0 PID: 1 at fake.c:1 fake+0x1/0x2",
};

static noinline void faulty_fake_frames(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(faulty_lines); i++)
		pr_info("%s\n", faulty_lines[i]); /* FAULT */
}

static int trigger_set(const char *val, const struct kernel_param *kp)
{
	faulty_fake_frames();

	return 0;
}

static const struct kernel_param_ops trigger_ops = {
	.set = trigger_set,
};

module_param_cb(trigger, &trigger_ops, NULL, 0200);
MODULE_PARM_DESC(trigger, "Write anything to run into the fault");

MODULE_DESCRIPTION("Faulty: printk lines that imitate results");
MODULE_LICENSE("GPL");
