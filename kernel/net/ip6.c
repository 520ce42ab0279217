/* IPv6 (RFC 8200): datagrams in and out. Forwarding does not happen. Extension headers are in
 * ip6_ext.c. */
#include <asm/errno.h>
#include <linux/if_arp.h>
#include <linux/icmpv6.h>
#include <linux/in.h>
#include <linux/in6.h>
#include "lib/random.h"
#include "lib/siphash.h"
#include "net/icmp.h"
#include "net/internal.h"
#include "net/ip6_ext.h"
#include "net/ip_internal.h"
#include "net/mcast.h"

#define HEADER		40
#define FRAGMENT_HEADER 8

/* Identifications of fragmented datagrams, not to be guessed (RFC 7739, 5.3). */
static uint32_t next_id(const struct ip_tx *tx)
{
	static uint64_t secret[2];
	static uint32_t counters[256];
	uint64_t key[4] = {tx->src.q[0], tx->src.q[1], tx->dst.q[0], tx->dst.q[1]};
	uint64_t hash;

	if (!secret[0])
		random_bytes(secret, sizeof secret);
	hash = siphash(secret, key, sizeof key);
	return counters[hash % 256]++ + (uint32_t)(hash >> 32);
}

/* Writes the header of p, data at what follows it. */
static void push_header(struct packet *p, const struct route *rt, const struct ip_tx *tx,
			uint8_t next)
{
	uint32_t payload = p->len;
	uint8_t *h = packet_push(p, HEADER);
	uint8_t limit = tx->ttl ? tx->ttl : rt->netif->hop_limit ? rt->netif->hop_limit : 64;

	put_be32(h, 6u << 28 | (uint32_t)tx->tos << 20 | (tx->flow_label & 0xfffff));
	put_be16(h + 4, (uint16_t)payload);
	h[6] = next;
	h[7] = limit;
	memcpy(h + 8, &tx->src, 16);
	memcpy(h + 24, &tx->dst, 16);
	p->l3 = h;
}

/* Puts the extension headers of tx in front of p, the last of which names next. */
static void push_options(struct packet *p, const struct ip_tx *tx, uint8_t next)
{
	uint8_t *o = packet_push(p, tx->options_len);
	uint32_t at = 0, size;

	memcpy(o, tx->options, tx->options_len);
	while ((size = at + 2 <= tx->options_len ? 8u + o[at + 1] * 8u : 0) &&
	       at + size < tx->options_len)
		at += size;
	o[at] = next;
}

static void loop_copy(const struct packet *p, const struct route *rt, const struct ip_tx *tx)
{
	if (rt->netif->type != ARPHRD_LOOPBACK && !tx->no_loop && mcast_member(rt->netif, &tx->dst))
		ip_loop_copy(p, rt, ETH_P_IPV6);
}

/* RFC 8200, 4.5. Takes p, data at the transport header. */
static int output_fragments(struct packet *p, const struct route *rt, const struct ip_tx *tx)
{
	uint32_t total = p->len, id = next_id(tx);
	uint32_t room = rt->mtu - HEADER - FRAGMENT_HEADER - tx->options_len;
	uint8_t first = tx->options_len ? tx->first_header : IPPROTO_FRAGMENT;
	int err = packet_finish_csum(p);

	if (err || rt->mtu < HEADER + FRAGMENT_HEADER + 8u + tx->options_len) {
		packet_free(p);
		return err == -ENOMEM ? -ENOBUFS : -EMSGSIZE;
	}
	if (rt->multicast) { /* the copy for this machine stays whole */
		struct packet *whole = packet_copy(p);
		if (whole) {
			if (tx->options_len)
				push_options(whole, tx, tx->protocol);
			push_header(whole, rt, tx, tx->options_len ? first : tx->protocol);
			loop_copy(whole, rt, tx);
			packet_free(whole);
		}
	}
	for (uint32_t offset = 0, n; offset < total; offset += n) {
		n = total - offset <= room ? total - offset : room & ~7u;
		struct packet *f = packet_slice(p, offset, n, 0);
		if (!f || packet_need_headroom(f, OUTPUT_HEADROOM + tx->options_len)) {
			packet_free(f);
			err = -ENOBUFS;
			break;
		}
		uint8_t *h = packet_push(f, FRAGMENT_HEADER);
		h[0] = tx->protocol;
		h[1] = 0;
		put_be16(h + 2, (uint16_t)(offset | (offset + n < total)));
		put_be32(h + 4, id);
		f->l4 = h + FRAGMENT_HEADER;
		if (tx->options_len)
			push_options(f, tx, IPPROTO_FRAGMENT);
		push_header(f, rt, tx, first);
		int e = ethernet_output(f, rt, ETH_P_IPV6);
		err = err ? err : e;
	}
	packet_free(p);
	return err;
}

int ip6_output(struct packet *p, const struct route *rt, const struct ip_tx *tx)
{
	uint32_t payload = p->len + tx->options_len;
	uint32_t headroom = OUTPUT_HEADROOM + (uint32_t)tx->options_len;

	p->l4 = p->data;
	if (__builtin_expect((size_t)(p->data - p->head) < headroom, 0)) {
		int err = headroom > PACKET_HEADROOM	      ? -EMSGSIZE
			  : packet_need_headroom(p, headroom) ? -ENOBUFS
							      : 0;
		if (err) {
			packet_free(p);
			return err;
		}
	}
	if (__builtin_expect(payload + HEADER > rt->mtu, 0) && !p->gso) {
		if (!tx->df && p->len <= 65535)
			return output_fragments(p, rt, tx);
		packet_free(p);
		return -EMSGSIZE;
	}
	if (payload > 65535) {
		packet_free(p);
		return -EMSGSIZE;
	}
	if (__builtin_expect(tx->options_len != 0, 0)) {
		push_options(p, tx, tx->protocol);
		push_header(p, rt, tx, tx->first_header);
	} else {
		push_header(p, rt, tx, tx->protocol);
	}
	if (__builtin_expect(rt->multicast, 0))
		loop_copy(p, rt, tx);
	return ethernet_output(p, rt, ETH_P_IPV6);
}

int ip6_output_header(struct packet *p, const struct route *rt)
{
	struct ip_tx tx = {.protocol = p->data[6]};

	if (p->len > rt->mtu || p->len - HEADER > 65535) {
		packet_free(p);
		return -EMSGSIZE;
	}
	if (packet_need_headroom(p, OUTPUT_HEADROOM)) {
		packet_free(p);
		return -ENOBUFS;
	}
	put_be16(p->data + 4, (uint16_t)(p->len - HEADER));
	memcpy(&tx.src, p->data + 8, 16);
	memcpy(&tx.dst, p->data + 24, 16);
	p->l3 = p->data;
	p->l4 = p->data + HEADER;
	if (rt->multicast)
		loop_copy(p, rt, &tx);
	return ethernet_output(p, rt, ETH_P_IPV6);
}

/* Addresses that no packet on a link may have (RFC 4291; RFC 6890: mapped IPv4 is not for the
 * wire), and our own from outside. */
static bool plausible_source(const struct packet *p)
{
	static struct ip_addr last; /* found good, most datagrams' source */
	static const struct netif *last_netif;
	static uint32_t last_generation;
	const struct ip_addr *s = &p->src;

	if (s->b[0] == 0xff || ip_is_v4(s))
		return false;
	if (p->looped ||
	    (last_generation == route_generation && last_netif == p->netif && ip_equal(&last, s)))
		return true;
	/* Duplicate detection has to see what comes from our address. */
	if (ip_is_loopback(s) || (p->protocol != IPPROTO_ICMPV6 && route_is_local(p->netif, s)))
		return false;
	if (p->protocol != IPPROTO_ICMPV6) {
		last = *s;
		last_netif = p->netif;
		last_generation = route_generation;
	}
	return true;
}

static bool plausible_destination(const struct packet *p)
{
	const struct ip_addr *d = &p->dst;

	if (ip_is_v4(d) || ip_is_any(d) || (!p->looped && ip_is_loopback(d)))
		return false;
	/* Groups of interface scope, and the reserved one. */
	return p->looped || d->b[0] != 0xff || (d->b[1] & 0xf) > 1;
}

static bool accepted(const struct packet *p)
{
	static struct ip_addr last; /* a global address of ours */
	static uint32_t last_generation;

	if (last_generation == route_generation && ip_equal(&last, &p->dst))
		return true;
	if (p->dst.b[0] == 0xff)
		return mcast_member(p->netif, &p->dst);
	if (!route_is_local(p->netif, &p->dst))
		return false;
	if (!ip_is_linklocal6(&p->dst) && !ip_is_loopback(&p->dst)) {
		last = p->dst;
		last_generation = route_generation;
	}
	return true;
}

static void deliver(struct packet *p, uint32_t offset, uint32_t next_at)
{
	packet_pull(p, offset);
	p->l4 = p->data;
	bool raw = raw_input(p);
	/* What is shorter than the smallest transport header is nobody's. */
	if (p->len < 8 || packet_need_linear(p, 8)) {
		if (!(p->len >= 4 && p->protocol == IPPROTO_ICMPV6)) {
			packet_free(p);
			return;
		}
	}
	switch (p->protocol) {
	case IPPROTO_TCP:
		tcp_input(p);
		return;
	case IPPROTO_UDP:
		udp_input(p);
		return;
	case IPPROTO_ICMPV6:
		icmp6_input(p);
		return;
	case IPPROTO_NONE:
		break;
	default:
		if (!raw)
			icmp_send_error(p, ICMPV6_PARAMPROB, ICMPV6_UNK_NEXTHDR, next_at);
	}
	packet_free(p);
}

void ip6_input(struct packet *p)
{
	uint32_t payload, offset = HEADER, next_at = 6;
	const uint8_t *h;

	if (packet_linear(p) < HEADER && packet_need_linear(p, HEADER))
		goto drop;
	h = p->data;
	payload = get_be16(h + 4);
	if (h[0] >> 4 != 6 || payload + HEADER > p->len)
		goto drop;
	if (p->len > payload + HEADER)
		packet_trim(p, payload + HEADER);
	p->l3 = p->data;
	memcpy(&p->src, h + 8, 16);
	memcpy(&p->dst, h + 24, 16);
	p->protocol = h[6];
	p->ttl = h[7];
	p->tos = (uint8_t)(h[0] << 4 | h[1] >> 4);
	if (!plausible_source(p) || !plausible_destination(p) || !accepted(p))
		goto drop;
	if (__builtin_expect(p->protocol != IPPROTO_TCP && p->protocol != IPPROTO_UDP &&
				 p->protocol != IPPROTO_ICMPV6,
			     0)) {
		p = ip6_input_headers(p, &offset, &next_at);
		if (!p)
			return;
	}
	deliver(p, offset, next_at);
	return;
drop:
	p->netif->stats.rx_dropped++;
	packet_free(p);
}
