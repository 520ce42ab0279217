/*
 * The interfaces' configuration at boot: what the command line says (net/networds.h), and where it
 * says nothing DHCP and SLAAC. Messages are for people who wonder why there is no network.
 */
#include "net/netconfig.h"
#include <asm/errno.h>
#include <linux/rtnetlink.h>
#include "hyper/hyper.h"
#include "lib/printk.h"
#include "lib/string.h"
#include "net/dhcp.h"
#include "net/init.h"
#include "net/net.h"
#include "net/netif.h"
#include "net/networds.h"
#include "net/resolvconf.h"
#include "net/route.h"
#include "net/slaac.h"
#include "sched/wait.h"
#include "vfs/proc_net.h"

#define WAIT_NS 5000000000ull

static struct waitqueue progress = WAITQUEUE_INIT(progress);

void netconfig_progress(void)
{
	waitqueue_wake_all(&progress, 0);
}

static bool has_method(const struct netif *n, enum net_method method)
{
	bool any = false;

	for (unsigned i = 0; i < networds.nip; i++) {
		if (strcmp(networds.ip[i].ifname, n->name) != 0)
			continue;
		any = true;
		if (networds.ip[i].method == method)
			return true;
	}
	return !any && (method == NET_DHCP || method == NET_AUTO);
}

/* The machine that was asked for cannot be had: as with any bad word of the command line. */
static void bad_configuration(const char *what, const char *which, int err)
{
	if (err)
		printk("unigornel: network: %s %s: error %d\n", what, which, -err);
	else
		printk("unigornel: network: %s %s\n", what, which);
	hyper->shutdown(125);
}

static void need_interface(const char *name, const char *word)
{
	if (name[0] && !netif_by_name(name)) {
		printk("unigornel: network: %s is for %s, an interface that this machine does not "
		       "have\n",
		       word, name);
		hyper->shutdown(125);
	}
}

static void check_names(void)
{
	for (unsigned i = 0; i < networds.nip; i++)
		need_interface(networds.ip[i].ifname, "ip=");
	for (unsigned i = 0; i < networds.nifs; i++)
		need_interface(networds.ifs[i].ifname, networds.ifs[i].raw ? "net=" : "mtu=");
	for (unsigned i = 0; i < networds.ngateway; i++)
		need_interface(networds.gateway[i].ifname, "gateway=");
}

static void add_static(struct netif *n)
{
	for (unsigned i = 0; i < networds.nip; i++) {
		const struct netword_ip *w = &networds.ip[i];
		char text[IP_TEXT];

		if (w->method != NET_STATIC || strcmp(w->ifname, n->name) != 0)
			continue;
		int err = ifaddr_add(n, &w->addr, w->prefix, IFADDR_STATIC, UINT64_MAX, UINT64_MAX);
		if (err && err != -EEXIST) {
			ip_format(text, &w->addr);
			bad_configuration("cannot use the address", text, err);
		}
	}
}

static void configure(struct netif *n)
{
	for (unsigned i = 0; i < networds.nifs; i++) {
		const struct netword_if *w = &networds.ifs[i];
		if (strcmp(w->ifname, n->name) != 0)
			continue;
		n->raw = w->raw;
		int err = w->mtu ? netif_set_mtu(n, w->mtu) : 0;
		if (err)
			bad_configuration("this MTU is not possible on", n->name, err);
	}
	if (n->raw) {
		netif_set_up(n, true);
		return;
	}
	if (has_method(n, NET_NONE))
		return; /* the program may set it up itself */
	netif_set_up(n, true);
	add_static(n);
	if ((has_method(n, NET_DHCP) && dhcp_start(n)) ||
	    (has_method(n, NET_AUTO) && slaac_start(n)))
		printk("unigornel: network: no memory to configure %s\n", n->name);
}

static bool on_link(const struct netif *n, const struct ip_addr *a)
{
	if (!ip_is_v4(a) && ip_is_linklocal6(a))
		return true;
	list_for_each_entry (i, &n->addrs, struct ifaddr, link) {
		bool v4 = ip_is_v4(&i->addr);
		if (v4 == ip_is_v4(a) && ip_prefix_match(&i->addr, a, i->prefix + (v4 ? 96u : 0u)))
			return true;
	}
	return false;
}

/* The interface that a gateway is reached over: the named one, the one whose network it is on, else
 * (a gateway outside of every network, as some clouds have it) the only one. */
static struct netif *gateway_netif(const struct netword_addr *g, bool *direct)
{
	struct netif *only = NULL;
	unsigned candidates = 0;

	*direct = true;
	list_for_each_entry (n, &netif_list, struct netif, link) {
		if ((n->flags & IFF_LOOPBACK) || n->raw || !(n->flags & IFF_UP))
			continue;
		if (g->ifname[0] && strcmp(g->ifname, n->name) != 0)
			continue;
		if (on_link(n, &g->addr))
			return n;
		only = n;
		candidates++;
	}
	*direct = false;
	return candidates == 1 ? only : NULL;
}

static void add_gateway(const struct netword_addr *g)
{
	char text[IP_TEXT];
	bool direct, v4 = ip_is_v4(&g->addr);
	struct netif *n = gateway_netif(g, &direct);
	int err = 0;

	ip_format(text, &g->addr);
	if (!n) {
		bad_configuration("no interface is on the network of the gateway", text, 0);
		return;
	}
	if (!direct) {
		struct route_entry host = {.dst = g->addr,
					   .prefix = 128,
					   .type = RTN_UNICAST,
					   .protocol = RTPROT_STATIC,
					   .scope = RT_SCOPE_LINK,
					   .netif = n,
					   .expires = UINT64_MAX};
		err = route_add(&host);
	}
	struct route_entry e = {.prefix = v4 ? 96 : 0,
				.type = RTN_UNICAST,
				.protocol = RTPROT_STATIC,
				.scope = RT_SCOPE_UNIVERSE,
				.metric = v4 ? 0 : ROUTE_METRIC_STATIC6,
				.netif = n,
				.gateway = g->addr,
				.expires = UINT64_MAX};
	if (v4)
		e.dst = ip_from_v4(0);
	if (!err || err == -EEXIST)
		err = route_add(&e);
	if (err && err != -EEXIST)
		bad_configuration("no way leads to the gateway", text, err);
}

/* True while the program should wait: for leases, and for an IPv6 address where nothing else was
 * asked for. */
static bool incomplete(void)
{
	bool wait = false;

	net_enter();
	list_for_each_entry (n, &netif_list, struct netif, link) {
		bool only_auto = networds.nip && has_method(n, NET_AUTO) &&
				 !has_method(n, NET_DHCP) && !has_method(n, NET_STATIC);
		if (dhcp_pending(n) || (only_auto && slaac_pending(n)))
			wait = true;
	}
	net_leave();
	return wait;
}

static void wait_for_addresses(void)
{
	uint64_t deadline = net_now() + WAIT_NS;

	if (!incomplete() || wait_event(&progress, !incomplete(), deadline) != -ETIMEDOUT)
		return;
	net_enter();
	list_for_each_entry (n, &netif_list, struct netif, link)
		if (dhcp_pending(n) || (!n->dhcp && slaac_pending(n)))
			printk("unigornel: network: no %s answers on %s; going on without\n",
			       n->dhcp ? "DHCP server" : "IPv6 router", n->name);
	net_leave();
}

void netconfig_start(void)
{
	net_enter();
	check_names();
	list_for_each_entry (n, &netif_list, struct netif, link)
		if (!(n->flags & IFF_LOOPBACK))
			configure(n);
	for (unsigned i = 0; i < networds.ngateway; i++)
		add_gateway(&networds.gateway[i]);
	net_leave();
	sys_class_net_init();
	wait_for_addresses();
	resolvconf_write();
}
