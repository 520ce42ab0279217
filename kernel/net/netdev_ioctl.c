/*
 * The old interface to interfaces: netdevice(7), arp(7), SIOCADDRT of route(8). IPv4 only, as it
 * always was; IPv6 has netlink. Lock: net_lock; the program's memory is touched under it.
 */
#include <asm/errno.h>
#include <linux/if_arp.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include "mm/uaccess.h"
#include "net/inet.h"
#include "net/neighbour.h"
#include "net/netdev.h"
#include "net/net.h"
#include "net/route.h"
#include "sys/capability.h"

struct user_sockaddr {
	uint16_t family;
	uint8_t data[14];
};

struct user_sockaddr_in {
	uint16_t family;
	be16_t port;
	be32_t addr;
	uint8_t zero[8];
};

/* struct ifreq. */
struct request {
	char name[IFNAMSIZ];
	union {
		struct user_sockaddr addr;
		struct user_sockaddr_in in;
		int16_t flags;
		int32_t number;
		char newname[IFNAMSIZ];
		uint8_t bytes[24];
	};
};
_Static_assert(sizeof(struct request) == 40, "struct ifreq of x86-64");

static struct ifaddr *first_v4(const struct netif *n)
{
	list_for_each_entry (a, &n->addrs, struct ifaddr, link)
		if (ip_is_v4(&a->addr))
			return a;
	return NULL;
}

static be32_t mask_of(uint8_t prefix)
{
	return prefix ? hton32(~0u << (32 - prefix)) : 0;
}

/* -1: not a mask. */
static int prefix_of(be32_t mask)
{
	uint32_t m = ntoh32(mask);

	return (~m & (~m + 1)) ? -1 : __builtin_popcount(m);
}

static void put_in(struct request *r, be32_t addr)
{
	r->in = (struct user_sockaddr_in){.family = AF_INET, .addr = addr};
}

/* SIOCGIFCONF: one entry for each IPv4 address; without a buffer the size that would be needed. */
static int list_addresses(uintptr_t arg)
{
	struct {
		int32_t len;
		uint32_t pad;
		uintptr_t buf;
	} conf;
	int done = 0;

	if (copy_from_user(&conf, arg, sizeof conf))
		return -EFAULT;
	list_for_each_entry (n, &netif_list, struct netif, link) {
		list_for_each_entry (a, &n->addrs, struct ifaddr, link) {
			struct request r = {.bytes = {0}};
			if (!ip_is_v4(&a->addr))
				continue;
			if (conf.buf) {
				if (conf.len - done < (int)sizeof r)
					break;
				strlcpy(r.name, n->name, sizeof r.name);
				put_in(&r, ip_v4(&a->addr));
				if (copy_to_user(conf.buf + (unsigned)done, &r, sizeof r))
					return -EFAULT;
			}
			done += (int)sizeof r;
		}
	}
	return put_user_u32(arg, (uint32_t)done);
}

/* Answers that need an IPv4 address. */
static int get_address(struct netif *n, unsigned cmd, struct request *r)
{
	const struct ifaddr *a = first_v4(n);

	if (!a)
		return -EADDRNOTAVAIL;
	switch (cmd) {
	case SIOCGIFADDR:
	case SIOCGIFDSTADDR: /* of a link with one other end, else the address itself */
		put_in(r, ip_v4(&a->addr));
		break;
	case SIOCGIFNETMASK:
		put_in(r, mask_of(a->prefix));
		break;
	case SIOCGIFBRDADDR:
		put_in(r, ip_is_v4(&a->broadcast) ? ip_v4(&a->broadcast) : 0);
		break;
	}
	return 0;
}

static int get(struct netif *n, unsigned cmd, struct request *r)
{
	switch (cmd) {
	case SIOCGIFFLAGS:
		r->flags = (int16_t)netdev_flags(n);
		return 0;
	case SIOCGIFINDEX:
		r->number = n->index;
		return 0;
	case SIOCGIFMTU:
		r->number = (int32_t)n->mtu;
		return 0;
	case SIOCGIFMETRIC:
		r->number = 0;
		return 0;
	case SIOCGIFTXQLEN:
		r->number = NETDEV_TXQLEN;
		return 0;
	case SIOCGIFMAP:
		memset(r->bytes, 0, sizeof r->bytes);
		return 0;
	case SIOCGIFHWADDR:
		r->addr = (struct user_sockaddr){.family = n->type};
		memcpy(r->addr.data, n->mac, ETH_ALEN);
		return 0;
	default:
		return get_address(n, cmd, r);
	}
}

/* The class's mask (RFC 791), which a bare SIOCSIFADDR implies. */
static uint8_t class_prefix(be32_t addr)
{
	uint32_t top = ntoh32(addr) >> 24;

	return top < 128 ? 8 : top < 192 ? 16 : 24;
}

static int replace_address(struct netif *n, be32_t addr, uint8_t prefix)
{
	struct ip_addr next = ip_from_v4(addr);
	struct ifaddr *a = first_v4(n);

	if (a) {
		struct ip_addr old = a->addr;
		if (ip_equal(&old, &next) && a->prefix == prefix)
			return 0;
		int err = ifaddr_del(n, &old, a->prefix);
		if (err)
			return err;
	}
	return addr ? ifaddr_add(n, &next, prefix, IFADDR_STATIC, UINT64_MAX, UINT64_MAX) : 0;
}

static int set_address(struct netif *n, unsigned cmd, const struct request *r)
{
	struct ifaddr *a = first_v4(n);
	int prefix;

	if (cmd == SIOCSIFADDR)
		return replace_address(n, r->in.addr, class_prefix(r->in.addr));
	if (!a)
		return -EADDRNOTAVAIL;
	if (cmd == SIOCSIFBRDADDR) {
		a->broadcast = ip_from_v4(r->in.addr);
		return 0;
	}
	prefix = prefix_of(r->in.addr);
	return prefix < 0 ? -EINVAL : replace_address(n, ip_v4(&a->addr), (uint8_t)prefix);
}

static int set(struct netif *n, unsigned cmd, struct request *r)
{
	switch (cmd) {
	case SIOCSIFFLAGS:
		return netdev_change_flags(n, (uint16_t)r->flags,
					   IFF_UP | IFF_PROMISC | IFF_ALLMULTI);
	case SIOCSIFMTU:
		return r->number < 0 ? -EINVAL : netif_set_mtu(n, (uint32_t)r->number);
	case SIOCSIFHWADDR:
		return r->addr.family != n->type ? -EINVAL : netif_set_mac(n, r->addr.data);
	case SIOCSIFNAME:
		r->newname[IFNAMSIZ - 1] = '\0';
		return netdev_rename(n, r->newname);
	case SIOCADDMULTI:
	case SIOCDELMULTI:
		if (r->addr.family != 0 || !(r->addr.data[0] & 1))
			return -EINVAL;
		return netif_link_mcast(n, r->addr.data, cmd == SIOCADDMULTI);
	case SIOCSIFTXQLEN:
		return r->number == (int)NETDEV_TXQLEN ? 0 : -EOPNOTSUPP;
	case SIOCSIFMETRIC:
		return r->number == 0 ? 0 : -EOPNOTSUPP;
	default:
		return set_address(n, cmd, r);
	}
}

/* struct rtentry. */
struct route_request {
	uint64_t pad1;
	struct user_sockaddr_in dst, gateway, mask;
	uint16_t flags;
	int16_t pad2;
	uint64_t pad3;
	uint8_t tos, class;
	int16_t pad4[3];
	int16_t metric; /* one more than it is */
	uintptr_t dev;
	uint64_t mtu, window;
	uint16_t irtt;
};
_Static_assert(sizeof(struct route_request) == 120, "struct rtentry of x86-64");
#define RTF_GATEWAY 2
#define RTF_HOST    4
#define RTF_MTU	    0x40
#define RTF_REJECT  0x200

static int route_change(bool add, uintptr_t arg)
{
	struct route_request r;
	char name[IFNAMSIZ];
	struct route way = {0};

	if (copy_from_user(&r, arg, sizeof r))
		return -EFAULT;
	if (r.dst.family != AF_INET)
		return -EAFNOSUPPORT;
	int prefix = r.flags & RTF_HOST ? 32 : prefix_of(r.mask.addr);
	if (prefix < 0 || (r.dst.addr & ~mask_of((uint8_t)prefix)))
		return -EINVAL;
	struct route_entry e = {.dst = ip_from_v4(r.dst.addr),
				.prefix = (uint8_t)(96 + prefix),
				.type = r.flags & RTF_REJECT ? RTN_UNREACHABLE : RTN_UNICAST,
				.protocol = RTPROT_BOOT,
				.scope = r.flags & RTF_GATEWAY ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK,
				.metric = r.metric > 0 ? (uint32_t)r.metric - 1 : 0,
				.mtu = r.flags & RTF_MTU ? (uint32_t)r.mtu : 0,
				.expires = UINT64_MAX};
	if (r.flags & RTF_GATEWAY)
		e.gateway = ip_from_v4(r.gateway.addr);
	if (r.dev) {
		if (strncpy_from_user(name, r.dev, sizeof name) < 0)
			return -EFAULT;
		e.netif = netif_by_name(name);
		if (!e.netif)
			return -ENODEV;
	}
	if (!add)
		return route_del(&e);
	if (!e.netif && (r.flags & RTF_GATEWAY) && !route_lookup(&way, &e.gateway, NULL, 0))
		e.netif = way.netif;
	if (!e.netif && (r.flags & RTF_REJECT))
		e.netif = netif_by_index(1);
	return e.netif ? route_add(&e) : r.flags & RTF_GATEWAY ? -ENETUNREACH : -ENODEV;
}

/* struct arpreq. */
struct arp_request {
	struct user_sockaddr_in addr;
	struct user_sockaddr mac;
	int32_t flags;
	struct user_sockaddr mask;
	char dev[IFNAMSIZ];
};

static struct neighbour *find_neighbour(const struct netif *n, const struct ip_addr *addr)
{
	if (n)
		return neighbour_find(n, addr);
	list_for_each_entry (i, &netif_list, struct netif, link) {
		struct neighbour *nb = neighbour_find(i, addr);
		if (nb)
			return nb;
	}
	return NULL;
}

static int get_arp(struct arp_request *r, struct netif *n, const struct ip_addr *addr,
		   uintptr_t arg)
{
	const struct neighbour *nb = find_neighbour(n, addr);

	if (!nb)
		return -ENXIO;
	r->mac = (struct user_sockaddr){.family = nb->netif->type};
	r->flags = nb->state & NUD_HAS_MAC ? ATF_COM : 0;
	if (nb->state & NUD_HAS_MAC)
		memcpy(r->mac.data, neighbour_mac(nb), ETH_ALEN);
	if (nb->state & NUD_PERMANENT)
		r->flags |= ATF_PERM;
	strlcpy(r->dev, nb->netif->name, sizeof r->dev);
	return copy_to_user(arg, r, sizeof *r);
}

static int arp(unsigned cmd, uintptr_t arg)
{
	struct arp_request r;
	struct netif *n = NULL;
	struct route way = {0};

	if (copy_from_user(&r, arg, sizeof r))
		return -EFAULT;
	if (cmd != SIOCGARP && !process_capable(CAP_NET_ADMIN))
		return -EPERM;
	if (r.addr.family != AF_INET)
		return -EPFNOSUPPORT;
	r.dev[IFNAMSIZ - 1] = '\0';
	if (r.dev[0] && !(n = netif_by_name(r.dev)))
		return -ENODEV;
	struct ip_addr addr = ip_from_v4(r.addr.addr);
	if (cmd == SIOCGARP)
		return get_arp(&r, n, &addr, arg);
	if (!n && !route_lookup(&way, &addr, NULL, 0))
		n = way.netif;
	if (!n)
		return -ENETUNREACH;
	if (cmd == SIOCDARP)
		return neighbour_delete(n, &addr) ? -ENXIO : 0;
	if (r.mac.family != n->type)
		return -EINVAL;
	return neighbour_set(n, &addr, r.mac.data, r.flags & ATF_PERM ? NUD_PERMANENT : NUD_STALE);
}

static int get_name(uintptr_t arg)
{
	struct request r;

	if (copy_from_user(&r, arg, sizeof r))
		return -EFAULT;
	const struct netif *n = netif_by_index(r.number);
	if (!n)
		return -ENODEV;
	strlcpy(r.name, n->name, sizeof r.name);
	return copy_to_user(arg, &r, sizeof r);
}

/* Requests about one interface, by name; an alias ("eth0:1") is its interface. */
static int by_name(unsigned cmd, uintptr_t arg, bool change)
{
	struct request r;

	if (copy_from_user(&r, arg, sizeof r))
		return -EFAULT;
	r.name[IFNAMSIZ - 1] = '\0';
	char *colon = strchr(r.name, ':');
	if (colon)
		*colon = '\0';
	if (change && !process_capable(CAP_NET_ADMIN))
		return -EPERM;
	bool address = cmd == SIOCSIFADDR || cmd == SIOCSIFBRDADDR || cmd == SIOCSIFNETMASK;
	if (address && r.in.family != AF_INET)
		return -EINVAL;
	struct netif *n = netif_by_name(r.name);
	if (!n)
		return -ENODEV;
	if (colon)
		*colon = ':';
	if (change)
		return set(n, cmd, &r);
	int err = get(n, cmd, &r);
	return err ? err : copy_to_user(arg, &r, sizeof r);
}

/* Requests that drivers define for themselves: none here does. */
static int private_request(uintptr_t arg)
{
	struct request r;

	if (copy_from_user(&r, arg, sizeof r))
		return -EFAULT;
	r.name[IFNAMSIZ - 1] = '\0';
	return netif_by_name(r.name) ? -EOPNOTSUPP : -ENODEV;
}

int netdev_ioctl(unsigned cmd, uintptr_t arg)
{
	if (cmd >= SIOCDEVPRIVATE && cmd < SIOCDEVPRIVATE + 16)
		return private_request(arg);
	switch (cmd) {
	case SIOCGIFCONF:
		return list_addresses(arg);
	case SIOCGIFNAME:
		return get_name(arg);
	case SIOCGIFFLAGS:
	case SIOCGIFADDR:
	case SIOCGIFDSTADDR:
	case SIOCGIFBRDADDR:
	case SIOCGIFNETMASK:
	case SIOCGIFMETRIC:
	case SIOCGIFMTU:
	case SIOCGIFHWADDR:
	case SIOCGIFINDEX:
	case SIOCGIFTXQLEN:
	case SIOCGIFMAP:
		return by_name(cmd, arg, false);
	case SIOCSIFFLAGS:
	case SIOCSIFADDR:
	case SIOCSIFBRDADDR:
	case SIOCSIFNETMASK:
	case SIOCSIFMETRIC:
	case SIOCSIFMTU:
	case SIOCSIFHWADDR:
	case SIOCSIFNAME:
	case SIOCSIFTXQLEN:
	case SIOCADDMULTI:
	case SIOCDELMULTI:
		return by_name(cmd, arg, true);
	case SIOCADDRT:
	case SIOCDELRT:
		return process_capable(CAP_NET_ADMIN) ? route_change(cmd == SIOCADDRT, arg)
						      : -EPERM;
	case SIOCGARP:
	case SIOCSARP:
	case SIOCDARP:
		return arp(cmd, arg);
	case SIOCETHTOOL: /* as of a driver without any of it */
	case SIOCGMIIPHY:
	case SIOCGMIIREG:
	case SIOCSHWTSTAMP:
	case SIOCGHWTSTAMP:
		return -EOPNOTSUPP;
	}
	return -ENOTTY;
}
