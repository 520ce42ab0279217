/* Router advertisements: RFC 4861 section 6.3.4, RFC 4862 section 5.5.3, RFC 4191. */
#include <asm/errno.h>
#include <linux/rtnetlink.h>
#include "net/net.h"
#include "net/netconfig.h"
#include "net/netif.h"
#include "net/networds.h"
#include "net/packet.h"
#include "net/route.h"
#include "net/slaac_internal.h"

#define SECOND		 1000000000ull
#define TWO_HOURS	 (7200 * SECOND)
#define RA_SIZE		 16
#define RA_MAX		 1500 /* what fits an Ethernet frame; none is longer in practice */
#define MTU_MIN		 1280
#define REACHABLE_MAX_MS 3600000u /* RFC 4861 6.2.1 */

enum nd_option {
	OPT_PREFIX = 3,
	OPT_MTU = 5,
	OPT_ROUTE = 24, /* RFC 4191 2.3 */
	OPT_RDNSS = 25, /* RFC 8106 5.1 */
	OPT_DNSSL = 31, /* 5.2 */
};

#define PREFIX_ONLINK 0x80
#define PREFIX_AUTO   0x40

/* RFC 4191 2.1: preference as two bits, 01 high, 00 medium, 11 low; 10 is taken as medium. */
static uint32_t metric(uint8_t flags)
{
	switch (flags >> 3 & 3) {
	case 1:
		return ROUTE_METRIC_RA / 2;
	case 3:
		return ROUTE_METRIC_RA * 2;
	default:
		return ROUTE_METRIC_RA;
	}
}

/* Keeps, changes or (expires 0) removes one route of ours. */
static void set_route(struct netif *n, const struct ip_addr *dst, uint8_t prefix,
		      const struct ip_addr *gateway, uint32_t m, uint64_t expires)
{
	struct route_entry want = {.dst = *dst,
				   .prefix = prefix,
				   .type = RTN_UNICAST,
				   .protocol = RTPROT_RA,
				   .scope = RT_SCOPE_UNIVERSE,
				   .metric = m,
				   .netif = n,
				   .gateway = *gateway,
				   .expires = expires};
	unsigned count = 0;

	list_for_each_entry_safe (r, &route_list, struct route_entry, link) {
		if (r->netif != n || r->protocol != RTPROT_RA)
			continue;
		count++;
		if (r->prefix != prefix || !ip_equal(&r->dst, dst) ||
		    !ip_equal(&r->gateway, gateway))
			continue;
		if (expires >= r->expires && r->metric == m && expires) {
			r->expires = expires; /* the usual case: sockets keep their routes */
			return;
		}
		struct route_entry old = *r;
		route_del(&old);
		count--;
		break;
	}
	if (expires && count < SLAAC_ROUTES_MAX)
		route_add(&want);
}

static struct ifaddr *slaac_address(struct netif *n, const struct ip_addr *prefix, unsigned *count)
{
	struct ifaddr *found = NULL;

	*count = 0;
	list_for_each_entry (a, &n->addrs, struct ifaddr, link) {
		if (a->origin != IFADDR_SLAAC)
			continue;
		++*count;
		if (ip_prefix_match(&a->addr, prefix, 64))
			found = a;
	}
	return found;
}

/* RFC 4862 5.5.3 (e): a stranger cannot make an address end within two hours. */
static void refresh(struct ifaddr *a, uint64_t valid, uint64_t preferred)
{
	uint64_t limit = net_now() + TWO_HOURS;

	if (valid <= limit && valid <= a->valid_until)
		valid = a->valid_until < limit ? a->valid_until : limit;
	ifaddr_set_lifetime(a, valid, preferred < valid ? preferred : valid);
	net_notify(NET_ADDR_ADD, a);
}

static void make_address(struct netif *n, const struct ip_addr *prefix, bool onlink, uint64_t valid,
			 uint64_t preferred)
{
	struct ip_addr addr;
	unsigned count;
	struct ifaddr *a = slaac_address(n, prefix, &count);

	if (a) {
		refresh(a, valid, preferred);
		return;
	}
	if (valid <= net_now() || count >= SLAAC_PREFIXES_MAX)
		return;
	slaac_link_local(n, &addr);
	memcpy(&addr, prefix, 8);
	/* Without the on-link flag the prefix must not become a route. */
	ifaddr_add(n, &addr, onlink ? 64 : 128, IFADDR_SLAAC, valid, preferred);
}

static void on_prefix(struct netif *n, const uint8_t *o, size_t len)
{
	static const struct ip_addr direct;
	struct ip_addr prefix = {.q = {0}};
	uint8_t bits = o[2], flags = o[3];
	uint32_t valid = get_be32(o + 4), preferred = get_be32(o + 8);

	if (len < 32 || bits > 128 || preferred > valid)
		return;
	for (unsigned i = 0; i < bits; i++)
		prefix.b[i / 8] |= (uint8_t)(o[16 + i / 8] & (0x80 >> i % 8));
	if (ip_is_linklocal6(&prefix) || ip_is_multicast(&prefix))
		return;
	bool onlink = flags & PREFIX_ONLINK, automatic = (flags & PREFIX_AUTO) && bits == 64;
	if (onlink && !automatic)
		set_route(n, &prefix, bits, &direct, ROUTE_METRIC_STATIC6,
			  valid ? slaac_until(valid) : 0);
	if (automatic)
		make_address(n, &prefix, onlink, valid ? slaac_until(valid) : 0,
			     preferred ? slaac_until(preferred) : 0);
}

static void on_route(struct netif *n, const uint8_t *o, size_t len, const struct ip_addr *router)
{
	struct ip_addr prefix = {.q = {0}};
	uint8_t bits = o[2];
	uint32_t life = get_be32(o + 4);

	/* Section 2.3: as many words of prefix as the length needs. */
	if (bits > 128 || (bits > 64 && len < 24) || (bits > 0 && len < 16) || (o[3] >> 3 & 3) == 2)
		return;
	for (unsigned i = 0; i < bits; i++)
		prefix.b[i / 8] |= (uint8_t)(o[8 + i / 8] & (0x80 >> i % 8));
	set_route(n, &prefix, bits, router, metric(o[3]), life ? slaac_until(life) : 0);
}

static void on_mtu(struct netif *n, const uint8_t *o)
{
	uint32_t mtu = get_be32(o + 4);

	for (unsigned i = 0; i < networds.nifs; i++)
		if (networds.ifs[i].mtu && strcmp(networds.ifs[i].ifname, n->name) == 0)
			return;
	if (mtu >= MTU_MIN && mtu < n->mtu)
		netif_set_mtu(n, mtu);
}

static void on_option(struct slaac *s, const uint8_t *o, size_t len, const struct ip_addr *router)
{
	switch (o[0]) {
	case OPT_PREFIX:
		on_prefix(s->netif, o, len);
		break;
	case OPT_MTU:
		on_mtu(s->netif, o);
		break;
	case OPT_ROUTE:
		on_route(s->netif, o, len, router);
		break;
	case OPT_RDNSS:
		slaac_rdnss(s, o, len);
		break;
	case OPT_DNSSL:
		slaac_dnssl(s, o, len);
		break;
	}
}

/* Section 6.1.2: an option of length 0, or one that does not fit, makes the whole message bad. */
static bool options_ok(const uint8_t *m, size_t n)
{
	for (size_t at = RA_SIZE; at < n;) {
		if (n - at < 8 || !m[at + 1] || m[at + 1] * 8u > n - at)
			return false;
		at += m[at + 1] * 8u;
	}
	return true;
}

static void on_header(struct slaac *s, const uint8_t *m, const struct ip_addr *router)
{
	static const struct ip_addr everywhere;
	struct netif *n = s->netif;
	uint16_t life = get_be16(m + 6);
	uint32_t reachable = get_be32(m + 8), retrans = get_be32(m + 12);

	if (m[4])
		n->hop_limit = m[4];
	if (reachable && reachable <= REACHABLE_MAX_MS)
		n->reachable_ms = reachable;
	if (retrans && retrans <= REACHABLE_MAX_MS)
		n->retrans_ms = retrans;
	set_route(n, &everywhere, 0, router, metric(m[5]), life ? slaac_until(life) : 0);
	if (life) {
		s->got_router = true;
		s->rs_due = UINT64_MAX;
	}
}

void slaac_input_ra(struct packet *p)
{
	static uint8_t m[RA_MAX];
	struct slaac *s = p->netif->slaac;
	struct ip_addr router = p->src;
	size_t n = p->len;

	if (!s || n < RA_SIZE || n > sizeof m) {
		packet_free(p);
		return;
	}
	packet_read(p, 0, m, (uint32_t)n);
	packet_free(p);
	if (m[1] != 0 || !options_ok(m, n))
		return;
	on_header(s, m, &router);
	for (size_t at = RA_SIZE; at < n; at += m[at + 1] * 8u)
		on_option(s, m + at, m[at + 1] * 8u, &router);
	slaac_dns_update(s);
	slaac_arm(s);
	netconfig_progress();
}
