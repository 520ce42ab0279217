/*
 * Reassembly for both families (RFC 791 section 3.2, RFC 815, RFC 8200 section 4.5).
 *
 * A datagram in pieces is a list of packets ordered by offset. Overlapping pieces end it (RFC 5722;
 * for IPv4 too, where they serve attacks only); exact repetitions are ignored. All of it together
 * has a share of the stack's memory: the oldest datagrams give way.
 */
#include <asm/errno.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include "lib/printk.h"
#include "lib/random.h"
#include "lib/siphash.h"
#include "mm/kmalloc.h"
#include "net/internal.h"
#include "net/ip_internal.h"
#include "net/net.h"

#define BUCKETS	   256
#define MAX_DATA   65535u
#define MAX_PIECES (MAX_DATA / 8 / 4) /* smaller ones than 32 bytes on average are no accident */
#define LIFETIME4  30000000000ull
#define LIFETIME6  60000000000ull

struct piece { /* in packet.cb */
	uint32_t offset, end;
};

struct datagram {
	struct list hash_link, age_link; /* oldest first */
	struct netif *netif;
	struct ip_addr src, dst;
	uint32_t id;
	uint8_t protocol;
	bool broken;	     /* overlapped: what follows of it is dropped until it expires */
	uint32_t have, size; /* payload bytes; size 0: the last piece is not here yet */
	uint32_t memory, pieces_count;
	uint32_t keep, next_at; /* of the first piece's header */
	uint8_t next;
	uint64_t expires;
	struct list pieces;
};

uint64_t ip_frag_memory;

static struct list buckets[BUCKETS], ages = LIST_INIT(ages);
static uint64_t secret[2];
static struct timer expiry;

static inline struct piece *piece_of(struct packet *p)
{
	return (struct piece *)p->cb;
}

static uint64_t memory_limit(void)
{
	uint64_t share = packet_stats.bytes_limit / 8;

	if (packet_memory_pressure())
		share /= 8;
	return share < 4u << 20 ? share : 4u << 20;
}

static void drop_pieces(struct datagram *d)
{
	while (!list_empty(&d->pieces)) {
		struct packet *p = list_entry(d->pieces.next, struct packet, link);
		list_remove(&p->link);
		packet_free(p);
	}
	ip_frag_memory -= d->memory;
	d->memory = 0;
}

static void forget(struct datagram *d)
{
	drop_pieces(d);
	ip_frag_memory -= sizeof *d;
	list_remove(&d->hash_link);
	list_remove(&d->age_link);
	kfree(d);
}

/* Time is up: if the first piece is here, its sender is told (RFC 1122 3.3.2, RFC 8200 4.5). */
static void complain(struct datagram *d)
{
	struct packet *p;

	if (list_empty(&d->pieces))
		return;
	p = list_entry(d->pieces.next, struct packet, link);
	if (piece_of(p)->offset)
		return;
	if (ip_is_v4(&d->dst))
		icmp_send_error(p, ICMP_TIME_EXCEEDED, ICMP_EXC_FRAGTIME, 0);
	else
		icmp_send_error(p, ICMPV6_TIME_EXCEED, ICMPV6_EXC_FRAGTIME, 0);
}

static void expire(struct timer *t)
{
	uint64_t now, next = UINT64_MAX;

	net_enter();
	now = net_now();
	/* The families' lifetimes differ, so the list is not quite in order of expiry. */
	list_for_each_entry_safe (d, &ages, struct datagram, age_link) {
		if (d->expires <= now) {
			complain(d);
			forget(d);
		} else if (d->expires < next) {
			next = d->expires;
		}
	}
	if (next != UINT64_MAX)
		timer_arm(t, next);
	net_leave();
}

void ip_frag_init(void)
{
	random_bytes(secret, sizeof secret);
	for (unsigned i = 0; i < BUCKETS; i++)
		list_init(&buckets[i]);
	timer_setup(&expiry, expire);
}

static struct datagram *find(const struct packet *p, const struct ip_fragment *f)
{
	uint64_t key[6] = {f->src.q[0],
			   f->src.q[1],
			   f->dst.q[0],
			   f->dst.q[1],
			   (uint64_t)f->protocol << 32 | f->id,
			   (uint64_t)p->netif->index};
	struct list *b = &buckets[siphash(secret, key, sizeof key) % BUCKETS];
	struct datagram *d;

	list_for_each_entry (e, b, struct datagram, hash_link) {
		if (e->id == f->id && e->protocol == f->protocol && e->netif == p->netif &&
		    ip_equal(&e->src, &f->src) && ip_equal(&e->dst, &f->dst))
			return e;
	}
	d = kzalloc(sizeof *d);
	if (!d)
		return NULL;
	d->netif = p->netif;
	d->src = f->src;
	d->dst = f->dst;
	d->id = f->id;
	d->protocol = f->protocol;
	list_init(&d->pieces);
	d->expires = net_now() + (ip_is_v4(&f->dst) ? LIFETIME4 : LIFETIME6);
	list_add_head(b, &d->hash_link);
	list_add_tail(&ages, &d->age_link);
	ip_frag_memory += sizeof *d;
	if (!timer_armed(&expiry) || expiry.expires > d->expires)
		timer_arm(&expiry, d->expires);
	return d;
}

/* Where a piece [offset, end) goes: after which packet. False: it overlaps another. *repeated: it
 * is there already. */
static bool find_place(struct datagram *d, uint32_t offset, uint32_t end, struct list **after,
		       bool *repeated)
{
	struct list *l = d->pieces.prev; /* usually the last */

	*repeated = false;
	for (; l != &d->pieces; l = l->prev) {
		const struct piece *q = piece_of(list_entry(l, struct packet, link));
		if (q->offset == offset && q->end == end) {
			*repeated = true;
			return true;
		}
		if (q->end <= offset)
			break;
		if (q->offset < end)
			return false;
	}
	*after = l;
	return true;
}

/* All pieces are here: one packet, the first one's header linear, the payload copied behind it. */
static struct packet *join(struct datagram *d)
{
	struct packet *first = list_entry(d->pieces.next, struct packet, link);
	struct packet *whole = packet_alloc(d->keep);
	struct netbuf *b = whole ? netbuf_alloc(d->size) : NULL;
	uint32_t at = 0;

	if (!b) {
		packet_free(whole);
		return NULL;
	}
	memcpy(packet_put(whole, d->keep), first->l3, d->keep);
	list_for_each_entry (p, &d->pieces, struct packet, link) {
		packet_read(p, 0, b->data + at, p->len);
		at += p->len;
	}
	packet_add_frag(whole, b, 0, d->size);
	whole->netif = first->netif;
	whole->l3 = whole->data;
	whole->ethertype = first->ethertype;
	whole->broadcast = first->broadcast;
	whole->multicast = first->multicast;
	whole->looped = first->looped;
	whole->timestamp = first->timestamp;
	whole->src = first->src;
	whole->dst = first->dst;
	whole->protocol = first->protocol;
	whole->ttl = first->ttl;
	whole->tos = first->tos;
	whole->ip_options = first->ip_options;
	if (d->next_at)
		whole->data[d->next_at] = d->next;
	return whole;
}

struct packet *ip_reassemble(struct packet *p, const struct ip_fragment *f)
{
	uint32_t payload = p->len - f->header, end = f->offset + payload;
	struct packet *whole = NULL;
	struct list *after = NULL;
	struct datagram *d;
	bool repeated;

	while (ip_frag_memory + p->truesize > memory_limit() && !list_empty(&ages))
		forget(list_entry(ages.next, struct datagram, age_link));
	/* Pieces but the last are multiples of 8 and not empty; the whole fits into a datagram. */
	if (!payload || (f->more && payload % 8) || end > MAX_DATA - (ip_is_v4(&f->dst) ? 20 : 0))
		goto drop;
	/* Linear checksums do not matter any more, the header does. */
	if (p->csum == CSUM_PARTIAL && packet_finish_csum(p))
		goto drop;
	d = find(p, f);
	if (!d || d->broken)
		goto drop;
	if ((d->size && (end > d->size || (!f->more && end != d->size))) ||
	    !find_place(d, f->offset, end, &after, &repeated))
		goto overlap;
	if (repeated || d->pieces_count >= MAX_PIECES)
		goto drop;
	if (!f->more) {
		if (d->have && !list_empty(&d->pieces) &&
		    piece_of(list_entry(d->pieces.prev, struct packet, link))->end > end)
			goto overlap;
		d->size = end;
	}
	if (!f->offset) {
		d->keep = f->keep;
		d->next_at = f->next_at;
		d->next = f->next;
	}
	p->l3 = p->data;
	packet_pull(p, f->header);
	*piece_of(p) = (struct piece){f->offset, end};
	list_insert_after(after, &p->link);
	d->have += payload;
	d->pieces_count++;
	d->memory += p->truesize;
	ip_frag_memory += p->truesize;
	if (!d->size || d->have < d->size)
		return NULL;
	if (d->keep + d->size <= MAX_DATA + (ip_is_v4(&d->dst) ? 0 : 40))
		whole = join(d);
	forget(d);
	return whole;
overlap:
	drop_pieces(d);
	d->broken = true;
drop:
	packet_free(p);
	return NULL;
}
