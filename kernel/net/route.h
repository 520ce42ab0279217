/*
 * Routes and how sockets use them: a lookup gives a struct route, which sockets keep and which
 * stays good until route_generation moves (an address, a route, a path MTU or a neighbour's address
 * has changed).
 *
 * Lock: net_lock. One table for both families, longest prefix first, then metric.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "lib/list.h"
#include "net/addr.h"

struct netif;
struct neighbour;

struct route_entry {
	struct list link;   /* sorted: longer prefixes first, then lower metric */
	struct ip_addr dst; /* zero beyond prefix; IPv4 as mapped */
	uint8_t prefix;	    /* bits of the 128-bit form: IPv4 + 96 */
	uint8_t
	    type; /* RTN_UNICAST, RTN_LOCAL, RTN_BROADCAST, RTN_UNREACHABLE, RTN_BLACKHOLE ... */
	uint8_t protocol; /* RTPROT_* */
	uint8_t scope;	  /* RT_SCOPE_* */
	uint32_t metric;
	uint32_t mtu; /* 0: the interface's */
	struct netif *netif;
	struct ip_addr gateway; /* :: if on link */
	struct ip_addr prefsrc; /* :: if none */
	uint64_t expires;	/* monotonic ns, UINT64_MAX */
};

extern struct list route_list;
extern uint32_t route_generation;

/* Adds a copy of e. 0, -EEXIST, -ENOMEM, -ENETUNREACH (gateway not on link), -ENETDOWN. */
int route_add(const struct route_entry *e);
/* Removes the first that agrees in dst, prefix and, where set, netif, gateway, metric. 0, -ESRCH.
 */
int route_del(const struct route_entry *e);

/* The way to one destination. No references are held: neighbours live as long as the generation. */
struct route {
	uint32_t generation; /* 0: never looked up */
	struct netif *netif;
	struct ip_addr src;	 /* to send from */
	struct ip_addr next_hop; /* what the neighbour table is asked for */
	struct neighbour
	    *neighbour; /* owned by neighbour.c; NULL: none needed (loopback) or not looked up */
	uint32_t mtu;	/* of the path: of IP datagrams */
	bool local;	/* the destination is this machine: goes over loopback */
	bool broadcast, multicast;
};

/*
 * Finds the way to dst. src: the address to send from, NULL or any: chosen (RFC 6724 for IPv6;
 * prefsrc or the first fitting one for IPv4). ifindex: only over this interface; 0: any. 0,
 * -ENETUNREACH, -EHOSTUNREACH (unreachable route), -EINVAL (blackhole), -EADDRNOTAVAIL, -ENODEV.
 */
int route_lookup(struct route *r, const struct ip_addr *dst, const struct ip_addr *src,
		 int ifindex);
static inline bool route_valid(const struct route *r)
{
	return r->generation == route_generation;
}
/* Path MTU learned from ICMP (RFC 1191, 8201): host entries that expire after ten minutes. mtu 0:
 * the peer did not say, take the next plateau. */
void route_update_pmtu(const struct ip_addr *dst, uint32_t mtu, uint32_t sent_length);
