/* Interfaces: rtnetlink(7), RTM_NEWLINK and its kin. */
#include <asm/errno.h>
#include <linux/if_link.h>
#include "net/netdev.h"
#include "net/netlink.h"

static void put_stats(struct netlink_reply *r, const struct netif *n)
{
	const struct netif_stats *s = &n->stats;
	struct rtnl_link_stats64 wide = {.rx_packets = s->rx_packets,
					 .tx_packets = s->tx_packets,
					 .rx_bytes = s->rx_bytes,
					 .tx_bytes = s->tx_bytes,
					 .rx_errors = s->rx_errors,
					 .tx_errors = s->tx_errors,
					 .rx_dropped = s->rx_dropped,
					 .tx_dropped = s->tx_dropped,
					 .multicast = s->rx_multicast};
	struct rtnl_link_stats narrow = {.rx_packets = (uint32_t)s->rx_packets,
					 .tx_packets = (uint32_t)s->tx_packets,
					 .rx_bytes = (uint32_t)s->rx_bytes,
					 .tx_bytes = (uint32_t)s->tx_bytes,
					 .rx_errors = (uint32_t)s->rx_errors,
					 .tx_errors = (uint32_t)s->tx_errors,
					 .rx_dropped = (uint32_t)s->rx_dropped,
					 .tx_dropped = (uint32_t)s->tx_dropped,
					 .multicast = (uint32_t)s->rx_multicast};

	netlink_put(r, IFLA_STATS64, &wide, sizeof wide);
	netlink_put(r, IFLA_STATS, &narrow, sizeof narrow);
}

void netlink_link_message(struct netlink_reply *r, uint16_t type, const struct netif *n)
{
	static const uint8_t everybody[ETH_ALEN] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	static const uint8_t nobody[ETH_ALEN];
	bool loopback = n->flags & IFF_LOOPBACK;
	struct ifinfomsg *m = netlink_begin(r, type, sizeof *m);

	if (!m)
		return;
	m->ifi_type = n->type;
	m->ifi_index = n->index;
	m->ifi_flags = netdev_flags(n);
	netlink_put_string(r, IFLA_IFNAME, n->name);
	netlink_put_u32(r, IFLA_TXQLEN, NETDEV_TXQLEN);
	netlink_put_u8(r, IFLA_OPERSTATE, netdev_operstate(n));
	netlink_put_u8(r, IFLA_LINKMODE, 0);
	netlink_put_u32(r, IFLA_MTU, n->mtu);
	netlink_put_u32(r, IFLA_MIN_MTU, n->min_mtu);
	netlink_put_u32(r, IFLA_MAX_MTU, n->max_mtu);
	netlink_put_u32(r, IFLA_GROUP, 0);
	netlink_put_u32(r, IFLA_PROMISCUITY, n->promiscuous);
	netlink_put_u32(r, IFLA_NUM_TX_QUEUES, 1);
	netlink_put_u32(r, IFLA_NUM_RX_QUEUES, 1);
	netlink_put_u8(r, IFLA_CARRIER, (n->flags & IFF_RUNNING) != 0);
	netlink_put_string(r, IFLA_QDISC, "noqueue");
	netlink_put(r, IFLA_ADDRESS, n->mac, ETH_ALEN);
	netlink_put(r, IFLA_BROADCAST, loopback ? nobody : everybody, ETH_ALEN);
	put_stats(r, n);
	netlink_end(r);
}

/* The interface that a request means, by index or name. */
static struct netif *find(const struct netlink_request *q, int *err)
{
	const struct ifinfomsg *m = q->fixed;
	const struct nlattr *a = q->attrs.attr[IFLA_IFNAME];
	char name[IFNAMSIZ];

	*err = -ENODEV;
	if (m->ifi_index > 0)
		return netif_by_index(m->ifi_index);
	if (!a)
		a = q->attrs.attr[IFLA_ALT_IFNAME];
	*err = a ? netlink_get_name(a, name) : -EINVAL;
	if (*err)
		return NULL;
	*err = -ENODEV;
	return netif_by_name(name);
}

int netlink_link_get(const struct netlink_request *q, struct netlink_reply *r)
{
	int err;
	struct netif *n = find(q, &err);

	if (!n)
		return err;
	netlink_link_message(r, RTM_NEWLINK, n);
	return 0;
}

int netlink_link_dump(const struct netlink_request *q, struct netlink_reply *r)
{
	/* Only kinds of interface that do not exist here (IFLA_INFO_KIND) or masters: none. */
	bool filtered = q->attrs.attr[IFLA_LINKINFO] || q->attrs.attr[IFLA_MASTER];

	list_for_each_entry (n, &netif_list, struct netif, link)
		if (!filtered)
			netlink_link_message(r, RTM_NEWLINK, n);
	return 0;
}

static int set_mac(struct netif *n, const struct nlattr *a)
{
	if (netlink_attr_len(a) < ETH_ALEN)
		return -EINVAL;
	return netif_set_mac(n, netlink_attr_data(a));
}

int netlink_link_set(const struct netlink_request *q, struct netlink_reply *r)
{
	const struct ifinfomsg *m = q->fixed;
	const struct nlattr *const *a = q->attrs.attr;
	uint32_t mtu = 0;
	char name[IFNAMSIZ];
	int err;
	struct netif *n = find(q, &err);

	if (!n) {
		if (!(q->h->nlmsg_flags & NLM_F_CREATE) || err != -ENODEV)
			return err;
		r->text = "interfaces cannot be made here";
		return -EOPNOTSUPP;
	}
	if (q->h->nlmsg_flags & NLM_F_EXCL)
		return -EEXIST;
	/* What would be said to be done and is not. */
	if (a[IFLA_LINKINFO] || a[IFLA_MASTER] || a[IFLA_NET_NS_PID] || a[IFLA_NET_NS_FD] ||
	    a[IFLA_VFINFO_LIST] || a[IFLA_XDP])
		return -EOPNOTSUPP;
	err = netlink_get_u32(a[IFLA_MTU], &mtu);
	if (!err && a[IFLA_ADDRESS])
		err = set_mac(n, a[IFLA_ADDRESS]);
	if (!err && a[IFLA_MTU])
		err = netif_set_mtu(n, mtu);
	if (!err && a[IFLA_IFNAME] && m->ifi_index > 0) {
		err = netlink_get_name(a[IFLA_IFNAME], name);
		if (!err)
			err = netdev_rename(n, name);
	}
	if (!err && (m->ifi_flags || m->ifi_change))
		err = netdev_change_flags(n, m->ifi_flags, m->ifi_change ? m->ifi_change : ~0u);
	return err;
}
