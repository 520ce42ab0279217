/* IGMP: RFC 3376 (version 3), RFC 2236 (2), RFC 1112 appendix I (1). */
#include <stddef.h>
#include <linux/igmp.h>
#include <linux/in.h>
#include "net/checksum.h"
#include "net/frame.h"
#include "net/mcast.h"
#include "net/mcast_report.h"
#include "net/netif.h"
#include "net/packet.h"

#define TOS_INTERNETWORK_CONTROL 0xc0  /* RFC 3376 section 4 */
#define V1_MAX_MS		 10000 /* RFC 2236 section 4 */
#define V3_QUERY_MIN		 12

/* The address that reports come from: any of ours, 0.0.0.0 before there is one (RFC 3376 4.2.13).
 */
static struct ip_addr source(const struct netif *n)
{
	list_for_each_entry (a, &n->addrs, struct ifaddr, link)
		if (ip_is_v4(&a->addr))
			return a->addr;
	return ip_from_v4(0);
}

static void send_message(struct netif *n, be32_t dst, uint8_t *message, size_t len)
{
	struct frame_ip f = {.src = source(n),
			     .dst = ip_from_v4(dst),
			     .protocol = IPPROTO_IGMP,
			     .ttl = 1,
			     .tos = TOS_INTERNETWORK_CONTROL,
			     .router_alert = true};
	uint16_t sum;

	memset(message + 2, 0, 2);
	sum = (uint16_t)~checksum_fold(checksum_add(message, len, 0));
	memcpy(message + 2, &sum, 2);
	frame_send_ip(n, &f, message, len);
}

static void send_short(struct netif *n, uint8_t type, be32_t dst, const struct ip_addr *group)
{
	struct igmphdr m = {.type = type, .group = ip_v4(group)};

	send_message(n, dst, (uint8_t *)&m, sizeof m);
}

static void report(struct netif *n, const struct ip_addr *group, enum mcast_version v)
{
	send_short(n, v == MCAST_V1 ? IGMP_HOST_MEMBERSHIP_REPORT : IGMPV2_HOST_MEMBERSHIP_REPORT,
		   ip_v4(group), group);
}

static void leave(struct netif *n, const struct ip_addr *group)
{
	send_short(n, IGMP_HOST_LEAVE_MESSAGE, IP4(224, 0, 0, 2), group);
}

static void report_v3(struct netif *n, const struct ip_addr *groups, const uint8_t *types,
		      unsigned count)
{
	uint8_t m[8 + 8 * MCAST_RECORDS] = {IGMPV3_HOST_MEMBERSHIP_REPORT};

	put_be16(m + 6, (uint16_t)count);
	for (unsigned i = 0; i < count; i++) {
		uint8_t *r = m + 8 + 8 * i;
		be32_t group = ip_v4(&groups[i]);
		r[0] = types[i];
		memcpy(r + 4, &group, 4);
	}
	send_message(n, IP4(224, 0, 0, 22), m, 8 + 8 * count);
}

const struct mcast_protocol igmp_protocol = {report, leave, report_v3};

/* Section 4.1.1 and 4.1.7: beyond 127 a floating point number. */
static uint32_t decode(uint8_t code)
{
	return code < 128 ? code : (uint32_t)(16 + (code & 15)) << ((code >> 4 & 7) + 3);
}

/* Section 7.1: the length and the code tell the version. */
static void query(struct netif *n, const uint8_t *m, uint32_t len)
{
	be32_t g;

	memcpy(&g, m + 4, 4);
	struct ip_addr group = ip_from_v4(g);
	if (len >= V3_QUERY_MIN)
		mcast_query(n, &group, true, MCAST_V3, decode(m[1]) * 100, m[8] & 7, decode(m[9]));
	else if (len == 8 && m[1] == 0)
		mcast_query(n, &group, true, MCAST_V1, V1_MAX_MS, 0, 0);
	else if (len == 8)
		mcast_query(n, &group, true, MCAST_V2, m[1] * 100u, 0, 0);
}

void igmp_input(struct packet *p)
{
	struct netif *n = p->netif;

	if (p->len < 8 || packet_need_linear(p, p->len < V3_QUERY_MIN ? 8 : V3_QUERY_MIN) ||
	    packet_sum(p, 0, p->len, 0) != 0xffff || (n->flags & IFF_LOOPBACK)) {
		packet_free(p);
		return;
	}
	const uint8_t *m = p->data;
	struct ip_addr group;
	be32_t g;
	switch (m[0]) {
	case IGMP_HOST_MEMBERSHIP_QUERY:
		query(n, m, p->len);
		break;
	case IGMP_HOST_MEMBERSHIP_REPORT:
	case IGMPV2_HOST_MEMBERSHIP_REPORT:
		memcpy(&g, m + 4, 4);
		group = ip_from_v4(g);
		mcast_heard_report(n, &group);
		break;
	}
	packet_free(p);
}
