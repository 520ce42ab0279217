/*
 * dev/xen/netfront.h: sending (io/netif.h, "Guest transmit").
 *
 * Most of a frame is copied into pages that stay granted for good: small frames lie there side by
 * side, so that a busy ring needs few pages and no grant changes. Only pages that a frame fills
 * wholly are granted as they are, until the backend has answered for them: there is nothing else
 * in them to be seen.
 *
 * There are no transmit events: what has been sent is taken back when there is something to send or
 * to receive. Only when the ring is full is one asked for, and packets wait in a bounded queue.
 */
#include <asm/errno.h>
#include "dev/xen/netfront.h"
#include "lib/printk.h"
#include "lib/string.h"
#include "mm/kmalloc.h"
#include "mm/page.h"
#include "vfs/epoll.h"

#define WAIT_MAX 256u
/* What may wait for the program to finish its batch of events. */
#define HOLD_FRAMES 6u
#define HOLD_BYTES  16384u
/* Pages to copy into: for a largest frame and some more, else one for so many pages of RAM. */
#define BOUNCE_MIN   36u
#define BOUNCE_MAX   NETFRONT_ENTRIES
#define PAGES_BOUNCE 256u
/* Frames begin at multiples of that in them. */
#define ALIGN 64u

/* A frame cut into slots: page is granted as it is; or len bytes are copied (page NULL). */
struct piece {
	const uint8_t *page;
	struct netbuf *buf;
	uint32_t len;
};

static struct netif_tx_sring *ring_of(struct netfront_tx *tx)
{
	return tx->shared.page;
}

static union netif_tx_sring_entry *entry(struct netfront_tx *tx, uint32_t index)
{
	union netif_tx_sring_entry *entries = ring_of(tx)->ring;

	return &entries[index % NETFRONT_ENTRIES];
}

static uint32_t pending(const struct netfront_tx *tx)
{
	return tx->req_prod - tx->rsp_cons;
}

/* ---- pages to copy into ---- */

static bool add_bounce(struct netfront_queue *q)
{
	struct netfront_tx *tx = &q->tx;
	struct netfront_bounce *b;
	paddr_t phys;
	int ref;

	if (tx->nbounce == tx->max_bounce)
		return false;
	b = kzalloc(sizeof *b);
	phys = b ? page_alloc_zero(0) : PADDR_NONE;
	if (phys == PADDR_NONE) {
		kfree(b);
		return false;
	}
	ref = grant_access(q->owner->device->backend_domain, phys, true);
	if (ref < 0) {
		page_free(phys, 0);
		kfree(b);
		return false;
	}
	b->ref = (grant_ref_t)ref;
	b->data = phys_to_virt(phys);
	b->next = tx->spare;
	tx->spare = b;
	tx->nspare++;
	tx->nbounce++;
	return true;
}

static void bounce_idle(struct netfront_tx *tx, struct netfront_bounce *b)
{
	b->used = 0;
	if (b == tx->current)
		return;
	b->next = tx->spare;
	tx->spare = b;
	tx->nspare++;
}

static void set_current(struct netfront_tx *tx, struct netfront_bounce *b)
{
	struct netfront_bounce *old = tx->current;

	tx->current = b;
	if (old && !old->users)
		bounce_idle(tx, old);
}

/* A page with room for len bytes at *offset, where one was made sure of. */
static struct netfront_bounce *take_bounce(struct netfront_tx *tx, uint32_t len, uint32_t *offset)
{
	struct netfront_bounce *b = tx->current;

	if (!b || PAGE_SIZE - b->used < len) {
		b = tx->spare;
		assert(b);
		tx->spare = b->next;
		tx->nspare--;
		set_current(tx, b);
	}
	*offset = b->used;
	b->used += (len + ALIGN - 1) & ~(ALIGN - 1);
	b->users++;
	return b;
}

/* ---- slots ---- */

/* The next request of the ring, its size and flags to be set, for len bytes that are copied to the
 * address returned, or for a page of buf. */
static struct netif_tx_request *request(struct netfront_tx *tx, struct netfront_tx_slot **slot)
{
	uint8_t id = tx->ids[--tx->nids];
	struct netif_tx_request *r = &entry(tx, tx->req_prod++)->req;

	r->id = id;
	r->flags = 0;
	*slot = &tx->slot[id];
	(*slot)->first = false;
	return r;
}

static struct netif_tx_request *bounce_request(struct netfront_tx *tx, uint32_t len, uint8_t **to)
{
	struct netfront_tx_slot *slot;
	struct netif_tx_request *r = request(tx, &slot);
	uint32_t offset;

	slot->kind = TX_BOUNCE;
	slot->bounce = take_bounce(tx, len, &offset);
	*to = slot->bounce->data + offset;
	r->gref = slot->bounce->ref;
	r->offset = (uint16_t)offset;
	r->size = (uint16_t)len;
	return r;
}

static struct netif_tx_request *page_request(struct netfront_queue *q, const struct piece *piece)
{
	struct netfront_tx *tx = &q->tx;
	struct netfront_tx_slot *slot;
	struct netif_tx_request *r = request(tx, &slot);

	slot->kind = TX_PAGE;
	slot->buf = netbuf_get(piece->buf);
	r->gref = tx->refs[r->id];
	r->offset = 0;
	r->size = PAGE_SIZE;
	grant_use(r->gref, q->owner->device->backend_domain, virt_to_phys(piece->page), true);
	return r;
}

/* A slot that has been answered for. False: the backend holds on to a page, which is lost. */
static bool free_slot(struct netfront_tx *tx, uint8_t id)
{
	struct netfront_tx_slot *slot = &tx->slot[id];
	bool free = true;

	if (slot->kind == TX_BOUNCE && --slot->bounce->users == 0)
		bounce_idle(tx, slot->bounce);
	if (slot->kind == TX_PAGE) {
		free = grant_revoke(tx->refs[id]);
		if (free) {
			netbuf_put(slot->buf);
		} else { /* nobody gets either of them any more */
			tx->refs[id] = 0;
			grant_leaked++;
		}
	}
	slot->kind = TX_FREE;
	tx->ids[tx->nids++] = id;
	return free;
}

static void answered(struct netfront_queue *q, uint16_t id, int16_t status)
{
	struct netfront_tx *tx = &q->tx;

	if (status == NETIF_RSP_NULL) /* of an extra slot */
		return;
	if (id >= NETFRONT_ENTRIES || tx->slot[id].kind == TX_FREE) {
		netfront_lied(q, "an answer to what was not sent");
		return;
	}
	if (status != NETIF_RSP_OKAY) {
		if (tx->slot[id].kind == TX_CONTROL)
			netfront_mcast_refused(q->owner);
		else if (tx->slot[id].first)
			q->owner->netif.stats.tx_errors++;
	}
	if (!free_slot(tx, (uint8_t)id))
		netfront_lied(q, "it keeps a page that it has answered for");
}

static bool free_sent(struct netfront_queue *q)
{
	struct netfront_tx *tx = &q->tx;
	uint32_t prod = __atomic_load_n(&ring_of(tx)->rsp_prod, __ATOMIC_ACQUIRE);
	bool any = prod != tx->rsp_cons;

	if (prod - tx->rsp_cons > pending(tx)) {
		netfront_lied(q, "more answers than were asked for");
		return false;
	}
	while (tx->rsp_cons != prod && !q->broken) {
		union {
			uint32_t word;
			struct netif_tx_response response;
		} slot;

		_Static_assert(sizeof slot.response == sizeof slot.word, "one word a response");
		slot.word = __atomic_load_n((uint32_t *)(void *)&entry(tx, tx->rsp_cons++)->rsp,
					    __ATOMIC_RELAXED);
		answered(q, slot.response.id, slot.response.status);
	}
	return any;
}

/* ---- frames ---- */

/* The bytes that a packet has at address a, as pieces. False: more than `max` of them. */
static bool cut_run(struct piece *pieces, unsigned *n, const uint8_t *a, uint32_t len,
		    struct netbuf *buf, bool copy)
{
	while (len) {
		uint32_t in_page = (uint32_t)(PAGE_SIZE - ((uintptr_t)a & (PAGE_SIZE - 1)));
		uint32_t take = copy || len < in_page ? len : in_page;
		struct piece *last = *n ? &pieces[*n - 1] : NULL;
		bool whole = !copy && take == PAGE_SIZE;

		if (whole || !last || last->page || last->len == PAGE_SIZE) {
			if (*n == NETFRONT_SLOTS)
				return false;
			last = &pieces[(*n)++];
			*last = (struct piece){whole ? a : NULL, buf, 0};
		}
		if (take > PAGE_SIZE - last->len)
			take = (uint32_t)PAGE_SIZE - last->len;
		last->len += take;
		a += take;
		len -= take;
	}
	return true;
}

/* Cuts p into at most NETFRONT_SLOTS pieces. 0: they do not suffice. */
static unsigned cut(struct piece *pieces, const struct packet *p, bool copy)
{
	unsigned n = 0;

	if (!cut_run(pieces, &n, p->data, packet_linear(p), p->buf, copy))
		return 0;
	for (unsigned i = 0; i < p->nfrags; i++) {
		const struct packet_frag *f = &p->frags[i];
		if (!cut_run(pieces, &n, f->buf->data + f->offset, f->len, f->buf, copy))
			return 0;
	}
	return n;
}

static void put_gso(struct netfront_tx *tx, const struct packet *p)
{
	struct netif_extra_info *x = (void *)&entry(tx, tx->req_prod++)->req;

	x->type = XEN_NETIF_EXTRA_TYPE_GSO;
	x->flags = 0;
	x->u.gso.size = p->gso_size;
	x->u.gso.type = p->gso == GSO_TCP6 ? XEN_NETIF_GSO_TYPE_TCPV6 : XEN_NETIF_GSO_TYPE_TCPV4;
	x->u.gso.pad = 0;
	x->u.gso.features = 0;
}

static void put_pieces(struct netfront_queue *q, const struct packet *p, const struct piece *piece,
		       unsigned n)
{
	struct netfront_tx *tx = &q->tx;
	uint32_t offset = 0;

	for (unsigned i = 0; i < n; offset += piece[i++].len) {
		struct netif_tx_request *r;
		uint8_t *to;

		if (piece[i].page) {
			r = page_request(q, &piece[i]);
		} else {
			r = bounce_request(tx, piece[i].len, &to);
			packet_read(p, offset, to, piece[i].len);
		}
		if (i + 1 < n)
			r->flags = NETTXF_more_data;
		if (i)
			continue;
		tx->slot[r->id].first = true;
		r->size = (uint16_t)p->len;
		if (p->csum == CSUM_PARTIAL)
			r->flags |= NETTXF_csum_blank | NETTXF_data_validated;
		if (p->gso) {
			r->flags |= NETTXF_extra_info;
			put_gso(tx, p);
		}
	}
}

/* Puts a frame into the ring and frees it. 0, or -ENOSPC: no room, p stays. */
static int add(struct netfront_queue *q, struct packet *p)
{
	struct netfront_tx *tx = &q->tx;
	struct piece pieces[NETFRONT_SLOTS];
	unsigned n, copies = 0;

	n = cut(pieces, p, !(q->owner->features.sg));
	if (!n)
		n = cut(pieces, p, true); /* 16 pages at most */
	for (unsigned i = 0; i < n; i++)
		copies += !pieces[i].page;
	if (NETFRONT_ENTRIES - pending(tx) < n + (p->gso != 0) || tx->nids < n)
		return -ENOSPC;
	if (!(n == 1 && tx->current && PAGE_SIZE - tx->current->used >= p->len))
		while (tx->nspare < copies)
			if (!add_bounce(q))
				return -ENOSPC;
	put_pieces(q, p, pieces, n);
	packet_free(p);
	__atomic_store_n(&ring_of(tx)->req_prod, tx->req_prod, __ATOMIC_RELEASE);
	return 0;
}

static void drop_waiting(struct netfront_queue *q)
{
	struct netfront_tx *tx = &q->tx;

	list_for_each_entry_safe (p, &tx->waiting, struct packet, link) {
		list_remove(&p->link);
		packet_free(p);
		q->owner->netif.stats.tx_dropped++;
	}
	tx->nwaiting = 0;
}

/* An event when half of what is in the ring has been answered for. True: so it is already. */
static bool listen_half(struct netfront_tx *tx)
{
	struct netif_tx_sring *ring = ring_of(tx);
	uint32_t half = pending(tx) / 2 + 1;

	__atomic_store_n(&ring->rsp_event, tx->rsp_cons + half, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return __atomic_load_n(&ring->rsp_prod, __ATOMIC_RELAXED) - tx->rsp_cons >= half;
}

/* Moves what waits into the ring; asks for an event while there is more. */
static void send_waiting(struct netfront_queue *q)
{
	struct netfront_tx *tx = &q->tx;
	bool moved = false;

	while (tx->nwaiting && !q->broken) {
		struct packet *p = list_entry(tx->waiting.next, struct packet, link);

		/* add frees it */
		list_remove(&p->link);
		if (add(q, p)) {
			if (!pending(tx)) { /* no memory, and nothing that would wake us */
				packet_free(p);
				q->owner->netif.stats.tx_dropped++;
				tx->nwaiting--;
				continue;
			}
			list_add_head(&tx->waiting, &p->link);
			if (listen_half(tx) && free_sent(q))
				continue;
			break;
		}
		tx->nwaiting--;
		moved = true;
	}
	if (moved)
		netif_want_flush(&q->owner->netif);
}

bool netfront_tx_reclaim(struct netfront_queue *q)
{
	bool any = !q->broken && free_sent(q);

	if (q->tx.nwaiting)
		send_waiting(q);
	if (any && q->owner->mcast.unfinished)
		netfront_mcast_update(q->owner);
	return any;
}

/* True if the backend may be left the frame's checksum as it is. */
static bool may_leave(const struct netfront *f, const struct packet *p)
{
	struct netfront_transport t;

	return netfront_find_transport(p->data, packet_linear(p), &t) &&
	       (t.v6 ? f->features.csum6 : f->features.csum4) &&
	       p->csum_start == p->data + t.start && p->csum_offset == t.offset;
}

/* Sends the segments of p, which is longer than a frame may be. Takes p. */
static int send_cut(struct netfront_queue *q, struct packet *p)
{
	struct list segments;
	int err = packet_segment(p, true, &segments);

	if (err)
		return -ENOBUFS;
	list_for_each_entry_safe (s, &segments, struct packet, link) {
		int e;

		list_remove(&s->link);
		e = netfront_tx_xmit(q, s);
		err = err ? err : e;
	}
	return err;
}

int netfront_tx_xmit(struct netfront_queue *q, struct packet *p)
{
	struct netfront_tx *tx = &q->tx;
	int err = -ENETDOWN;

	if (q->broken)
		goto drop;
	if (p->len > XEN_NETIF_MAX_TX_SIZE && p->gso)
		return send_cut(q, p);
	err = -ENOBUFS;
	if (p->len > XEN_NETIF_MAX_TX_SIZE || (p->len > PAGE_SIZE && !q->owner->features.sg))
		goto drop;
	if (p->csum == CSUM_PARTIAL && !may_leave(q->owner, p) && (p->gso || packet_finish_csum(p)))
		goto drop;
	if (NETFRONT_ENTRIES - pending(tx) < NETFRONT_ENTRIES / 2 || tx->nwaiting)
		netfront_tx_reclaim(q);
	if (q->broken)
		goto drop;
	tx->held_bytes += p->len;
	if (!tx->nwaiting && !add(q, p))
		return 0;
	if (tx->nwaiting < WAIT_MAX && pending(tx)) {
		list_add_tail(&tx->waiting, &p->link);
		tx->nwaiting++;
		if (tx->nwaiting == 1) {
			/* The backend must know of the ring before an event can come. */
			netfront_tx_notify(q);
			send_waiting(q);
		}
		return 0;
	}
drop:
	packet_free(p);
	return err;
}

bool netfront_tx_mcast(struct netfront_queue *q, const uint8_t mac[ETH_ALEN], bool add_it)
{
	struct netfront_tx *tx = &q->tx;
	struct netfront_tx_slot *slot;
	struct netif_tx_request *r;
	struct netif_extra_info *x;

	if (NETFRONT_ENTRIES - pending(tx) < 2 || !tx->nids)
		return false;
	r = request(tx, &slot);
	slot->kind = TX_CONTROL;
	r->gref = 0;
	r->offset = 0;
	r->size = 0;
	r->flags = NETTXF_extra_info;
	x = (void *)&entry(tx, tx->req_prod++)->req;
	x->type = add_it ? XEN_NETIF_EXTRA_TYPE_MCAST_ADD : XEN_NETIF_EXTRA_TYPE_MCAST_DEL;
	x->flags = 0;
	memcpy(x->u.mcast.addr, mac, ETH_ALEN);
	__atomic_store_n(&ring_of(tx)->req_prod, tx->req_prod, __ATOMIC_RELEASE);
	return true;
}

void netfront_tx_notify(struct netfront_queue *q)
{
	struct netfront_tx *tx = &q->tx;
	uint32_t event, news = tx->req_prod - tx->notified;

	tx->held_bytes = 0;
	if (!news || q->broken || !q->owner->running)
		return;
	tx->notified = tx->req_prod;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	event = __atomic_load_n(&ring_of(tx)->req_event, __ATOMIC_RELAXED);
	if (tx->req_prod - event < news)
		evtchn_notify(q->tx_port);
}

void netfront_tx_flush(struct netfront_queue *q)
{
	if (epoll_busy && q->tx.held_bytes < HOLD_BYTES &&
	    q->tx.req_prod - q->tx.notified < HOLD_FRAMES) {
		netfront_hold_back(q);
		return;
	}
	netfront_tx_notify(q);
}

bool netfront_tx_pending(const struct netfront_queue *q)
{
	return !q->broken && (q->tx.nwaiting || pending(&q->tx));
}

/* ---- set-up ---- */

int netfront_tx_init(struct netfront_queue *q)
{
	struct netfront_tx *tx = &q->tx;
	unsigned by_memory = (unsigned)(page_total() / PAGES_BOUNCE);
	int err;

	list_init(&tx->waiting);
	err = xenbus_ring_alloc(q->owner->device, &tx->shared);
	if (err)
		return err;
	/* No events until one is asked for: the index is never reached. */
	ring_of(tx)->req_event = 1;
	ring_of(tx)->rsp_event = 0;
	tx->max_bounce = by_memory < BOUNCE_MIN ? BOUNCE_MIN : by_memory;
	if (tx->max_bounce > BOUNCE_MAX)
		tx->max_bounce = BOUNCE_MAX;
	err = grant_reserve(tx->refs, NETFRONT_ENTRIES);
	if (err)
		return err;
	for (unsigned i = 0; i < NETFRONT_ENTRIES; i++)
		tx->ids[tx->nids++] = (uint8_t)(NETFRONT_ENTRIES - 1 - i);
	return add_bounce(q) ? 0 : -ENOMEM;
}

void netfront_tx_free(struct netfront_queue *q)
{
	struct netfront_tx *tx = &q->tx;
	struct netfront_bounce *b;

	if (!tx->shared.page)
		return;
	drop_waiting(q);
	for (unsigned i = 0; i < NETFRONT_ENTRIES; i++)
		if (tx->slot[i].kind != TX_FREE)
			free_slot(tx, (uint8_t)i);
	for (unsigned i = 0; i < NETFRONT_ENTRIES; i++)
		if (tx->refs[i])
			grant_release(tx->refs[i]);
	set_current(tx, NULL);
	while ((b = tx->spare)) {
		tx->spare = b->next;
		grant_end_or_leak(b->ref, virt_to_phys(b->data), 0);
		kfree(b);
	}
	xenbus_ring_free(&tx->shared);
}
