/* The addresses of interfaces (net/netif.h) and the routes that come with them. */
#include <asm/errno.h>
#include <linux/if_arp.h>
#include <linux/rtnetlink.h>
#include "lib/printk.h"
#include "mm/kmalloc.h"
#include "net/internal.h"
#include "net/mcast.h"
#include "net/nd_internal.h"
#include "net/neighbour.h"
#include "net/net.h"

#define MAX_ADDRS 64 /* an interface: router advertisements may bring many (RFC 4862, 5.5.3) */

static struct timer expiry;
static bool expiry_ready;

struct ifaddr *ifaddr_find_any(const struct netif *n, const struct ip_addr *addr)
{
	list_for_each_entry (i, &netif_list, struct netif, link) {
		if (n && i != n)
			continue;
		list_for_each_entry (a, &i->addrs, struct ifaddr, link) {
			if (ip_equal(&a->addr, addr))
				return a;
		}
	}
	return NULL;
}

struct ifaddr *ifaddr_find(const struct netif *n, const struct ip_addr *addr)
{
	list_for_each_entry (i, &netif_list, struct netif, link) {
		if (n && i != n)
			continue;
		list_for_each_entry (a, &i->addrs, struct ifaddr, link) {
			if (ip_equal(&a->addr, addr) &&
			    (a->state == IFADDR_PREFERRED || a->state == IFADDR_DEPRECATED))
				return a;
		}
	}
	return NULL;
}

static unsigned prefix_bits(const struct ifaddr *a)
{
	return a->prefix + (ip_is_v4(&a->addr) ? 96u : 0u);
}

static struct ip_addr masked(const struct ip_addr *addr, unsigned bits)
{
	struct ip_addr m = *addr;

	for (unsigned i = 0; i < 16; i++) {
		unsigned keep = bits > i * 8 ? bits - i * 8 : 0;
		if (keep < 8)
			m.b[i] &= (uint8_t)(0xff00 >> keep);
	}
	return m;
}

/* The last IPv4 address with this prefix: its broadcast address. */
static struct ip_addr last_of(const struct ip_addr *addr, unsigned bits)
{
	unsigned host = 128 - bits;

	return ip_from_v4(ip_v4(addr) | hton32(host < 32 ? (1u << host) - 1 : ~0u));
}

static void add_route(const struct ifaddr *a, const struct ip_addr *dst, unsigned prefix,
		      uint8_t type, uint8_t scope)
{
	struct route_entry e = {.dst = *dst,
				.prefix = (uint8_t)prefix,
				.type = type,
				.protocol = RTPROT_KERNEL,
				.scope = scope,
				.netif = a->netif,
				.expires = UINT64_MAX};

	if (ip_is_v4(dst))
		e.prefsrc = a->addr;
	else if (type == RTN_UNICAST)
		e.metric = 256;
	route_add(&e); /* the prefix route of another address may be there already */
}

/* Does another address of the interface need the route to this prefix? */
static bool shared_prefix(const struct ifaddr *a)
{
	list_for_each_entry (b, &a->netif->addrs, struct ifaddr, link) {
		if (b != a && b->prefix == a->prefix && ip_is_v4(&b->addr) == ip_is_v4(&a->addr) &&
		    ip_prefix_match(&a->addr, &b->addr, prefix_bits(a)))
			return true;
	}
	return false;
}

static void del_route(const struct ifaddr *a, const struct ip_addr *dst, unsigned prefix,
		      uint8_t type)
{
	struct route_entry e = {
	    .dst = *dst, .prefix = (uint8_t)prefix, .type = type, .netif = a->netif};

	route_del(&e);
}

static bool is_loopback(const struct netif *n)
{
	return n->flags & IFF_LOOPBACK;
}

static void routes_add(const struct ifaddr *a)
{
	unsigned bits = prefix_bits(a);
	struct ip_addr net = masked(&a->addr, bits);

	add_route(a, &a->addr, 128, RTN_LOCAL, RT_SCOPE_HOST);
	if (is_loopback(a->netif)) { /* every address of 127/8 is this machine */
		if (bits < 128)
			add_route(a, &net, bits, RTN_LOCAL, RT_SCOPE_HOST);
		if (ip_is_v4(&a->addr) && bits < 96 + 31) {
			struct ip_addr last = last_of(&net, bits);
			add_route(a, &last, 128, RTN_BROADCAST, RT_SCOPE_LINK);
		}
		return;
	}
	if (bits < 128)
		add_route(a, &net, bits, RTN_UNICAST, RT_SCOPE_LINK);
	if (!ip_is_any(&a->broadcast))
		add_route(a, &a->broadcast, 128, RTN_BROADCAST, RT_SCOPE_LINK);
}

static void routes_del(const struct ifaddr *a)
{
	unsigned bits = prefix_bits(a);
	struct ip_addr net = masked(&a->addr, bits);

	del_route(a, &a->addr, 128, RTN_LOCAL);
	if (bits < 128 && !shared_prefix(a)) {
		del_route(a, &net, bits, is_loopback(a->netif) ? RTN_LOCAL : RTN_UNICAST);
		if (ip_is_v4(&a->addr) && bits < 96 + 31) {
			struct ip_addr last = last_of(&net, bits);
			del_route(a, &last, 128, RTN_BROADCAST);
		}
	}
}

/* What goes with an address of an interface that is up. */
static void start(struct ifaddr *a)
{
	struct ip_addr group;

	if (a->state == IFADDR_DUPLICATE)
		return;
	routes_add(a);
	if (is_loopback(a->netif))
		return;
	if (ip_is_v4(&a->addr)) {
		arp_announce(a);
		return;
	}
	nd_solicited_group(&a->addr, &group);
	mcast_join(a->netif, &group);
	nd_dad_start(a);
}

static void stop(struct ifaddr *a)
{
	struct ip_addr group;

	if (a->state == IFADDR_DUPLICATE)
		return;
	routes_del(a);
	if (is_loopback(a->netif) || ip_is_v4(&a->addr))
		return;
	a->optimistic = false;
	nd_solicited_group(&a->addr, &group);
	mcast_leave(a->netif, &group);
}

void ifaddr_set_duplicate(struct ifaddr *a)
{
	if (a->netif->flags & IFF_UP)
		stop(a);
	a->optimistic = false;
	a->state = IFADDR_DUPLICATE;
	route_changed();
	net_notify(NET_ADDR_ADD, a);
}

static void remove_addr(struct ifaddr *a)
{
	if (a->netif->flags & IFF_UP)
		stop(a);
	list_remove(&a->link);
	route_changed();
	net_notify(NET_ADDR_DEL, a);
	kfree(a);
}

static void expire(struct timer *t)
{
	uint64_t now, next = UINT64_MAX;

	net_enter();
	now = net_now();
	list_for_each_entry (n, &netif_list, struct netif, link) {
		list_for_each_entry_safe (a, &n->addrs, struct ifaddr, link) {
			if (a->valid_until <= now) {
				remove_addr(a);
				continue;
			}
			if (a->preferred_until <= now && a->state == IFADDR_PREFERRED &&
			    !ip_is_v4(&a->addr)) {
				a->state = IFADDR_DEPRECATED;
				route_changed();
				net_notify(NET_ADDR_ADD, a);
			}
			if (a->valid_until < next)
				next = a->valid_until;
			if (a->preferred_until > now && a->preferred_until < next)
				next = a->preferred_until;
		}
	}
	if (next != UINT64_MAX)
		timer_arm(t, next);
	net_leave();
}

void ifaddr_set_lifetime(struct ifaddr *a, uint64_t valid_until, uint64_t preferred_until)
{
	uint64_t next = preferred_until < valid_until ? preferred_until : valid_until;

	if (!expiry_ready) {
		timer_setup(&expiry, expire);
		expiry_ready = true;
	}
	a->valid_until = valid_until;
	a->preferred_until = preferred_until;
	if (a->state == IFADDR_DEPRECATED && preferred_until > net_now()) {
		a->state = IFADDR_PREFERRED;
		route_changed();
	}
	if (next != UINT64_MAX && (!timer_armed(&expiry) || expiry.expires > next))
		timer_arm(&expiry, next);
}

static uint8_t scope_of(const struct ip_addr *a)
{
	if (ip_is_loopback(a))
		return RT_SCOPE_HOST;
	if (ip_is_v4(a) ? a->b[12] == 169 && a->b[13] == 254 : ip_is_linklocal6(a))
		return RT_SCOPE_LINK;
	return RT_SCOPE_UNIVERSE;
}

int ifaddr_add(struct netif *n, const struct ip_addr *addr, uint8_t prefix, uint8_t origin,
	       uint64_t valid_until, uint64_t preferred_until)
{
	struct ifaddr *a;
	unsigned count = 0;
	bool v4 = ip_is_v4(addr);

	if (prefix > (v4 ? 32 : 128) || ip_is_any(addr) || ip_is_multicast(addr) ||
	    (v4 && ip_v4(addr) == 0xffffffff))
		return -EINVAL;
	if (!v4 && n->mtu < 1280) /* RFC 8200, 5 */
		return -EINVAL;
	list_for_each_entry (b, &n->addrs, struct ifaddr, link) {
		if (ip_equal(&b->addr, addr) && (!v4 || b->prefix == prefix))
			return -EEXIST;
		count++;
	}
	if (count >= MAX_ADDRS)
		return -ENOMEM;
	a = kzalloc(sizeof *a);
	if (!a)
		return -ENOMEM;
	a->netif = n;
	a->addr = *addr;
	a->prefix = prefix;
	a->origin = origin;
	a->scope = scope_of(addr);
	a->state = IFADDR_PREFERRED;
	if (v4)
		a->broadcast = ip_from_v4(0);
	if (v4 && prefix < 31 && !is_loopback(n))
		a->broadcast = last_of(addr, prefix + 96u);
	ifaddr_set_lifetime(a, valid_until, preferred_until);
	list_add_tail(&n->addrs, &a->link);
	if (n->flags & IFF_UP)
		start(a);
	route_changed();
	net_notify(NET_ADDR_ADD, a);
	return 0;
}

int ifaddr_del(struct netif *n, const struct ip_addr *addr, uint8_t prefix)
{
	list_for_each_entry (a, &n->addrs, struct ifaddr, link) {
		if (ip_equal(&a->addr, addr) && a->prefix == prefix) {
			remove_addr(a);
			return 0;
		}
	}
	return -EADDRNOTAVAIL;
}

static const struct ip_addr all_nodes = {.b = {0xff, 2, [15] = 1}};

void ifaddr_netif_up(struct netif *n)
{
	struct ip_addr all_systems = ip_from_v4(IP4(224, 0, 0, 1));

	list_for_each_entry (a, &n->addrs, struct ifaddr, link) {
		start(a);
	}
	if (is_loopback(n))
		return;
	mcast_join(n, &all_systems);
	if (n->type != ARPHRD_ETHER || n->mtu < 1280)
		return;
	mcast_join(n, &all_nodes);
	struct ip_addr local;
	slaac_link_local(n, &local);
	if (!ifaddr_find_any(n, &local))
		ifaddr_add(n, &local, 64, IFADDR_KERNEL, UINT64_MAX, UINT64_MAX);
}

void ifaddr_netif_down(struct netif *n)
{
	struct ip_addr all_systems = ip_from_v4(IP4(224, 0, 0, 1));

	list_for_each_entry (a, &n->addrs, struct ifaddr, link) {
		stop(a);
	}
	if (is_loopback(n))
		return;
	mcast_leave(n, &all_systems);
	if (n->type == ARPHRD_ETHER && n->mtu >= 1280)
		mcast_leave(n, &all_nodes);
}
