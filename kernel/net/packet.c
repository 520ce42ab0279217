/* net/packet.h: packets and what is done to them, but for segmentation (packet_gso.c) and their
 * memory (netbuf.c). */
#include "net/packet.h"
#include <asm/errno.h>
#include "lib/printk.h"
#include "net/checksum.h"
#include "net/netbuf.h"
#include "vfs/uio.h"

unsigned net_timestamps;

static struct packet *alloc_with(uint32_t headroom, uint32_t room)
{
	struct packet *p;

	if (headroom + room <= SMALL_DATA) {
		p = packet_alloc_small();
		if (!p)
			return NULL;
	} else {
		p = packet_header_alloc();
		if (!p)
			return NULL;
		p->buf = netbuf_alloc(headroom + room);
		if (!p->buf) {
			packet_header_free(p);
			return NULL;
		}
	}
	p->head = p->buf->data;
	p->data = p->tail = p->head + headroom;
	p->end = p->head + p->buf->size;
	p->truesize = (uint32_t)sizeof *p + netbuf_truesize(p->buf);
	return p;
}

struct packet *packet_alloc(uint32_t room)
{
	return alloc_with(PACKET_HEADROOM, room);
}

struct packet *packet_wrap(struct netbuf *buf, uint32_t offset, uint32_t len)
{
	struct packet *p;

	assert(offset <= buf->size && len <= buf->size - offset);
	p = packet_header_alloc();
	if (!p) {
		netbuf_put(buf);
		return NULL;
	}
	/* What lies around is perhaps other packets'. */
	p->buf = buf;
	p->head = p->data = buf->data + offset;
	p->tail = p->end = p->data + len;
	p->len = len;
	p->truesize = (uint32_t)sizeof *p + netbuf_truesize(buf);
	return p;
}

void packet_free(struct packet *p)
{
	if (!p)
		return;
	for (unsigned i = 0; i < p->nfrags; i++)
		netbuf_put(p->frags[i].buf);
	packet_header_free(p);
}

/* Bytes before data that header pointers refer to, at most PACKET_HEADROOM. */
static uint32_t headers_before(const struct packet *p)
{
	const uint8_t *low = p->data;

	for (int i = 0; i < 3; i++) {
		const uint8_t *h = i == 0 ? p->l2 : i == 1 ? p->l3 : p->l4;
		if (h && h >= p->head && h < low && p->data - h <= PACKET_HEADROOM)
			low = h;
	}
	return (uint32_t)(p->data - low);
}

/* The place in to that h is in from, if it is within the bytes that were copied. */
static uint8_t *moved(const struct packet *from, const struct packet *to, const uint8_t *h,
		      uint32_t before)
{
	if (!h || h < from->data - before || h - from->data > to->tail - to->data)
		return NULL;
	return to->data + (h - from->data);
}

static void copy_meta(struct packet *to, const struct packet *from, uint32_t before)
{
	to->netif = from->netif;
	to->l2 = moved(from, to, from->l2, before);
	to->l3 = moved(from, to, from->l3, before);
	to->l4 = moved(from, to, from->l4, before);
	to->ethertype = from->ethertype;
	to->csum = from->csum;
	to->gso = from->gso;
	to->gso_size = from->gso_size;
	to->csum_offset = from->csum_offset;
	to->csum_start = moved(from, to, from->csum_start, before);
	to->broadcast = from->broadcast;
	to->multicast = from->multicast;
	to->other_host = from->other_host;
	to->looped = from->looped;
	to->src = from->src;
	to->dst = from->dst;
	to->protocol = from->protocol;
	to->ttl = from->ttl;
	to->tos = from->tos;
	to->ip_options = from->ip_options;
	to->timestamp = from->timestamp;
	memcpy(to->cb, from->cb, sizeof to->cb);
}

/* Adds references to len bytes of from, offset on, to the fragments of to. False: too many. */
static bool share(struct packet *to, const struct packet *from, uint32_t offset, uint32_t len)
{
	uint32_t linear = packet_linear(from);

	if (offset < linear && len) {
		uint32_t n = len < linear - offset ? len : linear - offset;
		if (packet_add_frag(to, netbuf_get(from->buf),
				    (uint32_t)(from->data - from->buf->data) + offset, n))
			return false;
		offset += n;
		len -= n;
	}
	offset -= linear;
	for (unsigned i = 0; len && i < from->nfrags; i++) {
		const struct packet_frag *f = &from->frags[i];
		if (offset >= f->len) {
			offset -= f->len;
			continue;
		}
		uint32_t n = len < f->len - offset ? len : f->len - offset;
		if (packet_add_frag(to, netbuf_get(f->buf), f->offset + offset, n))
			return false;
		offset = 0;
		len -= n;
	}
	return true;
}

struct packet *packet_clone(const struct packet *p, uint32_t linear_copy)
{
	uint32_t linear = packet_linear(p), before = headers_before(p);
	struct packet *c;

	if (!linear_copy) {
		c = packet_wrap(netbuf_get(p->buf), (uint32_t)(p->data - p->buf->data) - before,
				linear + before);
		if (!c)
			return NULL;
		packet_pull(c, before);
	} else {
		if (linear_copy > linear)
			linear_copy = linear;
		/* One fragment more than p has: if there is no place for it, all is copied. */
		if (linear_copy < linear && p->nfrags == PACKET_MAX_FRAGS)
			linear_copy = linear;
		c = alloc_with(PACKET_HEADROOM + before, linear_copy);
		if (!c)
			return NULL;
		memcpy(c->data - before, p->data - before, before + linear_copy);
		packet_put(c, linear_copy);
		linear = linear_copy;
	}
	if (!share(c, p, linear, p->len - linear)) {
		packet_free(c);
		return NULL;
	}
	copy_meta(c, p, before);
	return c;
}

struct packet *packet_slice(const struct packet *p, uint32_t offset, uint32_t len, uint32_t headers)
{
	struct packet *c = packet_alloc(headers);

	assert(offset <= p->len && len <= p->len - offset && headers <= packet_linear(p));
	if (!c)
		return NULL;
	memcpy(packet_put(c, headers), p->data, headers);
	if (!share(c, p, offset, len)) {
		packet_free(c);
		return NULL;
	}
	return c;
}

struct packet *packet_copy(const struct packet *p)
{
	uint32_t before = headers_before(p);
	struct packet *c;

	if (p->len > 65535 + PACKET_HEADROOM)
		return NULL;
	/* The largest netbuf is 64 KiB: a huge packet's copy does with less headroom. */
	uint32_t room = PACKET_HEADROOM + before;
	if (room + p->len > 65536)
		room = p->len + before <= 65536 ? 65536 - p->len : before;
	c = alloc_with(room, p->len);
	if (!c)
		return NULL;
	memcpy(c->data - before, p->data - before, before);
	packet_read(p, 0, packet_put(c, p->len), p->len);
	copy_meta(c, p, before);
	return c;
}

void *packet_push(struct packet *p, uint32_t n)
{
	assert((size_t)(p->data - p->head) >= n);
	p->data -= n;
	p->len += n;
	return p->data;
}

void *packet_pull(struct packet *p, uint32_t n)
{
	assert(packet_linear(p) >= n);
	p->data += n;
	p->len -= n;
	return p->data;
}

void *packet_put(struct packet *p, uint32_t n)
{
	uint8_t *at = p->tail;

	if (p->nfrags || (size_t)(p->end - at) < n)
		return NULL;
	p->tail += n;
	p->len += n;
	return at;
}

/* Replaces the linear part by one of its own that holds the first n bytes of the packet. */
static int relocate(struct packet *p, uint32_t n)
{
	uint32_t linear = packet_linear(p), before = headers_before(p);
	uint32_t room = PACKET_HEADROOM + before;
	struct packet from = *p; /* where the pointers were */
	struct netbuf *b;

	if (room + n > 65536)
		room = before;
	b = netbuf_alloc(room + n);
	if (!b)
		return -ENOMEM;
	memcpy(b->data + room - before, p->data - before, before);
	packet_read(p, 0, b->data + room, n);
	if (n > linear) { /* the rest came from fragments */
		uint32_t rest = n - linear;
		unsigned used = 0;
		while (rest && rest >= p->frags[used].len) {
			rest -= p->frags[used].len;
			netbuf_put(p->frags[used++].buf);
		}
		if (used) {
			memmove(p->frags, p->frags + used, (p->nfrags - used) * sizeof p->frags[0]);
			p->nfrags = (uint8_t)(p->nfrags - used);
		}
		if (rest) {
			p->frags[0].offset += rest;
			p->frags[0].len -= rest;
		}
	}
	p->head = b->data;
	p->end = b->data + b->size;
	p->data = b->data + room;
	p->tail = p->data + n;
	p->l2 = moved(&from, p, from.l2, before);
	p->l3 = moved(&from, p, from.l3, before);
	p->l4 = moved(&from, p, from.l4, before);
	p->csum_start = moved(&from, p, from.csum_start, before);
	p->truesize += netbuf_truesize(b);
	p->buf = b;
	/* An embedded netbuf goes with the header. */
	if (!p->embedded || from.buf != (struct netbuf *)(void *)(p + 1)) {
		p->truesize -= netbuf_truesize(from.buf);
		netbuf_put(from.buf);
	}
	return 0;
}

int packet_need_linear(struct packet *p, uint32_t n)
{
	if (n <= packet_linear(p))
		return 0;
	if (n > p->len)
		return -EINVAL;
	return relocate(p, n);
}

int packet_linearize(struct packet *p)
{
	return p->nfrags ? relocate(p, p->len) : 0;
}

int packet_unshare(struct packet *p)
{
	return p->buf->refs > 1 ? relocate(p, packet_linear(p)) : 0;
}

int packet_need_headroom(struct packet *p, uint32_t n)
{
	assert(n <= PACKET_HEADROOM);
	if ((size_t)(p->data - p->head) >= n && p->buf->refs == 1)
		return 0;
	return relocate(p, packet_linear(p));
}

void packet_trim(struct packet *p, uint32_t n)
{
	uint32_t linear = packet_linear(p);

	if (n >= p->len)
		return;
	p->len = n;
	if (n <= linear) {
		for (unsigned i = 0; i < p->nfrags; i++)
			netbuf_put(p->frags[i].buf);
		p->nfrags = 0;
		p->tail = p->data + n;
		return;
	}
	n -= linear;
	for (unsigned i = 0; i < p->nfrags; i++) {
		struct packet_frag *f = &p->frags[i];
		if (n < f->len)
			f->len = n;
		n -= f->len;
		if (!f->len) {
			for (unsigned k = i; k < p->nfrags; k++)
				netbuf_put(p->frags[k].buf);
			p->nfrags = (uint8_t)i;
			return;
		}
	}
}

void packet_skip(struct packet *p, uint32_t n)
{
	uint32_t linear = packet_linear(p);
	unsigned used = 0;

	assert(n <= p->len);
	if (n <= linear) {
		p->data += n;
		p->len -= n;
		return;
	}
	p->len -= n;
	p->data = p->tail;
	n -= linear;
	while (n && n >= p->frags[used].len) {
		n -= p->frags[used].len;
		netbuf_put(p->frags[used++].buf);
	}
	if (used) {
		p->nfrags = (uint8_t)(p->nfrags - used);
		memmove(p->frags, p->frags + used, p->nfrags * sizeof p->frags[0]);
	}
	if (n) {
		p->frags[0].offset += n;
		p->frags[0].len -= n;
	}
}

int packet_add_frag(struct packet *p, struct netbuf *buf, uint32_t offset, uint32_t len)
{
	assert(offset <= buf->size && len <= buf->size - offset);
	if (p->nfrags) { /* the next bytes of the same memory */
		struct packet_frag *last = &p->frags[p->nfrags - 1];
		if (last->buf == buf && last->offset + last->len == offset) {
			last->len += len;
			p->len += len;
			netbuf_put(buf);
			return 0;
		}
	}
	if (p->nfrags == PACKET_MAX_FRAGS) {
		netbuf_put(buf);
		return -ENOSPC;
	}
	p->frags[p->nfrags++] = (struct packet_frag){buf, offset, len};
	p->len += len;
	p->truesize += netbuf_truesize(buf);
	return 0;
}

/*
 * Calls body with each run of memory of bytes [offset, offset + n) of a packet. A macro, so that
 * the loops below stay loops.
 */
#define for_each_run(p, offset, n, run, run_len, body)                                             \
	do {                                                                                       \
		uint32_t fr_off = (offset), fr_left = (n), fr_linear = packet_linear(p);           \
		const uint8_t *run;                                                                \
		uint32_t run_len;                                                                  \
		if (fr_off < fr_linear && fr_left) {                                               \
			run = (p)->data + fr_off;                                                  \
			run_len = fr_left < fr_linear - fr_off ? fr_left : fr_linear - fr_off;     \
			fr_left -= run_len;                                                        \
			fr_off = fr_linear;                                                        \
			body                                                                       \
		}                                                                                  \
		fr_off -= fr_linear;                                                               \
		for (unsigned fr_i = 0; fr_left && fr_i < (p)->nfrags; fr_i++) {                   \
			const struct packet_frag *fr_f = &(p)->frags[fr_i];                        \
			if (fr_off >= fr_f->len) {                                                 \
				fr_off -= fr_f->len;                                               \
				continue;                                                          \
			}                                                                          \
			run = fr_f->buf->data + fr_f->offset + fr_off;                             \
			run_len = fr_left < fr_f->len - fr_off ? fr_left : fr_f->len - fr_off;     \
			fr_left -= run_len;                                                        \
			fr_off = 0;                                                                \
			body                                                                       \
		}                                                                                  \
	} while (0)

void packet_read(const struct packet *p, uint32_t offset, void *dst, uint32_t n)
{
	uint8_t *to = dst;

	assert(offset <= p->len && n <= p->len - offset);
	for_each_run(p, offset, n, run, run_len, {
		memcpy(to, run, run_len);
		to += run_len;
	});
}

uint32_t packet_read_uio(const struct packet *p, uint32_t offset, struct uio *u, uint32_t n)
{
	uint32_t done = 0;

	assert(offset <= p->len && n <= p->len - offset);
	for_each_run(p, offset, n, run, run_len, {
		uint32_t put = (uint32_t)uio_put(u, run, run_len);
		done += put;
		if (put < run_len)
			return done;
	});
	return done;
}

uint16_t packet_sum(const struct packet *p, uint32_t offset, uint32_t n, uint32_t initial)
{
	uint64_t sum = initial;
	bool odd = false; /* the run begins at an odd offset: its sum has its bytes swapped */

	assert(offset <= p->len && n <= p->len - offset);
	for_each_run(p, offset, n, run, run_len, {
		if (odd) {
			uint16_t part = checksum_fold(checksum_add(run, run_len, 0));
			sum = (uint64_t)checksum_fold(sum) + __builtin_bswap16(part);
		} else {
			sum = checksum_add(run, run_len, sum);
		}
		odd ^= run_len & 1;
	});
	return checksum_fold(sum);
}

int packet_finish_csum(struct packet *p)
{
	uint32_t start, field;
	uint16_t sum;

	if (p->csum != CSUM_PARTIAL)
		return 0;
	if (!p->csum_start || p->csum_start < p->data || p->csum_start > p->tail)
		return -EINVAL;
	start = (uint32_t)(p->csum_start - p->data);
	field = start + p->csum_offset;
	if (field + 2 > packet_linear(p))
		return -EINVAL;
	sum = (uint16_t)~packet_sum(p, start, p->len - start, 0);
	/* RFC 768: zero means none; all ones is the same number. TCP does not mind. */
	if (!sum)
		sum = 0xffff;
	memcpy(p->data + field, &sum, 2);
	p->csum = CSUM_NONE;
	return 0;
}
