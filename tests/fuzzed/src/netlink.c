// SPDX-License-Identifier: GPL-2.0-only
/* A family of generic netlink with one operation. */

#include <linux/module.h>
#include <net/genetlink.h>

#include "fuzzed.h"

enum {
	FUZZED_A_UNSPEC,
	FUZZED_A_MODE,
	FUZZED_A_LIMIT,
	FUZZED_A_WINDOW,
	__FUZZED_A_MAX,
};

#define FUZZED_A_MAX		(__FUZZED_A_MAX - 1)

#define FUZZED_CMD_SET		1
#define FUZZED_MODE_WINDOW	9

static const struct nla_policy fuzzed_policy[FUZZED_A_MAX + 1] = {
	[FUZZED_A_MODE]		= { .type = NLA_U8 },
	[FUZZED_A_LIMIT]	= { .type = NLA_U32 },
	[FUZZED_A_WINDOW]	= { .type = NLA_U16 },
};

static int fuzzed_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	u32 limit = 0;
	u16 window;

	if (info->attrs[FUZZED_A_LIMIT])
		limit = nla_get_u32(info->attrs[FUZZED_A_LIMIT]);

	if (!info->attrs[FUZZED_A_MODE] ||
	    nla_get_u8(info->attrs[FUZZED_A_MODE]) != FUZZED_MODE_WINDOW)
		return 0;
	if (!info->attrs[FUZZED_A_WINDOW])
		return -EINVAL;
	window = nla_get_u16(info->attrs[FUZZED_A_WINDOW]);
	if (window < 0x8000)
		return -ERANGE;
	if (limit < 0x10000)
		return -ERANGE;
	WARN_ON(window > 0xff00); /* FAULT */

	return 0;
}

static const struct genl_small_ops fuzzed_ops[] = {
	{
		.cmd = FUZZED_CMD_SET,
		.doit = fuzzed_set_doit,
	},
};

static struct genl_family fuzzed_family = {
	.name = "fuzzed",
	.version = 1,
	.maxattr = FUZZED_A_MAX,
	.policy = fuzzed_policy,
	.module = THIS_MODULE,
	.small_ops = fuzzed_ops,
	.n_small_ops = ARRAY_SIZE(fuzzed_ops),
};

int fuzzed_netlink_init(void)
{
	return genl_register_family(&fuzzed_family);
}

void fuzzed_netlink_exit(void)
{
	genl_unregister_family(&fuzzed_family);
}
