/* /proc/net/dev, arp, if_inet6, igmp, igmp6, dev_mcast, dhcp: proc(5). */
#include "vfs/proc_net.h"
#include <linux/if_arp.h>
#include "net/dhcp_internal.h"
#include "net/frame.h"
#include "net/internal.h"
#include "net/mcast.h"
#include "net/mcast_report.h"
#include "net/neighbour.h"
#include "net/net.h"
#include "net/netif.h"
#include "vfs/procfs.h"
#include "vfs/textbuf.h"
#include "vfs/tree.h"

void proc_net_add(const struct proc_net_file *files, size_t n)
{
	for (size_t i = 0; i < n; i++)
		tree_text(&super_proc, files[i].path, 0444, files[i].text, files[i].arg);
}

void proc_net_addr(struct textbuf *t, const struct ip_addr *a, bool v6)
{
	for (int i = v6 ? 0 : 3; i < 4; i++)
		text_printf(t, "%08X", a->w[i]);
}

static void hex_addr(struct textbuf *t, const struct ip_addr *a)
{
	for (int i = 0; i < 16; i++)
		text_printf(t, "%02x", a->b[i]);
}

static void mac_text(struct textbuf *t, const uint8_t *m)
{
	text_printf(t, "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
}

static int show_dev(struct textbuf *t, long arg)
{
	(void)arg;
	text_printf(t, "Inter-|   Receive                                                |  "
		       "Transmit\n face |bytes    packets errs drop fifo frame compressed "
		       "multicast|bytes    packets errs drop fifo colls carrier compressed\n");
	net_enter();
	list_for_each_entry (n, &netif_list, struct netif, link) {
		const struct netif_stats *s = &n->stats;
		text_printf(t, "%*s%s: %7lu %7lu %4lu %4lu %4u %5u %10u %9lu ",
			    (int)(strlen(n->name) < 6 ? 6 - strlen(n->name) : 0), "", n->name,
			    s->rx_bytes, s->rx_packets, s->rx_errors, s->rx_dropped, 0u, 0u, 0u,
			    s->rx_multicast);
		text_printf(t, "%8lu %7lu %4lu %4lu %4u %5u %7u %10u\n", s->tx_bytes, s->tx_packets,
			    s->tx_errors, s->tx_dropped, 0u, 0u, 0u, 0u);
	}
	net_leave();
	return 0;
}

static int show_arp(struct textbuf *t, long arg)
{
	static const uint8_t unknown[ETH_ALEN];

	(void)arg;
	text_printf(t, "IP address       HW type     Flags       HW address            Mask     "
		       "Device\n");
	net_enter();
	list_for_each_entry (nb, &neighbour_list, struct neighbour, all_link) {
		char text[IP_TEXT];
		bool known = nb->state & NUD_HAS_MAC;
		if (!ip_is_v4(&nb->addr))
			continue;
		ip_format(text, &nb->addr);
		text_printf(t, "%-16s 0x%-10x0x%-10x", text, nb->netif->type,
			    (known ? ATF_COM : 0) | (nb->state & NUD_PERMANENT ? ATF_PERM : 0));
		mac_text(t, known ? neighbour_mac(nb) : unknown);
		text_printf(t, "     *        %s\n", nb->netif->name);
	}
	net_leave();
	return 0;
}

/* IPV6_ADDR_LOOPBACK, LINKLOCAL, SITELOCAL of the kernel's address types. */
static unsigned scope6(const struct ip_addr *a)
{
	if (ip_is_loopback(a))
		return 0x10;
	if (ip_is_linklocal6(a))
		return 0x20;
	return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0xc0 ? 0x40 : 0;
}

static int show_if_inet6(struct textbuf *t, long arg)
{
	enum { PERMANENT = 0x80, TENTATIVE = 0x40, DEPRECATED = 0x20, FAILED = 0x08 };

	(void)arg;
	net_enter();
	list_for_each_entry (n, &netif_list, struct netif, link) {
		list_for_each_entry (a, &n->addrs, struct ifaddr, link) {
			unsigned flags = a->valid_until == UINT64_MAX ? PERMANENT : 0;
			if (ip_is_v4(&a->addr))
				continue;
			if (a->state == IFADDR_TENTATIVE)
				flags |= TENTATIVE;
			if (a->state == IFADDR_DUPLICATE)
				flags |= TENTATIVE | FAILED;
			if (a->state == IFADDR_DEPRECATED)
				flags |= DEPRECATED;
			hex_addr(t, &a->addr);
			text_printf(t, " %02x %02x %02x %02x %8s\n", (unsigned)n->index, a->prefix,
				    scope6(&a->addr), flags, n->name);
		}
	}
	net_leave();
	return 0;
}

static unsigned groups_of(const struct netif *n, bool v4)
{
	unsigned count = 0;

	list_for_each_entry (m, &n->multicast, struct netif_mcast, link)
		count += ip_is_v4(&m->group) == v4;
	return count;
}

static int show_igmp(struct textbuf *t, long arg)
{
	static const char *const versions[] = {"V1", "V2", "V3"};

	(void)arg;
	text_printf(t, "Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n");
	net_enter();
	list_for_each_entry (n, &netif_list, struct netif, link) {
		unsigned count = groups_of(n, true);
		if (!count)
			continue;
		text_printf(t, "%d\t%-10s: %5u %7s\n", n->index, n->name, count,
			    versions[mcast_version(n, true)]);
		list_for_each_entry (m, &n->multicast, struct netif_mcast, link)
			if (ip_is_v4(&m->group))
				text_printf(t, "\t\t\t\t%08X %5u 0:00000000\t\t%d\n",
					    ip_v4(&m->group), m->users, m->report != NULL);
	}
	net_leave();
	return 0;
}

static int show_igmp6(struct textbuf *t, long arg)
{
	(void)arg;
	net_enter();
	list_for_each_entry (n, &netif_list, struct netif, link) {
		list_for_each_entry (m, &n->multicast, struct netif_mcast, link) {
			if (ip_is_v4(&m->group))
				continue;
			text_printf(t, "%-4d %-15s ", n->index, n->name);
			hex_addr(t, &m->group);
			text_printf(t, " %5u %08X 0\n", m->users, m->report ? 4 : 8);
		}
	}
	net_leave();
	return 0;
}

static int show_dev_mcast(struct textbuf *t, long arg)
{
	(void)arg;
	net_enter();
	list_for_each_entry (n, &netif_list, struct netif, link) {
		list_for_each_entry (m, &n->multicast, struct netif_mcast, link) {
			uint8_t mac[ETH_ALEN];
			if (n->flags & IFF_LOOPBACK)
				continue;
			ethernet_multicast(&m->group, mac);
			text_printf(t, "%-4d %-15s %-5u %-5u ", n->index, n->name, m->users, 0u);
			for (int i = 0; i < ETH_ALEN; i++)
				text_printf(t, "%02x", mac[i]);
			text_printf(t, "\n");
		}
	}
	net_leave();
	return 0;
}

static int show_dhcp(struct textbuf *t, long arg)
{
	(void)arg;
	net_enter();
	dhcp_show(t);
	net_leave();
	return 0;
}

static const struct textfile dev = {.show = show_dev}, arp = {.show = show_arp},
			     if_inet6 = {.show = show_if_inet6}, igmp = {.show = show_igmp},
			     igmp6 = {.show = show_igmp6}, dev_mcast = {.show = show_dev_mcast},
			     dhcp = {.show = show_dhcp};

void proc_net_init(void)
{
	static const struct proc_net_file files[] = {
	    {"/proc/1/net/dev", &dev, 0},	    {"/proc/1/net/arp", &arp, 0},
	    {"/proc/1/net/if_inet6", &if_inet6, 0}, {"/proc/1/net/igmp", &igmp, 0},
	    {"/proc/1/net/igmp6", &igmp6, 0},	    {"/proc/1/net/dev_mcast", &dev_mcast, 0},
	    {"/proc/1/net/dhcp", &dhcp, 0},
	};
	proc_net_add(files, sizeof files / sizeof files[0]);
	proc_net_route_init();
	proc_net_sock_init();
	proc_net_tcp_init();
	proc_net_stat_init();
	proc_net_sys_init();
	tree_symlink(&super_proc, "/proc/net", "self/net");
}
