#include "net/frame.h"
#include <asm/errno.h>
#include <linux/if_arp.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include "net/internal.h"
#include "net/checksum.h"
#include "net/netif.h"
#include "net/packet.h"

static const uint8_t everybody[ETH_ALEN] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

/* Options with Router Alert in them: RFC 2113 section 2.1; RFC 2711 section 2.1, padded to eight
 * bytes and with the type of what follows in front. */
static const uint8_t alert4[4] = {148, 4, 0, 0};
static const uint8_t alert6[8] = {IPPROTO_ICMPV6, 0, 5, 2, 0, 0, 1, 0};

static void push_ethernet(struct netif *n, struct packet *p, const uint8_t *dst, uint16_t type)
{
	struct ethhdr *e = packet_push(p, ETH_HLEN);

	memcpy(e->h_dest, dst, ETH_ALEN);
	memcpy(e->h_source, n->mac, ETH_ALEN);
	e->h_proto = hton16(type);
	p->l2 = p->data;
	p->ethertype = e->h_proto;
	p->netif = n;
}

/* The packet's payload from two pieces; NULL without memory. */
static struct packet *fill(const void *a, size_t na, const void *b, size_t nb)
{
	struct packet *p = packet_alloc((uint32_t)(na + nb));
	uint8_t *at = p ? packet_put(p, (uint32_t)(na + nb)) : NULL;

	if (!at) {
		packet_free(p);
		return NULL;
	}
	memcpy(at, a, na);
	if (nb)
		memcpy(at + na, b, nb);
	p->l4 = p->data;
	return p;
}

static int send_ip4(struct netif *n, const struct frame_ip *f, struct packet *p, const uint8_t *mac)
{
	uint32_t header = sizeof(struct iphdr) + (f->router_alert ? sizeof alert4 : 0);
	uint32_t total = p->len + header;
	struct iphdr *ip = packet_push(p, header);

	memset(ip, 0, header);
	ip->version = 4;
	ip->ihl = (header / 4) & 15;
	ip->tos = f->tos;
	ip->tot_len = hton16((uint16_t)total);
	ip->frag_off = hton16(0x4000); /* DF: so the identification may be 0 (RFC 6864) */
	ip->ttl = f->ttl;
	ip->protocol = f->protocol;
	ip->saddr = ip_v4(&f->src);
	ip->daddr = ip_v4(&f->dst);
	if (f->router_alert)
		memcpy(ip + 1, alert4, sizeof alert4);
	ip->check = (uint16_t)~checksum_fold(checksum_add(ip, header, 0));
	p->l3 = p->data;
	push_ethernet(n, p, mac, ETH_P_IP);
	return netif_xmit(n, p);
}

static int send_ip6(struct netif *n, const struct frame_ip *f, struct packet *p, const uint8_t *mac)
{
	uint8_t next = f->protocol;

	if (f->router_alert) {
		memcpy(packet_push(p, sizeof alert6), alert6, sizeof alert6);
		next = IPPROTO_HOPOPTS;
	}
	uint32_t payload = p->len;
	struct ipv6hdr *ip = packet_push(p, sizeof *ip);
	memset(ip, 0, sizeof *ip);
	ip->version = 6;
	ip->payload_len = hton16((uint16_t)payload);
	ip->nexthdr = next;
	ip->hop_limit = f->ttl;
	memcpy(&ip->saddr, &f->src, 16);
	memcpy(&ip->daddr, &f->dst, 16);
	p->l3 = p->data;
	push_ethernet(n, p, mac, ETH_P_IPV6);
	return netif_xmit(n, p);
}

static int send_packet(struct netif *n, const struct frame_ip *f, struct packet *p)
{
	uint8_t group[ETH_ALEN];
	const uint8_t *mac = f->mac;

	if (!mac) {
		ethernet_multicast(&f->dst, group);
		mac = group;
	}
	return ip_is_v4(&f->dst) ? send_ip4(n, f, p, mac) : send_ip6(n, f, p, mac);
}

int frame_send_ip(struct netif *n, const struct frame_ip *f, void *payload, size_t len)
{
	if (len + 64 > n->mtu)
		return -EMSGSIZE;
	if (f->protocol == IPPROTO_ICMPV6) {
		uint8_t *sum = (uint8_t *)payload + 2;
		memset(sum, 0, 2);
		uint16_t v = (uint16_t)~checksum_fold(checksum_add(
		    payload, len, checksum_pseudo(&f->src, &f->dst, f->protocol, (uint32_t)len)));
		memcpy(sum, &v, 2);
	}
	struct packet *p = fill(payload, len, NULL, 0);
	return p ? send_packet(n, f, p) : -ENOMEM;
}

int frame_send_udp4(struct netif *n, const struct frame_ip *f, uint16_t sport, uint16_t dport,
		    const void *data, size_t len)
{
	struct udphdr u = {.source = hton16(sport),
			   .dest = hton16(dport),
			   .len = hton16((uint16_t)(len + sizeof u))};
	uint64_t sum = checksum_pseudo(&f->src, &f->dst, IPPROTO_UDP, (uint32_t)(len + sizeof u));

	if (len + sizeof u + sizeof(struct iphdr) > n->mtu)
		return -EMSGSIZE;
	u.check =
	    (uint16_t)~checksum_fold(checksum_add(data, len, checksum_add(&u, sizeof u, sum)));
	if (!u.check)
		u.check = 0xffff; /* RFC 768: 0 says that there is none */
	struct packet *p = fill(&u, sizeof u, data, len);
	return p ? send_packet(n, f, p) : -ENOMEM;
}

int frame_send_arp(struct netif *n, be32_t spa, be32_t tpa)
{
	struct __attribute__((packed)) {
		struct arphdr h;
		uint8_t sha[ETH_ALEN];
		be32_t spa;
		uint8_t tha[ETH_ALEN];
		be32_t tpa;
	} arp = {.h = {.ar_hrd = hton16(ARPHRD_ETHER),
		       .ar_pro = hton16(ETH_P_IP),
		       .ar_hln = ETH_ALEN,
		       .ar_pln = 4,
		       .ar_op = hton16(ARPOP_REQUEST)},
		 .spa = spa,
		 .tpa = tpa};

	memcpy(arp.sha, n->mac, ETH_ALEN);
	struct packet *p = fill(&arp, sizeof arp, NULL, 0);
	if (!p)
		return -ENOMEM;
	p->l3 = p->data;
	push_ethernet(n, p, everybody, ETH_P_ARP);
	return netif_xmit(n, p);
}
