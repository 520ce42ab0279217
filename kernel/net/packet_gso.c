/*
 * Segmentation in software (packet_segment): for interfaces whose driver cannot cut large TCP and
 * UDP packets itself. What a device would do by virtio 1.2, 5.1.6.2, and UDP_SEGMENT of udp(7).
 */
#include <asm/errno.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include "lib/printk.h"
#include "net/checksum.h"
#include "net/packet.h"

#define TCP_FIN 0x01
#define TCP_PSH 0x08
#define TCP_CWR 0x80

/* What all segments of one packet have in common. */
struct cut {
	uint32_t l3, l4, headers; /* offsets from data; bytes before the payload */
	bool v4, tcp, partial;
	struct ip_addr src, dst;
	uint16_t id;
	uint32_t seq;
};

static bool describe(struct cut *c, const struct packet *p)
{
	uint32_t linear = packet_linear(p);

	c->v4 = p->gso == GSO_TCP4 || p->gso == GSO_UDP4;
	c->tcp = p->gso == GSO_TCP4 || p->gso == GSO_TCP6;
	if (!p->gso_size || !p->l3 || !p->l4 || p->l3 < p->data || p->l4 < p->l3 || p->l4 > p->tail)
		return false;
	c->l3 = (uint32_t)(p->l3 - p->data);
	c->l4 = (uint32_t)(p->l4 - p->data);
	if (c->l4 - c->l3 < (c->v4 ? 20u : 40u) || linear - c->l4 < (c->tcp ? 20u : 8u))
		return false;
	c->headers = c->l4 + (c->tcp ? (uint32_t)(p->l4[12] >> 4) * 4 : 8);
	if (c->headers < c->l4 + 8 || c->headers > linear)
		return false;
	if (c->v4) {
		be32_t a[2];
		memcpy(a, p->l3 + 12, 8);
		c->src = ip_from_v4(a[0]);
		c->dst = ip_from_v4(a[1]);
		c->id = get_be16(p->l3 + 4);
	} else {
		memcpy(&c->src, p->l3 + 8, 16);
		memcpy(&c->dst, p->l3 + 24, 16);
	}
	c->seq = c->tcp ? get_be32(p->l4 + 4) : 0;
	return true;
}

/* The headers of segment number i, whose payload begins at offset of the whole. */
static void finish_ip(const struct cut *c, struct packet *s, uint32_t i)
{
	uint8_t *ip = s->l3;

	if (!c->v4) {
		put_be16(ip + 4, (uint16_t)(s->len - c->l3 - 40));
		return;
	}
	put_be16(ip + 2, (uint16_t)(s->len - c->l3));
	put_be16(ip + 4, (uint16_t)(c->id + i));
	put_be16(ip + 10, 0);
	uint16_t sum = (uint16_t)~checksum_fold(checksum_add(ip, c->l4 - c->l3, 0));
	memcpy(ip + 10, &sum, 2);
}

static int finish_l4(const struct cut *c, struct packet *s, uint32_t offset, bool last)
{
	uint32_t length = s->len - c->l4;
	uint8_t *h = s->l4;

	if (c->tcp) {
		put_be32(h + 4, c->seq + offset);
		if (!last)
			h[13] &= (uint8_t) ~(TCP_FIN | TCP_PSH);
		if (offset)
			h[13] &= (uint8_t)~TCP_CWR;
	} else {
		put_be16(h + 4, (uint16_t)length);
	}
	s->csum = CSUM_PARTIAL;
	s->csum_start = h;
	s->csum_offset = c->tcp ? 16 : 6;
	uint16_t sum = checksum_fold(checksum_pseudo(&c->src, &c->dst, c->tcp ? 6 : 17, length));
	memcpy(h + s->csum_offset, &sum, 2);
	return c->partial ? 0 : packet_finish_csum(s);
}

int packet_segment(struct packet *p, bool keep_partial, struct list *out)
{
	struct cut c;
	uint32_t payload, i = 0;
	int err = -EINVAL;

	list_init(out);
	if (!describe(&c, p))
		goto out;
	c.partial = keep_partial;
	payload = p->len - c.headers;
	for (uint32_t offset = 0; offset < payload || !i; offset += p->gso_size, i++) {
		uint32_t n = payload - offset < p->gso_size ? payload - offset : p->gso_size;
		struct packet *s = packet_slice(p, c.headers + offset, n, c.headers);
		err = -ENOMEM;
		if (!s)
			goto out;
		list_add_tail(out, &s->link);
		s->netif = p->netif;
		s->l2 = p->l2 ? s->data + (p->l2 - p->data) : NULL;
		s->l3 = s->data + c.l3;
		s->l4 = s->data + c.l4;
		s->ethertype = p->ethertype;
		s->broadcast = p->broadcast;
		s->multicast = p->multicast;
		finish_ip(&c, s, i);
		err = finish_l4(&c, s, offset, offset + n == payload);
		if (err)
			goto out;
	}
	err = 0;
out:
	packet_free(p);
	if (err) {
		list_for_each_entry_safe (s, out, struct packet, link) {
			list_remove(&s->link);
			packet_free(s);
		}
	}
	return err;
}
