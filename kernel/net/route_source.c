/* Which of our addresses to send from: RFC 6724 section 5, and what Linux does for IPv4. */
#include <linux/rtnetlink.h>
#include "net/internal.h"
#include "net/neighbour.h"
#include "net/route_internal.h"

static bool subnet_has(const struct ifaddr *a, const struct ip_addr *addr)
{
	return ip_prefix_match(&a->addr, addr, a->prefix + (ip_is_v4(&a->addr) ? 96u : 0u));
}

static bool source4(const struct netif *n, const struct ip_addr *dst,
		    const struct ip_addr *next_hop, struct ip_addr *src)
{
	const struct ifaddr *first = NULL;
	bool link_local_dst = dst->b[12] == 169 && dst->b[13] == 254;

	list_for_each_entry (a, &n->addrs, struct ifaddr, link) {
		if (!ip_is_v4(&a->addr))
			continue;
		if (subnet_has(a, next_hop)) {
			*src = a->addr;
			return true;
		}
		if (!first || (first->scope > RT_SCOPE_UNIVERSE && a->scope == RT_SCOPE_UNIVERSE &&
			       !link_local_dst))
			first = a;
	}
	if (first) {
		*src = first->addr;
		return true;
	}
	/* An interface without addresses borrows one. */
	list_for_each_entry (other, &netif_list, struct netif, link) {
		if (!(other->flags & IFF_UP))
			continue;
		list_for_each_entry (a, &other->addrs, struct ifaddr, link) {
			if (ip_is_v4(&a->addr) && a->scope < RT_SCOPE_LINK) {
				*src = a->addr;
				return true;
			}
		}
	}
	return false;
}

/* Multicast scopes (RFC 4291, 2.7) for unicast addresses too (RFC 6724, 3.1). */
static unsigned scope6(const struct ip_addr *a)
{
	if (a->b[0] == 0xff)
		return a->b[1] & 0xf;
	if (ip_is_linklocal6(a) || ip_is_loopback(a))
		return 2;
	if (a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0xc0)
		return 5;
	return 14;
}

/* The default policy table (RFC 6724, 2.1). */
static unsigned label6(const struct ip_addr *a)
{
	if (ip_is_loopback(a))
		return 0;
	if (ip_is_v4(a))
		return 4;
	if (a->b[0] == 0x20 && a->b[1] == 0x02)
		return 2;
	if (a->b[0] == 0x20 && a->b[1] == 0x01 && !a->b[2] && !a->b[3])
		return 5;
	if ((a->b[0] & 0xfe) == 0xfc)
		return 13;
	if (a->q[0] == 0 && a->w[2] == 0)
		return 3;
	if (a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0xc0)
		return 11;
	if (a->b[0] == 0x3f && a->b[1] == 0xfe)
		return 12;
	return 1;
}

static unsigned common_prefix(const struct ip_addr *a, const struct ip_addr *b, unsigned limit)
{
	unsigned n = 0;

	while (n < limit && n < 128 && !((a->b[n / 8] ^ b->b[n / 8]) & 0x80 >> n % 8))
		n++;
	return n;
}

/* Is a a better source for dst over n than b? The rules of RFC 6724 section 5 in order. */
static bool better6(const struct ifaddr *a, const struct ifaddr *b, const struct netif *n,
		    const struct ip_addr *dst)
{
	unsigned sa, sb, sd;

	if (ip_equal(&b->addr, dst) || ip_equal(&a->addr, dst)) /* 1 */
		return ip_equal(&a->addr, dst);
	sa = scope6(&a->addr);
	sb = scope6(&b->addr);
	sd = scope6(dst);
	if (sa != sb) /* 2 */
		return sa < sb ? sa >= sd : sb < sd;
	bool da = a->state == IFADDR_DEPRECATED || a->optimistic;
	bool db = b->state == IFADDR_DEPRECATED || b->optimistic;
	if (da != db) /* 3, and RFC 4429, 3.3 */
		return db;
	if ((a->netif == n) != (b->netif == n)) /* 5 */
		return a->netif == n;
	bool la = label6(&a->addr) == label6(dst), lb = label6(&b->addr) == label6(dst);
	if (la != lb) /* 6 */
		return la;
	return common_prefix(&a->addr, dst, a->prefix) > common_prefix(&b->addr, dst, b->prefix);
}

static bool source6(const struct netif *n, const struct ip_addr *dst, struct ip_addr *src)
{
	const struct ifaddr *best = NULL;

	list_for_each_entry (other, &netif_list, struct netif, link) {
		/* Link-local ones, groups of link scope: of that interface only (RFC 6724, 4). */
		if (!(other->flags & IFF_UP) || (other != n && scope6(dst) <= 2))
			continue;
		list_for_each_entry (a, &other->addrs, struct ifaddr, link) {
			if (ip_is_v4(&a->addr) || a->state == IFADDR_TENTATIVE ||
			    a->state == IFADDR_DUPLICATE)
				continue;
			if (other != n && scope6(&a->addr) <= 2)
				continue;
			if (!best || better6(a, best, n, dst))
				best = a;
		}
	}
	if (!best)
		return false;
	*src = best->addr;
	return true;
}

bool route_source(const struct netif *n, const struct ip_addr *dst, const struct ip_addr *next_hop,
		  struct ip_addr *src)
{
	return ip_is_v4(dst) ? source4(n, dst, next_hop, src) : source6(n, dst, src);
}

bool route_solicit_source(struct netif *n, const struct ip_addr *target,
			  const struct packet *waiting, struct ip_addr *src)
{
	if (waiting && packet_linear(waiting) >= 20) {
		struct ip_addr s;
		if (ip_is_v4(target)) {
			be32_t w;
			memcpy(&w, waiting->data + 12, 4);
			s = ip_from_v4(w);
		} else if (packet_linear(waiting) >= 40) {
			memcpy(&s, waiting->data + 8, 16);
		} else {
			s = (struct ip_addr){.q = {0, 0}};
		}
		struct ifaddr *a = ifaddr_find(n, &s);
		if (a && !a->optimistic) {
			*src = s;
			return true;
		}
	}
	return route_source(n, target, target, src);
}
