/* Routes: rtnetlink(7), RTM_NEWROUTE and its kin. There are the tables main and local. */
#include <asm/errno.h>
#include <linux/in_route.h>
#include "net/net.h"
#include "net/netconfig.h"
#include "net/netlink.h"
#include "net/route.h"

#define METRIC_IPV6 1024u /* what Linux gives a route that names none */

static bool in_local_table(const struct route_entry *e)
{
	return e->type == RTN_LOCAL || e->type == RTN_BROADCAST || e->type == RTN_ANYCAST;
}

static uint8_t own_prefix(const struct route_entry *e)
{
	return ip_is_v4(&e->dst) ? (uint8_t)(e->prefix - 96) : e->prefix;
}

static void put_metrics(struct netlink_reply *r, uint32_t mtu)
{
	struct {
		struct nlattr a;
		uint32_t mtu;
	} metrics = {{sizeof metrics, RTAX_MTU}, mtu};

	netlink_put(r, RTA_METRICS, &metrics, sizeof metrics);
}

void netlink_rt_message(struct netlink_reply *r, uint16_t type, const struct route_entry *e)
{
	bool v4 = ip_is_v4(&e->dst);
	struct rtmsg *m = netlink_begin(r, type, sizeof *m);
	uint8_t table = in_local_table(e) ? RT_TABLE_LOCAL : RT_TABLE_MAIN;

	if (!m)
		return;
	m->rtm_family = v4 ? AF_INET : AF_INET6;
	m->rtm_dst_len = own_prefix(e);
	m->rtm_table = table;
	m->rtm_protocol = e->protocol;
	m->rtm_scope = v4 ? e->scope : RT_SCOPE_UNIVERSE;
	m->rtm_type = e->type;
	netlink_put_u32(r, RTA_TABLE, table);
	if (own_prefix(e))
		netlink_put_addr(r, RTA_DST, &e->dst);
	if (e->metric || !v4)
		netlink_put_u32(r, RTA_PRIORITY, e->metric);
	if (!ip_is_any(&e->prefsrc))
		netlink_put_addr(r, RTA_PREFSRC, &e->prefsrc);
	if (!ip_is_any(&e->gateway))
		netlink_put_addr(r, RTA_GATEWAY, &e->gateway);
	if (e->netif)
		netlink_put_u32(r, RTA_OIF, (uint32_t)e->netif->index);
	if (e->mtu)
		put_metrics(r, e->mtu);
	if (!v4) {
		uint64_t now = net_now();
		struct rta_cacheinfo life = {
		    .rta_expires = e->expires == UINT64_MAX ? 0
				   : e->expires > now ? (int32_t)((e->expires - now) / 10000000u)
						      : -1};
		netlink_put(r, RTA_CACHEINFO, &life, sizeof life);
		netlink_put_u8(r, RTA_PREF, 0);
	}
	netlink_end(r);
}

/* Strict dumps filter by what the request says; others by family only. */
static bool wanted(const struct netlink_request *q, const struct route_entry *e, bool v4)
{
	const struct rtmsg *m = q->fixed;
	uint32_t table = m->rtm_table, oif = 0;

	if (ip_is_v4(&e->dst) != v4 ||
	    (m->rtm_family != AF_UNSPEC && m->rtm_family != (v4 ? AF_INET : AF_INET6)))
		return false;
	if (!q->strict)
		return true;
	netlink_get_u32(q->attrs.attr[RTA_TABLE], &table);
	netlink_get_u32(q->attrs.attr[RTA_OIF], &oif);
	return (!table || table == (in_local_table(e) ? RT_TABLE_LOCAL : RT_TABLE_MAIN)) &&
	       (!oif || (e->netif && (uint32_t)e->netif->index == oif)) &&
	       (!m->rtm_protocol || m->rtm_protocol == e->protocol) &&
	       (!m->rtm_type || m->rtm_type == e->type);
}

int netlink_rt_dump(const struct netlink_request *q, struct netlink_reply *r)
{
	const struct rtmsg *m = q->fixed;

	/* The cache of IPv6 was dumped with this flag; there is none. */
	if (m->rtm_flags & RTM_F_CLONED)
		return 0;
	for (int v6 = 0; v6 < 2; v6++)
		list_for_each_entry (e, &route_list, struct route_entry, link)
			if (wanted(q, e, !v6))
				netlink_rt_message(r, RTM_NEWROUTE, e);
	return 0;
}

/* The way to one address, as sockets would go. */
int netlink_rt_get(const struct netlink_request *q, struct netlink_reply *r)
{
	const struct rtmsg *m = q->fixed;
	const struct nlattr *const *a = q->attrs.attr;
	bool v4 = m->rtm_family == AF_INET;
	struct ip_addr dst = v4 ? ip_from_v4(0) : (struct ip_addr){.q = {0}}, src = dst;
	struct route rt = {0};
	uint32_t oif = 0;

	if (!v4 && m->rtm_family != AF_INET6)
		return -EOPNOTSUPP;
	int err = netlink_get_addr(a[RTA_DST], m->rtm_family, &dst);
	if (!err)
		err = netlink_get_addr(a[RTA_SRC], m->rtm_family, &src);
	if (!err)
		err = netlink_get_u32(a[RTA_OIF], &oif);
	if (!err)
		err = route_lookup(&rt, &dst, ip_is_any(&src) ? NULL : &src, (int)oif);
	if (err)
		return err;
	struct rtmsg *n = netlink_begin(r, RTM_NEWROUTE, sizeof *n);
	if (!n)
		return -ENOBUFS;
	n->rtm_family = m->rtm_family;
	n->rtm_dst_len = v4 ? 32 : 128;
	n->rtm_table = rt.local ? RT_TABLE_LOCAL : RT_TABLE_MAIN;
	n->rtm_type = rt.local	     ? RTN_LOCAL
		      : rt.broadcast ? RTN_BROADCAST
		      : rt.multicast ? RTN_MULTICAST
				     : RTN_UNICAST;
	n->rtm_flags = RTM_F_CLONED;
	netlink_put_u32(r, RTA_TABLE, n->rtm_table);
	netlink_put_addr(r, RTA_DST, &dst);
	if (rt.netif)
		netlink_put_u32(r, RTA_OIF, (uint32_t)rt.netif->index);
	if (!rt.local && !rt.multicast && !rt.broadcast && !ip_equal(&rt.next_hop, &dst))
		netlink_put_addr(r, RTA_GATEWAY, &rt.next_hop);
	netlink_put_addr(r, RTA_PREFSRC, &rt.src);
	netlink_end(r);
	return 0;
}

/* A single next hop in RTA_MULTIPATH, which some libraries always use. */
static int read_multipath(const struct nlattr *a, int family, uint32_t *oif,
			  struct ip_addr *gateway)
{
	struct rtnexthop hop;
	struct netlink_attrs inner;
	size_t n = netlink_attr_len(a);

	if (n < sizeof hop)
		return -EINVAL;
	memcpy(&hop, netlink_attr_data(a), sizeof hop);
	if (hop.rtnh_len < sizeof hop || hop.rtnh_len > n)
		return -EINVAL;
	if (hop.rtnh_len + 3u < n)
		return -EOPNOTSUPP; /* several at once are not balanced here */
	netlink_parse((const uint8_t *)netlink_attr_data(a) + sizeof hop, hop.rtnh_len - sizeof hop,
		      &inner);
	*oif = (uint32_t)hop.rtnh_ifindex;
	return netlink_get_addr(inner.attr[RTA_GATEWAY], family, gateway);
}

static int read_metrics(const struct nlattr *a, uint32_t *mtu)
{
	struct netlink_attrs inner;

	netlink_parse(netlink_attr_data(a), netlink_attr_len(a), &inner);
	return netlink_get_u32(inner.attr[RTAX_MTU], mtu);
}

/* The route that a request describes. */
static int read_route(const struct netlink_request *q, struct route_entry *e)
{
	const struct rtmsg *m = q->fixed;
	const struct nlattr *const *a = q->attrs.attr;
	uint32_t oif = 0, table = m->rtm_table;
	uint8_t family = m->rtm_family;
	int err;

	if (family != AF_INET && family != AF_INET6)
		return -EOPNOTSUPP;
	unsigned bits = family == AF_INET ? 32 : 128;
	*e = (struct route_entry){.prefix = (uint8_t)(m->rtm_dst_len + 128 - bits),
				  .type = m->rtm_type,
				  .protocol = m->rtm_protocol,
				  .scope = m->rtm_scope,
				  .expires = UINT64_MAX};
	if (family == AF_INET)
		e->dst = ip_from_v4(0);
	if (m->rtm_dst_len > bits || m->rtm_src_len || m->rtm_tos)
		return -EINVAL;
	if ((err = netlink_get_u32(a[RTA_TABLE], &table)) ||
	    (err = netlink_get_u32(a[RTA_OIF], &oif)) ||
	    (err = netlink_get_u32(a[RTA_PRIORITY], &e->metric)) ||
	    (err = netlink_get_addr(a[RTA_DST], family, &e->dst)) ||
	    (err = netlink_get_addr(a[RTA_GATEWAY], family, &e->gateway)) ||
	    (err = netlink_get_addr(a[RTA_PREFSRC], family, &e->prefsrc)))
		return err;
	if (a[RTA_MULTIPATH] && (err = read_multipath(a[RTA_MULTIPATH], family, &oif, &e->gateway)))
		return err;
	if (a[RTA_METRICS] && (err = read_metrics(a[RTA_METRICS], &e->mtu)))
		return err;
	if (a[RTA_VIA] || a[RTA_ENCAP] || a[RTA_NH_ID])
		return -EOPNOTSUPP;
	if (table && table != RT_TABLE_MAIN && table != RT_TABLE_LOCAL)
		return -EOPNOTSUPP;
	/* Bits beyond the prefix: an error, as on Linux. */
	for (unsigned i = e->prefix; i < 128; i++)
		if (e->dst.b[i / 8] & (0x80 >> i % 8))
			return -EINVAL;
	e->netif = oif ? netif_by_index((int)oif) : NULL;
	return oif && !e->netif ? -ENODEV : 0;
}

/* Without an interface the gateway says over which. */
static int find_netif(struct route_entry *e)
{
	struct route rt = {0};

	if (e->type == RTN_UNREACHABLE || e->type == RTN_BLACKHOLE || e->type == RTN_PROHIBIT) {
		e->netif = e->netif ? e->netif : netif_by_index(1);
		return 0;
	}
	if (e->netif)
		return 0;
	if (ip_is_any(&e->gateway))
		return -ENODEV;
	int err = route_lookup(&rt, &e->gateway, NULL, 0);
	if (err || rt.local)
		return err ? -ENETUNREACH : -EINVAL;
	e->netif = rt.netif;
	return 0;
}

/* The route to the same place, if there is one. */
static const struct route_entry *same_place(const struct route_entry *e)
{
	list_for_each_entry (o, &route_list, struct route_entry, link)
		if (o->prefix == e->prefix && o->metric == e->metric &&
		    ip_equal(&o->dst, &e->dst) && !in_local_table(o))
			return o;
	return NULL;
}

int netlink_rt_new(const struct netlink_request *q, struct netlink_reply *r)
{
	const uint16_t flags = q->h->nlmsg_flags;
	struct route_entry e, old;
	int err = read_route(q, &e);

	(void)r;
	if (err)
		return err;
	if (!ip_is_v4(&e.dst) && !e.metric)
		e.metric = METRIC_IPV6;
	/* A gateway makes it universal; Linux refuses other scopes with one. */
	err = find_netif(&e);
	if (err)
		return err;
	if (!(e.netif->flags & IFF_UP))
		return -ENETDOWN;
	const struct route_entry *o = same_place(&e);
	if (o && (flags & NLM_F_EXCL))
		return -EEXIST;
	if (!o && !(flags & NLM_F_CREATE))
		return -ENOENT;
	bool replaced = o && (flags & NLM_F_REPLACE);
	if (replaced) {
		old = *o;
		route_del(&old);
	}
	err = route_add(&e);
	if (err && replaced)
		route_add(&old);
	return err;
}

int netlink_rt_del(const struct netlink_request *q, struct netlink_reply *r)
{
	struct route_entry e;
	int err = read_route(q, &e);

	(void)r;
	return err ? err : route_del(&e);
}
