// SPDX-License-Identifier: GPL-2.0-only
/* vnet_nl: the network device, rtnl_link kind "vnet". */

#include <linux/errno.h>
#include <linux/etherdevice.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/init.h>
#include <linux/netdevice.h>
#include <linux/notifier.h>
#include <linux/percpu.h>
#include <linux/string.h>
#include <linux/u64_stats_sync.h>
#include <net/netlink.h>
#include <net/rtnetlink.h>

#include "uapi/linux/vnet_nl.h"
#include "vnet_nl.h"

#define VNET_KIND	"vnet"

/**
 * struct vnet_stats - what one CPU has carried
 * @tx_packets: frames that the device took
 * @tx_bytes: their length, Ethernet header included
 * @rx_packets: frames that the receive path took in turn
 * @rx_bytes: their length, Ethernet header included
 * @syncp: makes the 64-bit values whole on 32-bit machines
 */
struct vnet_stats {
	u64_stats_t tx_packets;
	u64_stats_t tx_bytes;
	u64_stats_t rx_packets;
	u64_stats_t rx_bytes;
	struct u64_stats_sync syncp;
};

/**
 * struct vnet_priv - private part of a device
 * @stats: one set of counters for each CPU, from ndo_init to ndo_uninit
 */
struct vnet_priv {
	struct vnet_stats __percpu *stats;
};

static int vnet_dev_init(struct net_device *dev)
{
	struct vnet_priv *priv = netdev_priv(dev);

	priv->stats = netdev_alloc_pcpu_stats(struct vnet_stats);
	return priv->stats ? 0 : -ENOMEM;
}

static void vnet_dev_uninit(struct net_device *dev)
{
	struct vnet_priv *priv = netdev_priv(dev);

	free_percpu(priv->stats);
}

/* The cable is plugged in for as long as the device is up. */
static int vnet_open(struct net_device *dev)
{
	netif_carrier_on(dev);
	return 0;
}

static int vnet_stop(struct net_device *dev)
{
	netif_carrier_off(dev);
	return 0;
}

static int vnet_change_carrier(struct net_device *dev, bool on)
{
	return on ? vnet_open(dev) : vnet_stop(dev);
}

/**
 * vnet_xmit() - hand a frame back to the receive path
 * @skb: the frame, ours from here on
 * @dev: the device
 *
 * dev_forward_skb() drops what the sender had attached (socket, route,
 * conntrack), as a wire would, and queues the frame on the backlog of this
 * CPU, so a frame that is answered at once does not recurse. It accounts for
 * frames that it drops as rx_dropped.
 *
 * Context: bottom halves are off, which keeps us on this CPU's counters.
 * Return: NETDEV_TX_OK, always.
 */
static netdev_tx_t vnet_xmit(struct sk_buff *skb, struct net_device *dev)
{
	struct vnet_priv *priv = netdev_priv(dev);
	unsigned int len = skb->len;
	struct vnet_stats *stats;
	bool received;

	skb_tx_timestamp(skb);
	received = dev_forward_skb(dev, skb) == NET_RX_SUCCESS;

	stats = this_cpu_ptr(priv->stats);
	u64_stats_update_begin(&stats->syncp);
	u64_stats_inc(&stats->tx_packets);
	u64_stats_add(&stats->tx_bytes, len);
	if (received) {
		u64_stats_inc(&stats->rx_packets);
		u64_stats_add(&stats->rx_bytes, len);
	}
	u64_stats_update_end(&stats->syncp);

	return NETDEV_TX_OK;
}

static void vnet_get_stats64(struct net_device *dev,
			     struct rtnl_link_stats64 *sum)
{
	struct vnet_priv *priv = netdev_priv(dev);
	int cpu;

	for_each_possible_cpu(cpu) {
		u64 tx_packets, tx_bytes, rx_packets, rx_bytes;
		const struct vnet_stats *stats;
		unsigned int start;

		stats = per_cpu_ptr(priv->stats, cpu);
		do {
			start = u64_stats_fetch_begin(&stats->syncp);
			tx_packets = u64_stats_read(&stats->tx_packets);
			tx_bytes = u64_stats_read(&stats->tx_bytes);
			rx_packets = u64_stats_read(&stats->rx_packets);
			rx_bytes = u64_stats_read(&stats->rx_bytes);
		} while (u64_stats_fetch_retry(&stats->syncp, start));

		sum->tx_packets += tx_packets;
		sum->tx_bytes += tx_bytes;
		sum->rx_packets += rx_packets;
		sum->rx_bytes += rx_bytes;
	}
}

static const struct net_device_ops vnet_netdev_ops = {
	.ndo_init = vnet_dev_init,
	.ndo_uninit = vnet_dev_uninit,
	.ndo_open = vnet_open,
	.ndo_stop = vnet_stop,
	.ndo_start_xmit = vnet_xmit,
	.ndo_get_stats64 = vnet_get_stats64,
	.ndo_change_carrier = vnet_change_carrier,
	.ndo_set_mac_address = eth_mac_addr,
	.ndo_validate_addr = eth_validate_addr,
};

static void vnet_get_drvinfo(struct net_device *dev,
			     struct ethtool_drvinfo *info)
{
	strscpy(info->driver, VNET_KIND, sizeof(info->driver));
	strscpy(info->bus_info, "virtual", sizeof(info->bus_info));
}

static const struct ethtool_ops vnet_ethtool_ops = {
	.get_drvinfo = vnet_get_drvinfo,
	.get_link = ethtool_op_get_link,
};

static void vnet_setup(struct net_device *dev)
{
	ether_setup(dev);

	dev->netdev_ops = &vnet_netdev_ops;
	dev->ethtool_ops = &vnet_ethtool_ops;
	dev->needs_free_netdev = true;

	dev->min_mtu = ETH_MIN_MTU;
	dev->max_mtu = ETH_MAX_MTU;

	/* There is no hardware to wait for, hence nothing to queue. */
	dev->priv_flags |= IFF_NO_QUEUE | IFF_LIVE_ADDR_CHANGE;

	eth_hw_addr_random(dev);
	netif_carrier_off(dev);
}

static int vnet_validate(struct nlattr *tb[], struct nlattr *data[],
			 struct netlink_ext_ack *extack)
{
	const struct nlattr *addr = tb[IFLA_ADDRESS];

	if (!addr)
		return 0;

	if (nla_len(addr) != ETH_ALEN) {
		NL_SET_ERR_MSG_ATTR(extack, addr, "MAC address is not 6 bytes");
		return -EINVAL;
	}

	if (!is_valid_ether_addr(nla_data(addr))) {
		NL_SET_ERR_MSG_ATTR(extack, addr,
				    "MAC address must be unicast and not zero");
		return -EADDRNOTAVAIL;
	}

	return 0;
}

static struct rtnl_link_ops vnet_link_ops __read_mostly = {
	.kind = VNET_KIND,
	.priv_size = sizeof(struct vnet_priv),
	.setup = vnet_setup,
	.validate = vnet_validate,
};

/* A notifier, not ndo_open and ndo_stop: those run before the device is seen
 * to be up or down, and ndo_open may be followed by a failure.
 */
static int vnet_netdev_event(struct notifier_block *nb, unsigned long event,
			     void *ptr)
{
	struct net_device *dev = netdev_notifier_info_to_dev(ptr);

	if (dev->netdev_ops != &vnet_netdev_ops)
		return NOTIFY_DONE;

	switch (event) {
	case NETDEV_UP:
		vnet_netlink_dev_event(dev, VNET_NL_CMD_DEV_UP_NTF);
		break;
	case NETDEV_DOWN:
		vnet_netlink_dev_event(dev, VNET_NL_CMD_DEV_DOWN_NTF);
		break;
	}

	return NOTIFY_DONE;
}

static struct notifier_block vnet_netdev_nb = {
	.notifier_call = vnet_netdev_event,
};

static int __init vnet_create(void)
{
	struct net_device *dev;
	int err;

	dev = alloc_netdev(sizeof(struct vnet_priv), VNET_KIND "%d",
			   NET_NAME_ENUM, vnet_setup);
	if (!dev)
		return -ENOMEM;

	dev->rtnl_link_ops = &vnet_link_ops;
	err = register_netdev(dev);
	if (err)
		free_netdev(dev);

	return err;
}

/**
 * vnet_netdev_init() - register the driver and create the first devices
 * @numdevs: how many devices
 *
 * Return: 0, or a negative errno with every device gone again.
 */
int __init vnet_netdev_init(unsigned int numdevs)
{
	unsigned int i;
	int err;

	err = register_netdevice_notifier(&vnet_netdev_nb);
	if (err)
		return err;

	err = rtnl_link_register(&vnet_link_ops);
	if (err)
		goto err_unregister_notifier;

	for (i = 0; i < numdevs && !err; i++)
		err = vnet_create();
	if (err)
		goto err_unregister_link;

	return 0;

err_unregister_link:
	/* Takes along every device of the kind, in every namespace. */
	rtnl_link_unregister(&vnet_link_ops);
err_unregister_notifier:
	unregister_netdevice_notifier(&vnet_netdev_nb);
	return err;
}

/**
 * vnet_netdev_exit() - remove all devices and the driver
 */
void vnet_netdev_exit(void)
{
	rtnl_link_unregister(&vnet_link_ops);
	unregister_netdevice_notifier(&vnet_netdev_nb);
}
