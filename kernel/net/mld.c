/* MLD: RFC 3810 (version 2), RFC 2710 (1). */
#include <stddef.h>
#include <linux/in6.h>
#include "net/checksum.h"
#include "net/frame.h"
#include "net/mcast.h"
#include "net/mcast_report.h"
#include "net/netif.h"
#include "net/packet.h"

#define MLD_QUERY    130
#define MLD_REPORT   131
#define MLD_DONE     132
#define MLDV2_REPORT 143
#define V1_SIZE	     24
#define V2_QUERY_MIN 28

static const struct ip_addr all_routers = {.b = {0xff, 2, [15] = 2}},
			    mldv2_routers = {.b = {0xff, 2, [15] = 0x16}};

/* The link-local address, or :: while it is tentative (RFC 3810 section 5.2.13, RFC 3590). */
static struct ip_addr source(const struct netif *n)
{
	list_for_each_entry (a, &n->addrs, struct ifaddr, link)
		if (!ip_is_v4(&a->addr) && ip_is_linklocal6(&a->addr) &&
		    (a->state == IFADDR_PREFERRED || a->state == IFADDR_DEPRECATED))
			return a->addr;
	return (struct ip_addr){.q = {0}};
}

static void send_message(struct netif *n, const struct ip_addr *dst, uint8_t *message, size_t len)
{
	struct frame_ip f = {.src = source(n),
			     .dst = *dst,
			     .protocol = IPPROTO_ICMPV6,
			     .ttl = 1,
			     .router_alert = true};

	frame_send_ip(n, &f, message, len);
}

static void send_v1(struct netif *n, uint8_t type, const struct ip_addr *dst,
		    const struct ip_addr *group)
{
	uint8_t m[V1_SIZE] = {type};

	memcpy(m + 8, group, 16);
	send_message(n, dst, m, sizeof m);
}

static void report(struct netif *n, const struct ip_addr *group, enum mcast_version v)
{
	(void)v;
	send_v1(n, MLD_REPORT, group, group);
}

static void leave(struct netif *n, const struct ip_addr *group)
{
	send_v1(n, MLD_DONE, &all_routers, group);
}

static void report_v3(struct netif *n, const struct ip_addr *groups, const uint8_t *types,
		      unsigned count)
{
	uint8_t m[8 + 20 * MCAST_RECORDS] = {MLDV2_REPORT};

	put_be16(m + 6, (uint16_t)count);
	for (unsigned i = 0; i < count; i++) {
		uint8_t *r = m + 8 + 20 * i;
		r[0] = types[i];
		memcpy(r + 4, &groups[i], 16);
	}
	send_message(n, &mldv2_routers, m, 8 + 20 * count);
}

const struct mcast_protocol mld_protocol = {report, leave, report_v3};

/* Section 5.1.3: beyond 32767 a floating point number; milliseconds. */
static uint32_t decode_ms(uint16_t code)
{
	return code < 32768 ? code : (uint32_t)(0x1000 | (code & 0xfff)) << ((code >> 12 & 7) + 3);
}

/* Section 5.1.9, seconds. */
static uint32_t decode_s(uint8_t code)
{
	return code < 128 ? code : (uint32_t)(16 + (code & 15)) << ((code >> 4 & 7) + 3);
}

/* Section 8.1: the length tells the version. */
static void query(struct netif *n, const uint8_t *m, uint32_t len)
{
	struct ip_addr group;
	uint16_t code = get_be16(m + 4);

	memcpy(&group, m + 8, 16);
	if (len >= V2_QUERY_MIN)
		mcast_query(n, &group, false, MCAST_V3, decode_ms(code), m[24] & 7,
			    decode_s(m[25]));
	else if (len == V1_SIZE)
		mcast_query(n, &group, false, MCAST_V2, code, 0, 0);
}

void mld_input(struct packet *p)
{
	struct netif *n = p->netif;

	/* Section 5: from a link-local address, with hop limit 1; the checksum is known to be
	 * right. A report of a host without an address comes from ::. */
	if (p->len < V1_SIZE || p->ttl != 1 || !(ip_is_linklocal6(&p->src) || ip_is_any(&p->src)) ||
	    packet_need_linear(p, p->len < V2_QUERY_MIN ? V1_SIZE : V2_QUERY_MIN) ||
	    (n->flags & IFF_LOOPBACK)) {
		packet_free(p);
		return;
	}
	const uint8_t *m = p->data;
	struct ip_addr group;
	if (m[0] == MLD_QUERY && !ip_is_any(&p->src)) {
		query(n, m, p->len);
	} else if (m[0] == MLD_REPORT) {
		memcpy(&group, m + 8, 16);
		mcast_heard_report(n, &group);
	}
	packet_free(p);
}
