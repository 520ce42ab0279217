/* /proc/net/route and ipv6_route: proc(5), and what route(8) makes of them. */
#include <linux/rtnetlink.h>
#include "net/net.h"
#include "net/netif.h"
#include "net/route.h"
#include "vfs/proc_net.h"
#include "vfs/procfs.h"
#include "vfs/textbuf.h"
#include "vfs/tree.h"

#define RTF_UP	      1u
#define RTF_GATEWAY   2u
#define RTF_HOST      4u
#define RTF_REJECT    0x200u
#define RTF_NONEXTHOP 0x200000u
#define RTF_LOCAL     0x80000000u

static bool rejects(const struct route_entry *e)
{
	return e->type == RTN_UNREACHABLE || e->type == RTN_BLACKHOLE || e->type == RTN_PROHIBIT;
}

/* Lines of the table main, padded to 127 characters. */
static int show_route(struct textbuf *t, long arg)
{
	(void)arg;
	text_printf(t, "%-127s\n",
		    "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\t"
		    "Mask\t\tMTU\tWindow\tIRTT");
	net_enter();
	list_for_each_entry (e, &route_list, struct route_entry, link) {
		char line[128];
		bool gateway = !ip_is_any(&e->gateway);
		unsigned bits = e->prefix - 96u;
		if (!ip_is_v4(&e->dst) || (e->type != RTN_UNICAST && !rejects(e)))
			continue;
		uint32_t mask = bits ? hton32(~0u << (32 - bits)) : 0;
		unsigned flags = RTF_UP | (gateway ? RTF_GATEWAY : 0) |
				 (bits == 32 ? RTF_HOST : 0) | (rejects(e) ? RTF_REJECT : 0);
		ksnprintf(line, sizeof line, "%s\t%08X\t%08X\t%04X\t%d\t%u\t%u\t%08X\t%d\t%u\t%u",
			  rejects(e) ? "*" : e->netif->name, ip_v4(&e->dst),
			  gateway ? ip_v4(&e->gateway) : 0, flags, 0, 0u, e->metric, mask,
			  (int)e->mtu, 0u, 0u);
		text_printf(t, "%-127s\n", line);
	}
	net_leave();
	return 0;
}

static void hex(struct textbuf *t, const struct ip_addr *a)
{
	for (int i = 0; i < 16; i++)
		text_printf(t, "%02x", a->b[i]);
}

static int show_ipv6_route(struct textbuf *t, long arg)
{
	static const struct ip_addr none;

	(void)arg;
	net_enter();
	list_for_each_entry (e, &route_list, struct route_entry, link) {
		bool gateway = !ip_is_any(&e->gateway), local = e->type == RTN_LOCAL;
		if (ip_is_v4(&e->dst))
			continue;
		unsigned flags = RTF_UP | (gateway ? RTF_GATEWAY : 0) |
				 (rejects(e) ? RTF_REJECT : 0) |
				 (local ? RTF_LOCAL | RTF_NONEXTHOP : 0);
		hex(t, &e->dst);
		text_printf(t, " %02x ", e->prefix);
		hex(t, &none);
		text_printf(t, " 00 ");
		hex(t, &e->gateway);
		text_printf(t, " %08x %08x %08x %08x %8s\n", e->metric, 1u, 0u, flags,
			    e->netif ? e->netif->name : "lo");
	}
	net_leave();
	return 0;
}

static const struct textfile route = {.show = show_route}, route6 = {.show = show_ipv6_route};

void proc_net_route_init(void)
{
	static const struct proc_net_file files[] = {
	    {"/proc/1/net/route", &route, 0},
	    {"/proc/1/net/ipv6_route", &route6, 0},
	};
	proc_net_add(files, sizeof files / sizeof files[0]);
}
