/* Neighbour discovery for IPv6 (RFC 4861): solicitations, advertisements, redirects. Duplicate
 * address detection is in nd_dad.c; router advertisements in slaac_ra.c. */
#include <linux/icmpv6.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/if_arp.h>
#include "lib/printk.h"
#include "net/checksum.h"
#include "net/internal.h"
#include "net/nd_internal.h"
#include "net/neighbour.h"
#include "net/net.h"

#define SOLICITATION  135
#define ADVERTISEMENT 136
#define MESSAGE	      24 /* bytes of NS and NA without options */
#define REDIRECT      40

#define FLAG_ROUTER    0x80
#define FLAG_SOLICITED 0x40
#define FLAG_OVERRIDE  0x20

static const struct ip_addr all_nodes = {.b = {0xff, 2, [15] = 1}};

void nd_solicited_group(const struct ip_addr *addr, struct ip_addr *group)
{
	*group =
	    (struct ip_addr){.b = {0xff, 2, [11] = 1, 0xff, addr->b[13], addr->b[14], addr->b[15]}};
}

/* Sends a neighbour message of size bytes at m from src to dst; mac: its link address, NULL if dst
 * is a group or has to be resolved first. The checksum is filled in. */
static void send_message(struct netif *n, const struct ip_addr *src, const struct ip_addr *dst,
			 const uint8_t *mac, uint8_t *m, uint32_t size)
{
	uint8_t group_mac[ETH_ALEN], *h;
	struct packet *p;
	uint16_t sum;

	if (n->type != ARPHRD_ETHER)
		return;
	p = packet_alloc(40 + size);
	if (!p)
		return;
	sum = checksum_fold(checksum_pseudo(src, dst, IPPROTO_ICMPV6, size));
	sum = (uint16_t)~checksum_fold(checksum_add(m, size, sum));
	memcpy(m + 2, &sum, 2);
	h = packet_put(p, 40);
	put_be32(h, 6u << 28);
	put_be16(h + 4, (uint16_t)size);
	h[6] = IPPROTO_ICMPV6;
	h[7] = 255;
	memcpy(h + 8, src, 16);
	memcpy(h + 24, dst, 16);
	memcpy(packet_put(p, size), m, size);
	p->l3 = p->data;
	p->l4 = p->data + 40;
	if (!mac && dst->b[0] == 0xff) {
		ethernet_multicast(dst, group_mac);
		mac = group_mac;
	}
	if (mac)
		ethernet_send(n, p, mac, ETH_P_IPV6);
	else
		neighbour_output(n, dst, p);
}

void nd_solicit(struct netif *n, const struct ip_addr *src, const struct ip_addr *addr,
		const uint8_t *mac)
{
	uint8_t m[MESSAGE + 8] = {SOLICITATION};
	uint32_t size = MESSAGE;
	struct ip_addr group;
	const struct ifaddr *a = ifaddr_find(n, src);

	memcpy(m + 8, addr, 16);
	/* An address that might be somebody else's enters no caches (RFC 4429, 3.2). */
	if (a && !a->optimistic) {
		m[size] = ND_OPT_SOURCE;
		m[size + 1] = 1;
		memcpy(m + size + 2, n->mac, ETH_ALEN);
		size += 8;
	}
	nd_solicited_group(addr, &group);
	send_message(n, src, mac ? addr : &group, mac, m, size);
}

void nd_solicit_dad(struct netif *n, const struct ip_addr *addr, const uint8_t nonce[6])
{
	static const struct ip_addr unspecified;
	uint8_t m[MESSAGE + 8] = {SOLICITATION};
	struct ip_addr group;

	memcpy(m + 8, addr, 16);
	m[MESSAGE] = ND_OPT_NONCE; /* RFC 7527: a loop in the network is no duplicate */
	m[MESSAGE + 1] = 1;
	memcpy(m + MESSAGE + 2, nonce, 6);
	nd_solicited_group(addr, &group);
	send_message(n, &unspecified, &group, NULL, m, sizeof m);
}

static void advertise(struct netif *n, const struct ifaddr *a, const struct ip_addr *to,
		      const uint8_t *mac, bool solicited)
{
	uint8_t m[MESSAGE + 8] = {ADVERTISEMENT};

	m[4] = (uint8_t)((solicited ? FLAG_SOLICITED : 0) | (a->optimistic ? 0 : FLAG_OVERRIDE));
	memcpy(m + 8, &a->addr, 16);
	m[MESSAGE] = ND_OPT_TARGET;
	m[MESSAGE + 1] = 1;
	memcpy(m + MESSAGE + 2, n->mac, ETH_ALEN);
	send_message(n, &a->addr, to, mac, m, sizeof m);
}

/* What concerns us of a message's options. */
struct options {
	const uint8_t *source, *target, *nonce; /* link addresses; NULL */
};

/* Reads the options of p (linear) from byte at on. False: malformed (RFC 4861, 6.1, 7.1). */
static bool read_options(const struct packet *p, uint32_t at, struct options *o)
{
	*o = (struct options){NULL, NULL, NULL};
	while (at < p->len) {
		const uint8_t *opt = p->data + at;
		uint32_t size;
		if (p->len - at < 8 || !opt[1])
			return false;
		size = opt[1] * 8u;
		if (size > p->len - at)
			return false;
		if (opt[0] == ND_OPT_SOURCE && !o->source)
			o->source = opt + 2;
		else if (opt[0] == ND_OPT_TARGET && !o->target)
			o->target = opt + 2;
		else if (opt[0] == ND_OPT_NONCE)
			o->nonce = opt + 2;
		at += size;
	}
	return true;
}

/* What all neighbour messages have in common. */
static bool valid(struct packet *p, uint32_t least)
{
	return p->ttl == 255 && p->len >= least && p->len <= 1500 &&
	       !packet_need_linear(p, p->len) && !p->data[1] && p->netif->type == ARPHRD_ETHER &&
	       !p->looped;
}

void nd_input_solicitation(struct packet *p)
{
	struct netif *n = p->netif;
	struct ip_addr target, group;
	struct options o;
	struct ifaddr *a;

	if (!valid(p, MESSAGE) || !read_options(p, MESSAGE, &o))
		goto out;
	memcpy(&target, p->data + 8, 16);
	nd_solicited_group(&target, &group);
	if (target.b[0] == 0xff ||
	    (ip_is_any(&p->src) && (o.source || !ip_equal(&p->dst, &group)))) /* 7.1.1 */
		goto out;
	a = ifaddr_find_any(n, &target);
	if (!a || a->state == IFADDR_DUPLICATE)
		goto out;
	if (ip_is_any(&p->src)) { /* somebody wants this address for himself */
		if (o.nonce && nd_dad_own_nonce(o.nonce))
			goto out;
		if (a->optimistic)
			nd_dad_failed(a, p->l2 ? p->l2 + ETH_ALEN : NULL);
		else
			advertise(n, a, &all_nodes, NULL, false);
		goto out;
	}
	if (o.source)
		neighbour_learn(n, &p->src, o.source, true, false, true);
	advertise(n, a, &p->src, o.source && !(o.source[0] & 1) ? o.source : NULL, true);
out:
	packet_free(p);
}

void nd_input_advertisement(struct packet *p)
{
	struct netif *n = p->netif;
	struct ip_addr target;
	struct neighbour *nb;
	struct options o;
	struct ifaddr *a;
	uint8_t flags;

	if (!valid(p, MESSAGE) || !read_options(p, MESSAGE, &o))
		goto out;
	memcpy(&target, p->data + 8, 16);
	flags = p->data[4];
	if (target.b[0] == 0xff || ((flags & FLAG_SOLICITED) && p->dst.b[0] == 0xff)) /* 7.1.2 */
		goto out;
	a = ifaddr_find_any(n, &target);
	if (a) {
		if (o.target && !memcmp(o.target, n->mac, ETH_ALEN))
			goto out; /* our own, come back */
		if (a->optimistic)
			nd_dad_failed(a, o.target);
		goto out;
	}
	nb = neighbour_find(n, &target);
	if (!nb)
		goto out;
	if (o.target || (nb->state & NUD_HAS_MAC))
		neighbour_learn(n, &target, o.target ? o.target : neighbour_mac(nb), false,
				flags & FLAG_SOLICITED, flags & FLAG_OVERRIDE);
	/* One that is a router no longer is no way out (7.3.3). */
	if (nb->router && !(flags & FLAG_ROUTER))
		route_neighbour_failed(nb);
	nb->router = flags & FLAG_ROUTER;
out:
	packet_free(p);
}

void nd_input_redirect(struct packet *p)
{
	struct ip_addr target, dst;
	struct options o;

	if (!valid(p, REDIRECT) || !read_options(p, REDIRECT, &o) || !ip_is_linklocal6(&p->src))
		goto out;
	memcpy(&target, p->data + 8, 16);
	memcpy(&dst, p->data + 24, 16);
	if (dst.b[0] == 0xff || ip_is_v4(&dst) || /* 8.1 */
	    (!ip_is_linklocal6(&target) && !ip_equal(&target, &dst)))
		goto out;
	if (ifaddr_find_any(NULL, &target))
		goto out;
	route_redirect(p->netif, &dst, &p->src, &target);
	if (o.target)
		neighbour_learn(p->netif, &target, o.target, true, false, true);
out:
	packet_free(p);
}
