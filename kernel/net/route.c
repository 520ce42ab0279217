/* net/route.h: the table and lookups. Source addresses are chosen in route_source.c, path MTUs and
 * redirects are kept in route_exception.c. */
#include "net/route.h"
#include <asm/errno.h>
#include <linux/rtnetlink.h>
#include "lib/printk.h"
#include "mm/kmalloc.h"
#include "net/internal.h"
#include "net/neighbour.h"
#include "net/net.h"
#include "net/route_internal.h"

#define MAX_ROUTES 4096
#define IPV4_MAX_MTU                                                                               \
	65520 /* of paths: what a header can say, a multiple of 8 with room to spare               \
	       */

struct list route_list = LIST_INIT(route_list);
uint32_t route_generation = 1;

static unsigned count;
static struct timer expiry;

static void arm_expiry(uint64_t when)
{
	if (when != UINT64_MAX && (!timer_armed(&expiry) || expiry.expires > when))
		timer_arm(&expiry, when);
}

static void remove_entry(struct route_entry *e)
{
	list_remove(&e->link);
	count--;
	route_changed();
	net_notify(NET_ROUTE_DEL, e);
	kfree(e);
}

static void expire(struct timer *t)
{
	uint64_t now, next = UINT64_MAX;

	(void)t;
	net_enter();
	now = net_now();
	list_for_each_entry_safe (e, &route_list, struct route_entry, link) {
		if (e->expires <= now)
			remove_entry(e);
		else if (e->expires < next)
			next = e->expires;
	}
	arm_expiry(next);
	net_leave();
}

void route_init(void)
{
	timer_setup(&expiry, expire);
}

static bool is_on_link(uint8_t type)
{
	return type == RTN_UNICAST || type == RTN_LOCAL || type == RTN_BROADCAST ||
	       type == RTN_MULTICAST || type == RTN_ANYCAST;
}

/* The interface behind which gateway is a neighbour; n, if that is given already. NULL: none. */
static struct netif *gateway_netif(const struct ip_addr *gateway, struct netif *n)
{
	list_for_each_entry (e, &route_list, struct route_entry, link) {
		if ((n && e->netif != n) || !ip_prefix_match(&e->dst, gateway, e->prefix))
			continue;
		if (ip_is_v4(gateway) != ip_is_v4(&e->dst))
			continue;
		if (e->type == RTN_UNICAST && ip_is_any(&e->gateway) && e->netif)
			return e->netif;
		if (e->type == RTN_LOCAL)
			return NULL;
	}
	return NULL;
}

/* Only one of two such can be: IPv4 tells routes apart by metric, IPv6 by the way too, and the
 * prefix of two interfaces' addresses may be one. */
static bool same_key(const struct route_entry *a, const struct route_entry *b)
{
	if (a->prefix != b->prefix || a->metric != b->metric || a->type != b->type ||
	    !ip_equal(&a->dst, &b->dst))
		return false;
	if (a->netif == b->netif)
		return ip_is_v4(&a->dst) || ip_equal(&a->gateway, &b->gateway);
	return ip_is_v4(&a->dst) && b->protocol != RTPROT_KERNEL;
}

int route_add(const struct route_entry *e)
{
	struct list *before = &route_list;
	struct route_entry *copy, wanted = *e;

	if (count >= MAX_ROUTES)
		return -ENOMEM;
	if (!ip_is_any(&wanted.gateway)) {
		/* A link-local gateway is a neighbour of any interface that has IPv6. */
		struct netif *n = wanted.netif && ip_is_linklocal6(&wanted.gateway)
				      ? wanted.netif
				      : gateway_netif(&wanted.gateway, wanted.netif);
		if (!n)
			return -ENETUNREACH;
		wanted.netif = n;
	}
	if (is_on_link(wanted.type) && (!wanted.netif || !(wanted.netif->flags & IFF_UP)))
		return -ENETDOWN;
	list_for_each_entry (o, &route_list, struct route_entry, link) {
		if (o->prefix < wanted.prefix ||
		    (o->prefix == wanted.prefix && o->metric > wanted.metric)) {
			before = &o->link;
			break;
		}
		if (same_key(o, &wanted))
			return -EEXIST;
	}
	copy = kmalloc(sizeof *copy);
	if (!copy)
		return -ENOMEM;
	*copy = wanted;
	if (!copy->expires)
		copy->expires = UINT64_MAX;
	list_add_tail(before, &copy->link);
	count++;
	arm_expiry(copy->expires);
	route_changed();
	net_notify(NET_ROUTE_ADD, copy);
	return 0;
}

int route_del(const struct route_entry *e)
{
	list_for_each_entry (o, &route_list, struct route_entry, link) {
		if (o->prefix != e->prefix || !ip_equal(&o->dst, &e->dst))
			continue;
		if ((e->netif && o->netif != e->netif) || (e->metric && o->metric != e->metric) ||
		    (e->type && o->type != e->type) ||
		    (!ip_is_any(&e->gateway) && !ip_equal(&o->gateway, &e->gateway)))
			continue;
		remove_entry(o);
		return 0;
	}
	return -ESRCH;
}

void route_netif_down(struct netif *n)
{
	list_for_each_entry_safe (e, &route_list, struct route_entry, link) {
		if (e->netif == n)
			remove_entry(e);
	}
	route_exceptions_forget(n);
}

/* The entry for dst; routes whose gateway does not answer only if nothing else is there. */
static struct route_entry *match(const struct ip_addr *dst, int ifindex)
{
	struct route_entry *second = NULL;
	bool v4 = ip_is_v4(dst);

	list_for_each_entry (e, &route_list, struct route_entry, link) {
		if (second && e->prefix < second->prefix)
			break;
		if (v4 != ip_is_v4(&e->dst) || !ip_prefix_match(&e->dst, dst, e->prefix))
			continue;
		if (ifindex && e->netif && e->netif->index != ifindex)
			continue;
		if (e->netif && !(e->netif->flags & IFF_RUNNING) && e->type == RTN_UNICAST) {
			second = second ? second
					: e; /* the cable is out: another way, if there is one */
			continue;
		}
		if (route_gateway_dead(e)) {
			second = second ? second : e;
			continue;
		}
		return e;
	}
	return second;
}

bool route_is_local(const struct netif *n, const struct ip_addr *dst)
{
	list_for_each_entry (e, &route_list, struct route_entry, link) {
		if (e->prefix < 128 && e->prefix != 96 + 8)
			continue;
		if (e->type != RTN_LOCAL || !ip_prefix_match(&e->dst, dst, e->prefix))
			continue;
		if (ip_is_linklocal6(dst) && n != e->netif && !(n->flags & IFF_LOOPBACK))
			continue;
		return true;
	}
	return false;
}

bool route_is_broadcast(const struct netif *n, const struct ip_addr *dst)
{
	if (ip_v4(dst) == 0xffffffff)
		return true;
	list_for_each_entry (a, &n->addrs, struct ifaddr, link) {
		if (ip_is_v4(&a->addr) && ip_equal(&a->broadcast, dst) && !ip_is_any(dst))
			return true;
	}
	return false;
}

/* An interface for a multicast or limited broadcast that no route decides: that of the source
 * address, else the first that can. */
static struct netif *group_netif(const struct ip_addr *dst, const struct ip_addr *src, int ifindex)
{
	struct ifaddr *a;

	if (ifindex)
		return netif_by_index(ifindex);
	if (src && !ip_is_any(src)) {
		a = ifaddr_find(NULL, src);
		if (a)
			return a->netif;
	}
	struct route_entry *e = match(dst, 0);
	if (e && e->netif && e->type == RTN_UNICAST)
		return e->netif;
	if (ip_is_v4(dst))
		return NULL; /* as Linux; IPv6 has ff00::/8 on every link */
	list_for_each_entry (n, &netif_list, struct netif, link) {
		if ((n->flags & (IFF_UP | IFF_LOOPBACK)) == IFF_UP && (n->flags & IFF_MULTICAST) &&
		    !n->raw)
			return n;
	}
	return NULL;
}

static uint32_t clamp_mtu(const struct ip_addr *dst, uint32_t mtu)
{
	return ip_is_v4(dst) && mtu > IPV4_MAX_MTU ? IPV4_MAX_MTU : mtu;
}

static int choose_source(struct route *r, const struct ip_addr *dst, const struct ip_addr *src,
			 const struct ip_addr *prefsrc)
{
	if (src && !ip_is_any(src))
		r->src = *src;
	else if (prefsrc && !ip_is_any(prefsrc))
		r->src = *prefsrc;
	else if (!route_source(r->netif, dst, &r->next_hop, &r->src))
		return -EADDRNOTAVAIL;
	return 0;
}

static int lookup_group(struct route *r, const struct ip_addr *dst, const struct ip_addr *src,
			int ifindex)
{
	struct netif *n = group_netif(dst, src, ifindex);

	if (!n)
		return ifindex ? -ENODEV : -ENETUNREACH;
	if (!(n->flags & IFF_UP))
		return -ENETUNREACH;
	r->netif = n;
	r->next_hop = *dst;
	r->multicast = ip_is_multicast(dst);
	r->broadcast = !r->multicast;
	r->local = n->flags & IFF_LOOPBACK;
	r->mtu = clamp_mtu(dst, n->mtu);
	int err = choose_source(r, dst, src, NULL);
	/* DHCP and the like send from an interface without an address (0.0.0.0). */
	if (err && ip_is_v4(dst)) {
		r->src = ip_from_v4(0);
		err = 0;
	}
	return err;
}

static int lookup_local(struct route *r, const struct ip_addr *dst, const struct ip_addr *src)
{
	r->netif = netif_loopback;
	r->local = true;
	r->next_hop = *dst;
	r->mtu = clamp_mtu(dst, netif_loopback->mtu);
	if (src && !ip_is_any(src))
		r->src = *src;
	else if (ip_is_v4(dst) && (ip_is_loopback(dst) || ip_is_any(dst)))
		r->src = ip_from_v4(IP4(127, 0, 0, 1));
	else
		r->src = *dst;
	return 0;
}

static int lookup(struct route *r, const struct ip_addr *dst, const struct ip_addr *src,
		  int ifindex)
{
	struct route_entry *e;
	struct ip_addr gateway;

	memset(r, 0, sizeof *r);
	if (ip_is_any(dst))
		return netif_loopback ? lookup_local(r, dst, src) : -ENETUNREACH;
	if (ip_is_multicast(dst) || (ip_is_v4(dst) && ip_v4(dst) == 0xffffffff))
		return lookup_group(r, dst, src, ifindex);
	if (ifindex && !netif_by_index(ifindex))
		return -ENODEV;
	/* Every link has its fe80::/64: the source says which is meant. */
	if (!ifindex && src && ip_is_linklocal6(dst) && ip_is_linklocal6(src)) {
		const struct ifaddr *a = ifaddr_find(NULL, src);
		ifindex = a ? a->netif->index : 0;
	}
	e = match(dst, ifindex);
	if (!e)
		return -ENETUNREACH;
	switch (e->type) {
	case RTN_LOCAL:
	case RTN_ANYCAST:
		return lookup_local(r, dst, src);
	case RTN_UNICAST:
		break;
	case RTN_BROADCAST:
		r->broadcast = true;
		break;
	case RTN_BLACKHOLE:
		return -EINVAL;
	case RTN_PROHIBIT:
		return -EACCES;
	case RTN_UNREACHABLE:
		return -EHOSTUNREACH;
	default:
		return -ENETUNREACH;
	}
	r->netif = e->netif;
	gateway = e->gateway;
	r->mtu = e->netif->mtu;
	if (e->mtu && e->mtu < r->mtu)
		r->mtu = e->mtu;
	route_exception_apply(dst, e->netif, &gateway, &r->mtu);
	r->mtu = clamp_mtu(dst, r->mtu);
	r->next_hop = ip_is_any(&gateway) ? *dst : gateway;
	int err = choose_source(r, dst, src, &e->prefsrc);
	if (err)
		return err;
	if (!r->broadcast && !(r->netif->flags & IFF_LOOPBACK)) {
		r->neighbour = neighbour_find(r->netif, &r->next_hop);
		if (r->neighbour)
			r->neighbour->pinned = route_generation;
	}
	return 0;
}

/*
 * Results of late, by destination: connections that come and go ask for the same few. Whoever makes
 * two destinations collide only has them looked up in the table.
 */
#define RECENT 64
static struct recent {
	struct ip_addr dst, src;
	int ifindex;
	struct route route;
} recent[RECENT];

int route_lookup(struct route *r, const struct ip_addr *dst, const struct ip_addr *src, int ifindex)
{
	static const struct ip_addr none;
	uint64_t fold = dst->q[0] ^ dst->q[1];
	struct recent *c = &recent[(fold ^ fold >> 32) * 0x9e3779b97f4a7c15ull >> 58];
	int err;

	if (!src)
		src = &none;
	if (c->route.generation == route_generation && ip_equal(&c->dst, dst) &&
	    ip_equal(&c->src, src) && c->ifindex == ifindex) {
		*r = c->route;
		return 0;
	}
	err = lookup(r, dst, src, ifindex);
	r->generation = err ? 0 : route_generation;
	/* One whose neighbour is not in its table yet would not notice when it is. */
	if (!err && (r->neighbour || r->local)) {
		c->dst = *dst;
		c->src = *src;
		c->ifindex = ifindex;
		c->route = *r;
	}
	return err;
}
