/* IPv4 (RFC 791, RFC 1122): datagrams in and out. Forwarding does not happen. */
#include <asm/errno.h>
#include <linux/icmp.h>
#include <linux/if_arp.h>
#include <linux/in.h>
#include "lib/random.h"
#include "lib/siphash.h"
#include "net/checksum.h"
#include "net/icmp.h"
#include "net/internal.h"
#include "net/ip_internal.h"
#include "net/mcast.h"
#include "net/route_internal.h"

#define HEADER	    20
#define DF	    0x4000
#define MF	    0x2000
#define OFFSET_MASK 0x1fff

/* Options (RFC 791, 3.1). */
#define OPT_END	 0
#define OPT_NOP	 1
#define OPT_LSRR 131
#define OPT_SSRR 137

/* The header's fields as words. */
struct header {
	uint8_t version_length, tos;
	be16_t length, id, fragment;
	uint8_t ttl, protocol;
	uint16_t checksum;
	be32_t src, dst;
} __attribute__((packed, aligned(2), may_alias));

static inline uint16_t fold32(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

/* The sum over a header without options. */
static inline uint16_t sum_header(const void *header)
{
	uint32_t w[5];

	memcpy(w, header, sizeof w);
	return fold32((uint64_t)w[0] + w[1] + w[2] + w[3] + w[4]);
}

/* Identifications of datagrams that may be fragmented: not to be guessed from those to other
 * destinations (RFC 7739, 5.3; RFC 6864: the others need none). */
static uint16_t next_id(const struct ip_tx *tx)
{
	static uint64_t secret[2];
	static uint16_t counters[1024];
	uint64_t key[5] = {tx->src.q[0], tx->src.q[1], tx->dst.q[0], tx->dst.q[1], tx->protocol};
	uint64_t hash;

	if (!secret[0])
		random_bytes(secret, sizeof secret);
	hash = siphash(secret, key, sizeof key);
	return (uint16_t)(counters[hash % 1024]++ + (hash >> 32));
}

/* Options of a fragment but the first: those with the copied flag (RFC 791, 3.1), padded. Returns
 * their length. */
static uint32_t copied_options(const uint8_t *options, uint32_t len, uint8_t out[40])
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < len && options[i] != OPT_END;) {
		uint32_t size = options[i] == OPT_NOP ? 1 : i + 1 < len ? options[i + 1] : 0;
		if (!size || size > len - i)
			break;
		if ((options[i] & 0x80) && n + size <= 40) {
			memcpy(out + n, options + i, size);
			n += size;
		}
		i += size;
	}
	while (n % 4)
		out[n++] = OPT_END;
	return n;
}

/* Writes the header of p, data at the payload. */
static void push_header(struct packet *p, const struct ip_tx *tx, const uint8_t *options,
			uint32_t options_len, uint16_t id, uint16_t fragment)
{
	struct header *h = packet_push(p, HEADER + options_len);

	h->version_length = (uint8_t)(0x45 + options_len / 4);
	h->tos = tx->tos;
	h->length = hton16((uint16_t)p->len);
	h->id = hton16(id);
	h->fragment = hton16(fragment);
	h->ttl = tx->ttl ? tx->ttl : 64;
	h->protocol = tx->protocol;
	h->checksum = 0;
	h->src = ip_v4(&tx->src);
	h->dst = ip_v4(&tx->dst);
	if (__builtin_expect(options_len == 0, 1)) {
		h->checksum = (uint16_t)~sum_header(h);
	} else {
		memcpy(h + 1, options, options_len);
		h->checksum = (uint16_t)~checksum_fold(checksum_add(h, HEADER + options_len, 0));
	}
	p->l3 = (uint8_t *)h;
}

/* Groups and everybody: perhaps sockets of this machine are among them. */
static void loop_copy(const struct packet *p, const struct route *rt, const struct ip_tx *tx)
{
	if (rt->netif->type == ARPHRD_LOOPBACK)
		return;
	if (rt->broadcast || (!tx->no_loop && mcast_member(rt->netif, &tx->dst)))
		ip_loop_copy(p, rt, ETH_P_IP);
}

/* Cuts p (data at the transport header) into fragments. Takes p. */
static int output_fragments(struct packet *p, const struct route *rt, const struct ip_tx *tx)
{
	uint8_t copied[40];
	const uint8_t *options = tx->options;
	uint32_t options_len = tx->options_len, total = p->len;
	uint16_t id = next_id(tx);
	int err = packet_finish_csum(p);

	if (err) {
		packet_free(p);
		return err == -ENOMEM ? -ENOBUFS : err;
	}
	if (rt->broadcast || rt->multicast) { /* the copy for this machine stays whole */
		struct packet *whole = packet_copy(p);
		if (whole) {
			push_header(whole, tx, options, options_len, id, 0);
			loop_copy(whole, rt, tx);
			packet_free(whole);
		}
	}
	for (uint32_t offset = 0, n; offset < total; offset += n) {
		n = rt->mtu - HEADER - options_len;
		n = n < total - offset ? n & ~7u : total - offset;
		struct packet *f = packet_slice(p, offset, n, 0);
		if (!f) {
			err = -ENOBUFS;
			break;
		}
		push_header(f, tx, options, options_len, id,
			    (uint16_t)(offset / 8 | (offset + n < total ? MF : 0)));
		f->l4 = f->data + HEADER + options_len;
		int e = ethernet_output(f, rt, ETH_P_IP);
		err = err ? err : e;
		if (!offset && options_len) {
			options_len = copied_options(tx->options, options_len, copied);
			options = copied;
		}
	}
	packet_free(p);
	return err;
}

int ip4_output(struct packet *p, const struct route *rt, const struct ip_tx *tx)
{
	uint32_t total = p->len + HEADER + tx->options_len;
	uint16_t id = 0;

	p->l4 = p->data;
	if (__builtin_expect(
		(size_t)(p->data - p->head) < (size_t)OUTPUT_HEADROOM + tx->options_len, 0) &&
	    packet_need_headroom(p, OUTPUT_HEADROOM + tx->options_len)) {
		packet_free(p);
		return -ENOBUFS;
	}
	if (__builtin_expect(total > rt->mtu, 0) && !p->gso) {
		if (!tx->df && total <= 65535)
			return output_fragments(p, rt, tx);
		packet_free(p);
		return -EMSGSIZE;
	}
	if (total > 65535) {
		packet_free(p);
		return -EMSGSIZE;
	}
	if (!tx->df)
		id = next_id(tx);
	push_header(p, tx, tx->options, tx->options_len, id, tx->df ? DF : 0);
	if (__builtin_expect(rt->broadcast || rt->multicast, 0))
		loop_copy(p, rt, tx);
	return ethernet_output(p, rt, ETH_P_IP);
}

int ip4_output_header(struct packet *p, const struct route *rt)
{
	uint32_t length = (p->data[0] & 15u) * 4;
	struct ip_tx tx = {.protocol = p->data[9]};
	struct header *h;

	if (length < HEADER || length > p->len || packet_need_linear(p, length)) {
		packet_free(p);
		return -EINVAL;
	}
	if (p->len > rt->mtu || p->len > 65535) {
		packet_free(p);
		return -EMSGSIZE;
	}
	if (packet_need_headroom(p, OUTPUT_HEADROOM)) {
		packet_free(p);
		return -ENOBUFS;
	}
	h = (struct header *)(void *)p->data;
	tx.src = ip_from_v4(h->src);
	tx.dst = ip_from_v4(h->dst);
	h->length = hton16((uint16_t)p->len);
	if (!h->id)
		h->id = hton16(next_id(&tx));
	h->checksum = 0;
	h->checksum = (uint16_t)~checksum_fold(checksum_add(h, length, 0));
	p->l3 = p->data;
	p->l4 = p->data + length;
	if (rt->broadcast || rt->multicast)
		loop_copy(p, rt, &tx);
	return ethernet_output(p, rt, ETH_P_IP);
}

/* RFC 1122, 3.2.1.8. Source routes are not followed: for us or not at all. 0: fine; else the offset
 * of what is wrong, or 255 for what is dropped without a word. */
static uint8_t check_options(const uint8_t *h, uint32_t length)
{
	for (uint32_t i = HEADER; i < length && h[i] != OPT_END;) {
		uint32_t size = 1;
		if (h[i] != OPT_NOP) {
			size = i + 1 < length ? h[i + 1] : 0;
			if (size < 2 || size > length - i)
				return (uint8_t)(i + 1 < length ? i + 1 : i);
		}
		if (h[i] == OPT_LSRR || h[i] == OPT_SSRR)
			return 255;
		i += size;
	}
	return 0;
}

/* Is dst for us on n? */
static bool accepted(const struct packet *p, const struct ip_addr *dst)
{
	static struct ip_addr last; /* an address of ours, most datagrams' destination */
	static uint32_t last_generation;

	if (last_generation == route_generation && ip_equal(&last, dst))
		return true;
	if (ip_is_multicast(dst))
		return mcast_member(p->netif, dst);
	if (route_is_local(p->netif, dst)) {
		if (ip_is_loopback(dst) && !p->looped)
			return false; /* RFC 1122, 3.2.1.3 (g) */
		if (!ip_is_loopback(dst)) {
			last = *dst;
			last_generation = route_generation;
		}
		return true;
	}
	return route_is_broadcast(p->netif, dst);
}

/* Could p's source be anybody's? Not a group's, not everybody's, not our own from outside (RFC
 * 1122, 3.2.1.3). 0.0.0.0 is said by those who do not know theirs yet, to everybody. */
static bool plausible_source(const struct packet *p, be32_t src)
{
	static struct ip_addr last; /* found good, most datagrams' source */
	static const struct netif *last_netif;
	static uint32_t last_generation;
	uint32_t a = ntoh32(src);

	if (p->looped)
		return a >> 28 != 0xe && src != 0xffffffff;
	if (last_generation == route_generation && last_netif == p->netif &&
	    ip_equal(&last, &p->src))
		return true;
	if (a >> 28 == 0xe || src == 0xffffffff || a >> 24 == 127)
		return false;
	if (!a)
		return p->broadcast || p->multicast;
	if (route_is_local(p->netif, &p->src) || route_is_broadcast(p->netif, &p->src))
		return false;
	last = p->src;
	last_netif = p->netif;
	last_generation = route_generation;
	return true;
}

static void deliver(struct packet *p, uint32_t length)
{
	packet_pull(p, length);
	p->l4 = p->data;
	bool raw = raw_input(p);
	/* What is shorter than the smallest transport header is nobody's. */
	if (p->len < 8 || packet_need_linear(p, 8)) {
		packet_free(p);
		return;
	}
	switch (p->protocol) {
	case IPPROTO_TCP:
		tcp_input(p);
		return;
	case IPPROTO_UDP:
		udp_input(p);
		return;
	case IPPROTO_ICMP:
		icmp4_input(p);
		return;
	case IPPROTO_IGMP:
		igmp_input(p);
		return;
	default:
		if (!raw)
			icmp_send_error(p, ICMP_DEST_UNREACH, ICMP_PROT_UNREACH, 0);
		packet_free(p);
	}
}

static struct packet *reassemble(struct packet *p, uint32_t length)
{
	const struct header *h = (const struct header *)(const void *)p->data;
	uint16_t fragment = ntoh16(h->fragment);
	struct ip_fragment f = {.src = p->src,
				.dst = p->dst,
				.id = ntoh16(h->id),
				.protocol = h->protocol,
				.offset = (uint32_t)(fragment & OFFSET_MASK) * 8,
				.more = fragment & MF,
				.header = length,
				.keep = length};

	p = ip_reassemble(p, &f);
	if (!p)
		return NULL;
	put_be16(p->data + 2, (uint16_t)p->len);
	put_be16(p->data + 6, 0);
	return p;
}

void ip4_input(struct packet *p)
{
	const struct header *h;
	uint32_t length, total;

	if (packet_linear(p) < HEADER && packet_need_linear(p, HEADER))
		goto drop;
	h = (const struct header *)(const void *)p->data;
	length = (h->version_length & 15u) * 4;
	if (__builtin_expect(h->version_length != 0x45, 0)) {
		if (h->version_length >> 4 != 4 || length < HEADER || packet_need_linear(p, length))
			goto drop;
		h = (const struct header *)(const void *)p->data;
		if (checksum_fold(checksum_add(h, length, 0)) != 0xffff)
			goto drop;
	} else if (sum_header(h) != 0xffff) {
		goto drop;
	}
	total = ntoh16(h->length);
	if (total < length || total > p->len)
		goto drop;
	if (p->len > total)
		packet_trim(p, total); /* Ethernet's padding */
	p->l3 = p->data;
	p->src = ip_from_v4(h->src);
	p->dst = ip_from_v4(h->dst);
	p->protocol = h->protocol;
	p->ttl = h->ttl;
	p->tos = h->tos;
	if (!plausible_source(p, h->src))
		goto drop;
	if (!accepted(p, &p->dst)) {
		/* A DHCP server answers to an address that is not ours yet. */
		if (p->netif->dhcp && h->protocol == IPPROTO_UDP &&
		    !(h->fragment & hton16(MF | OFFSET_MASK)) && dhcp_input(p))
			return;
		goto drop;
	}
	if (__builtin_expect(length > HEADER, 0)) {
		uint8_t wrong = check_options(p->data, length);
		if (wrong && wrong != 255)
			icmp_send_error(p, ICMP_PARAMETERPROB, 0, wrong);
		if (wrong)
			goto drop;
		p->ip_options = true;
	}
	if (__builtin_expect(h->fragment & hton16(MF | OFFSET_MASK), 0)) {
		p = reassemble(p, length);
		if (!p)
			return;
		length = (p->data[0] & 15u) * 4;
	} else if (p->netif->dhcp && p->protocol == IPPROTO_UDP && dhcp_input(p)) {
		return;
	}
	deliver(p, length);
	return;
drop:
	p->netif->stats.rx_dropped++;
	packet_free(p);
}
