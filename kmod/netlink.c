// SPDX-License-Identifier: GPL-2.0-only
/* vnet_nl: the generic netlink family. */

#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/netlink.h>
#include <linux/string.h>
#include <net/genetlink.h>
#include <net/netlink.h>

#include "uapi/linux/vnet_nl.h"
#include "vnet_nl.h"

enum vnet_nl_mcgrp {
	VNET_NL_MCGRP_EVENTS_IDX,
};

static const struct genl_multicast_group vnet_nl_mcgrps[] = {
	[VNET_NL_MCGRP_EVENTS_IDX] = { .name = VNET_NL_MCGRP_EVENTS },
};

static const struct nla_policy vnet_nl_echo_policy[VNET_NL_A_MAX + 1] = {
	[VNET_NL_A_STRING] = {
		.type = NLA_NUL_STRING,
		.len = VNET_NL_STRING_MAX,
	},
	[VNET_NL_A_U32] = { .type = NLA_U32 },
	[VNET_NL_A_FLAG] = NLA_POLICY_MAX(NLA_U8, 1),
};

static struct genl_family vnet_nl_family;

/**
 * vnet_nl_echo_check() - refuse what the policy cannot express
 * @info: the request
 *
 * Return: 0, or -EINVAL with an extack text.
 */
static int vnet_nl_echo_check(struct genl_info *info)
{
	const struct nlattr *str = info->attrs[VNET_NL_A_STRING];
	int i;

	/* The core hands over any version; a client that speaks another one
	 * should be told, not misread.
	 */
	if (info->genlhdr->version != VNET_NL_FAMILY_VERSION) {
		GENL_SET_ERR_MSG(info, "unsupported family version");
		return -EINVAL;
	}

	/* NLA_NUL_STRING is content with a NUL anywhere in the attribute. */
	if (str && strnlen(nla_data(str), nla_len(str)) != nla_len(str) - 1) {
		NL_SET_ERR_MSG_ATTR(info->extack, str,
				    "string goes on after its NUL");
		return -EINVAL;
	}

	for (i = 1; i <= VNET_NL_A_MAX; i++)
		if (info->attrs[i])
			return 0;

	GENL_SET_ERR_MSG(info, "no attribute to echo");
	return -EINVAL;
}

/**
 * vnet_nl_echo_msg() - build a message with the attributes of a request
 * @info: the request
 * @portid: netlink port that the message answers, 0 for a notification
 * @seq: sequence number that the message answers, 0 for a notification
 * @cmd: command of the message
 *
 * Return: the message, or NULL if there is no memory.
 */
static struct sk_buff *vnet_nl_echo_msg(struct genl_info *info, u32 portid,
					u32 seq, u8 cmd)
{
	struct sk_buff *msg;
	size_t size = 0;
	void *hdr;
	int i;

	for (i = 1; i <= VNET_NL_A_MAX; i++)
		if (info->attrs[i])
			size += nla_total_size(nla_len(info->attrs[i]));

	msg = genlmsg_new(size, GFP_KERNEL);
	if (!msg)
		return NULL;

	hdr = genlmsg_put(msg, portid, seq, &vnet_nl_family, 0, cmd);
	if (!hdr)
		goto err_free_msg;

	for (i = 1; i <= VNET_NL_A_MAX; i++)
		if (info->attrs[i] &&
		    nla_put(msg, i, nla_len(info->attrs[i]),
			    nla_data(info->attrs[i])))
			goto err_free_msg;

	genlmsg_end(msg, hdr);
	return msg;

err_free_msg:
	nlmsg_free(msg);
	return NULL;
}

/**
 * vnet_nl_echo_doit() - answer VNET_NL_CMD_ECHO and publish it
 * @skb: the request's buffer
 * @info: the request
 *
 * The notification is built before the reply is sent, so that an echo that was
 * answered can always be published, and published only if it was answered.
 *
 * Return: 0, or a negative errno.
 */
static int vnet_nl_echo_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct net *net = genl_info_net(info);
	struct sk_buff *reply, *ntf = NULL;
	int err;

	err = vnet_nl_echo_check(info);
	if (err)
		return err;

	reply = vnet_nl_echo_msg(info, info->snd_portid, info->snd_seq,
				 VNET_NL_CMD_ECHO);
	if (!reply)
		return -ENOMEM;

	if (genl_has_listeners(&vnet_nl_family, net,
			       VNET_NL_MCGRP_EVENTS_IDX)) {
		ntf = vnet_nl_echo_msg(info, 0, 0, VNET_NL_CMD_ECHO_NTF);
		if (!ntf) {
			nlmsg_free(reply);
			return -ENOMEM;
		}
	}

	err = genlmsg_reply(reply, info);
	if (err) {
		nlmsg_free(ntf);
		return err;
	}

	/* The port of the sender is not excluded: it may have subscribed, too.
	 * A subscriber that is too slow is told so by its own socket (ENOBUFS);
	 * it is no concern of the sender.
	 */
	if (ntf)
		genlmsg_multicast_netns(&vnet_nl_family, net, ntf, 0,
					VNET_NL_MCGRP_EVENTS_IDX, GFP_KERNEL);
	return 0;
}

static const struct genl_small_ops vnet_nl_ops[] = {
	{
		.cmd = VNET_NL_CMD_ECHO,
		.doit = vnet_nl_echo_doit,
	},
};

static struct genl_family vnet_nl_family __ro_after_init = {
	.name = VNET_NL_FAMILY_NAME,
	.version = VNET_NL_FAMILY_VERSION,
	.netnsok = true,
	.parallel_ops = true,
	.module = THIS_MODULE,
	.policy = vnet_nl_echo_policy,
	.maxattr = VNET_NL_A_MAX,
	.small_ops = vnet_nl_ops,
	.n_small_ops = ARRAY_SIZE(vnet_nl_ops),
	.mcgrps = vnet_nl_mcgrps,
	.n_mcgrps = ARRAY_SIZE(vnet_nl_mcgrps),
};

/**
 * vnet_netlink_dev_event() - publish that a device went up or down
 * @dev: the device
 * @cmd: VNET_NL_CMD_DEV_UP_NTF or VNET_NL_CMD_DEV_DOWN_NTF
 *
 * Context: process context, RTNL held (it keeps name and namespace still).
 */
void vnet_netlink_dev_event(const struct net_device *dev, u8 cmd)
{
	struct net *net = dev_net(dev);
	struct sk_buff *msg;
	void *hdr;

	if (!genl_has_listeners(&vnet_nl_family, net,
				VNET_NL_MCGRP_EVENTS_IDX))
		return;

	msg = genlmsg_new(nla_total_size(sizeof(u32)) +
			  nla_total_size(IFNAMSIZ), GFP_KERNEL);
	if (!msg)
		goto err_lost;

	hdr = genlmsg_put(msg, 0, 0, &vnet_nl_family, 0, cmd);
	if (!hdr)
		goto err_free_msg;

	if (nla_put_u32(msg, VNET_NL_A_DEV_IFINDEX, dev->ifindex) ||
	    nla_put_string(msg, VNET_NL_A_DEV_NAME, dev->name))
		goto err_free_msg;

	genlmsg_end(msg, hdr);
	genlmsg_multicast_netns(&vnet_nl_family, net, msg, 0,
				VNET_NL_MCGRP_EVENTS_IDX, GFP_KERNEL);
	return;

err_free_msg:
	nlmsg_free(msg);
err_lost:
	/* Nobody can be refused here, but subscribers learn of the gap. */
	genl_set_err(&vnet_nl_family, net, 0, VNET_NL_MCGRP_EVENTS_IDX,
		     -ENOBUFS);
}

/**
 * vnet_netlink_init() - register the family
 *
 * Return: 0, or a negative errno.
 */
int __init vnet_netlink_init(void)
{
	return genl_register_family(&vnet_nl_family);
}

/**
 * vnet_netlink_exit() - unregister the family
 *
 * Subscribers lose their membership; their sockets live on.
 */
void vnet_netlink_exit(void)
{
	genl_unregister_family(&vnet_nl_family);
}
