/* Addresses: rtnetlink(7), RTM_NEWADDR and its kin. */
#include <asm/errno.h>
#include "net/net.h"
#include "net/netlink.h"

#define FOREVER 0xffffffffu
#define SECOND	1000000000ull

static uint32_t seconds_left(uint64_t until)
{
	uint64_t now = net_now();

	return until == UINT64_MAX ? FOREVER : until > now ? (uint32_t)((until - now) / SECOND) : 0;
}

static uint32_t flags_of(const struct ifaddr *a)
{
	uint32_t flags = a->valid_until == UINT64_MAX ? IFA_F_PERMANENT : 0;

	if (a->state == IFADDR_TENTATIVE)
		flags |= IFA_F_TENTATIVE;
	else if (a->state == IFADDR_DEPRECATED)
		flags |= IFA_F_DEPRECATED;
	else if (a->state == IFADDR_DUPLICATE)
		flags |= IFA_F_TENTATIVE | IFA_F_DADFAILED;
	return flags;
}

void netlink_addr_message(struct netlink_reply *r, uint16_t type, const struct ifaddr *a)
{
	bool v4 = ip_is_v4(&a->addr);
	uint32_t flags = flags_of(a);
	struct ifa_cacheinfo life = {.ifa_prefered = seconds_left(a->preferred_until),
				     .ifa_valid = seconds_left(a->valid_until)};
	struct ifaddrmsg *m = netlink_begin(r, type, sizeof *m);

	if (!m)
		return;
	m->ifa_family = v4 ? AF_INET : AF_INET6;
	m->ifa_prefixlen = a->prefix;
	m->ifa_flags = (uint8_t)flags;
	m->ifa_scope = a->scope;
	m->ifa_index = (uint32_t)a->netif->index;
	netlink_put_addr(r, IFA_ADDRESS, &a->addr);
	if (v4) {
		netlink_put_addr(r, IFA_LOCAL, &a->addr);
		if (!ip_is_any(&a->broadcast))
			netlink_put_addr(r, IFA_BROADCAST, &a->broadcast);
		netlink_put_string(r, IFA_LABEL, a->netif->name);
	}
	netlink_put(r, IFA_CACHEINFO, &life, sizeof life);
	netlink_put_u32(r, IFA_FLAGS, flags);
	netlink_end(r);
}

static void dump_family(const struct netlink_request *q, struct netlink_reply *r, uint8_t family)
{
	const struct ifaddrmsg *m = q->fixed;

	if (m->ifa_family != AF_UNSPEC && m->ifa_family != family)
		return;
	list_for_each_entry (n, &netif_list, struct netif, link) {
		if (q->strict && m->ifa_index && (uint32_t)n->index != m->ifa_index)
			continue;
		list_for_each_entry (a, &n->addrs, struct ifaddr, link)
			if (family == (ip_is_v4(&a->addr) ? AF_INET : AF_INET6))
				netlink_addr_message(r, RTM_NEWADDR, a);
	}
}

int netlink_addr_dump(const struct netlink_request *q, struct netlink_reply *r)
{
	const struct ifaddrmsg *m = q->fixed;

	if (q->strict && m->ifa_index && !netif_by_index((int)m->ifa_index))
		return -ENODEV;
	/* IPv4 first, as Linux: programs take the first address they see. */
	dump_family(q, r, AF_INET);
	dump_family(q, r, AF_INET6);
	return 0;
}

/* The interface and address that a request is about. */
static int subject(const struct netlink_request *q, struct netif **n, struct ip_addr *addr)
{
	const struct ifaddrmsg *m = q->fixed;
	const struct nlattr *a = q->attrs.attr[IFA_LOCAL];

	if (m->ifa_family != AF_INET && m->ifa_family != AF_INET6)
		return -EOPNOTSUPP;
	*n = netif_by_index((int)m->ifa_index);
	if (!*n)
		return -ENODEV;
	if (!a)
		a = q->attrs.attr[IFA_ADDRESS];
	if (!a || m->ifa_prefixlen > (m->ifa_family == AF_INET ? 32 : 128))
		return -EINVAL;
	return netlink_get_addr(a, m->ifa_family, addr);
}

static uint64_t until(uint32_t seconds)
{
	return seconds == FOREVER ? UINT64_MAX : net_now() + seconds * SECOND;
}

static int lifetimes(const struct netlink_request *q, uint64_t *valid, uint64_t *preferred)
{
	const struct nlattr *a = q->attrs.attr[IFA_CACHEINFO];
	struct ifa_cacheinfo life;

	*valid = *preferred = UINT64_MAX;
	if (!a)
		return 0;
	if (netlink_attr_len(a) < sizeof life)
		return -EINVAL;
	memcpy(&life, netlink_attr_data(a), sizeof life);
	if (!life.ifa_valid || life.ifa_prefered > life.ifa_valid)
		return -EINVAL;
	*valid = until(life.ifa_valid);
	*preferred = until(life.ifa_prefered);
	return 0;
}

int netlink_addr_new(const struct netlink_request *q, struct netlink_reply *r)
{
	const struct ifaddrmsg *m = q->fixed;
	const struct nlattr *b = q->attrs.attr[IFA_BROADCAST];
	uint64_t valid, preferred;
	struct ip_addr addr, broadcast;
	struct netif *n;
	int err = subject(q, &n, &addr);

	(void)r;
	if (!err)
		err = lifetimes(q, &valid, &preferred);
	if (!err && b)
		err = netlink_get_addr(b, m->ifa_family, &broadcast);
	if (err)
		return err;
	struct ifaddr *a = ifaddr_find_any(n, &addr);
	if (a && a->prefix == m->ifa_prefixlen && (q->h->nlmsg_flags & NLM_F_REPLACE)) {
		ifaddr_set_lifetime(a, valid, preferred);
	} else {
		err = ifaddr_add(n, &addr, m->ifa_prefixlen, IFADDR_STATIC, valid, preferred);
		if (err)
			return err;
		a = ifaddr_find_any(n, &addr);
	}
	if (a && b && m->ifa_family == AF_INET)
		a->broadcast = broadcast;
	return 0;
}

int netlink_addr_del(const struct netlink_request *q, struct netlink_reply *r)
{
	const struct ifaddrmsg *m = q->fixed;
	struct ip_addr addr;
	struct netif *n;
	int err = subject(q, &n, &addr);

	(void)r;
	return err ? err : ifaddr_del(n, &addr, m->ifa_prefixlen);
}
