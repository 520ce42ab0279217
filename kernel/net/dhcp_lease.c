/* What a lease does to its interface: address, routes, MTU, name servers. */
#include <asm/errno.h>
#include <linux/rtnetlink.h>
#include "net/dhcp_internal.h"
#include "net/net.h"
#include "net/netconfig.h"
#include "net/netif.h"
#include "net/networds.h"
#include "net/route.h"

static struct route_entry entry(const struct dhcp *d, const struct dhcp_route *r)
{
	struct route_entry e = {.dst = ip_from_v4(r->dst),
				.prefix = (uint8_t)(96 + r->prefix),
				.type = RTN_UNICAST,
				.protocol = RTPROT_DHCP,
				.scope = r->gateway ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK,
				.metric = ROUTE_METRIC_DHCP,
				.netif = d->netif,
				.prefsrc = ip_from_v4(d->lease.addr),
				.expires = UINT64_MAX};

	if (r->gateway)
		e.gateway = ip_from_v4(r->gateway);
	return e;
}

static void add_route(struct dhcp *d, const struct dhcp_route *r)
{
	struct route_entry e = entry(d, r);
	int err = route_add(&e);

	if (err != -ENETUNREACH || !r->gateway)
		return;
	/* Some clouds lease a /32 and name a router outside of it: it is on the link. */
	struct dhcp_route host = {.dst = r->gateway, .prefix = 32};
	struct route_entry h = entry(d, &host);
	if (route_add(&h) == 0)
		route_add(&e);
}

/* All of ours on this interface: the kernel removes those whose source address goes, not these. */
static void drop_routes(struct dhcp *d)
{
	bool again;

	do {
		again = false;
		list_for_each_entry (r, &route_list, struct route_entry, link) {
			if (r->netif != d->netif || r->protocol != RTPROT_DHCP)
				continue;
			struct route_entry copy = *r;
			again = route_del(&copy) == 0;
			break;
		}
	} while (again);
}

static bool mtu_is_given(const struct netif *n)
{
	for (unsigned i = 0; i < networds.nifs; i++)
		if (networds.ifs[i].mtu && strcmp(networds.ifs[i].ifname, n->name) == 0)
			return true;
	return false;
}

static void apply_rest(struct dhcp *d)
{
	struct netif *n = d->netif;
	const struct dhcp_answer *l = &d->lease;

	/* RFC 2132 5.1 has 68 as the least; under 576 it is a mistake that stops everything. */
	if (l->mtu >= 576 && l->mtu < n->mtu && !mtu_is_given(n))
		netif_set_mtu(n, l->mtu);
	d->dns.nservers = l->ndns;
	memcpy(d->dns.server, l->dns, sizeof l->dns);
	memcpy(d->dns.search, l->search, sizeof l->search);
	resolvconf_changed();
	if (l->hostname[0])
		resolvconf_hostname(l->hostname, sizeof l->hostname);
}

bool dhcp_lease_apply(struct dhcp *d)
{
	struct ip_addr addr = ip_from_v4(d->lease.addr);
	struct ifaddr *a = ifaddr_find_any(d->netif, &addr);

	if (a && a->prefix == d->lease.prefix && a->origin == IFADDR_DHCP) {
		ifaddr_set_lifetime(a, d->expires, d->expires);
	} else {
		if (a)
			ifaddr_del(d->netif, &addr, a->prefix);
		if (ifaddr_add(d->netif, &addr, d->lease.prefix, IFADDR_DHCP, d->expires,
			       d->expires))
			return false;
	}
	drop_routes(d);
	for (unsigned i = 0; i < d->lease.nroutes; i++)
		add_route(d, &d->lease.route[i]);
	apply_rest(d);
	return true;
}

void dhcp_lease_drop(struct dhcp *d)
{
	struct ip_addr addr = ip_from_v4(d->lease.addr);

	drop_routes(d);
	ifaddr_del(d->netif, &addr, d->lease.prefix);
	d->dns.nservers = 0;
	d->dns.search[0] = '\0';
	resolvconf_changed();
}
