/*
 * dev/xen/blkfront.h: requests on their way into the ring and back.
 *
 * A request is cut into as many entries of the ring as this backend, the free pages and the slots
 * make necessary; it is finished when all are answered. So what was made for one backend can be
 * issued again to another with smaller limits.
 */
#include "dev/xen/blkfront.h"
#include <asm/errno.h>
#include "lib/printk.h"
#include "lib/string.h"

#define TABLE_SEGMENTS ((uint32_t)(PAGE_SIZE / sizeof(struct blkif_request_segment)))
_Static_assert(BLOCK_MAX_SEGMENTS <= TABLE_SEGMENTS, "one indirect page is enough");

/* block_request.progress */
struct progress {
	uint32_t issued;  /* bytes of the data that are in the ring or answered */
	uint32_t pending; /* entries in the ring */
	int32_t error;
	bool all; /* is in `issued`: nothing is left to put into the ring */
} __attribute__((may_alias));
_Static_assert(sizeof(struct progress) <= sizeof((struct block_request *)0)->progress, "room");

static struct progress *progress(struct block_request *r)
{
	return (void *)r->progress;
}

static uint32_t data_bytes(const struct block_request *r)
{
	if (r->op != BLOCK_READ && r->op != BLOCK_WRITE)
		return 0;
	return (uint32_t)(r->sectors * BLOCK_SECTOR);
}

/* Moves r, answered or given up, to those whose end its owner learns when the lock is free. */
static void finish(struct block_request *r, int error, struct list *finished)
{
	progress(r)->error = error;
	list_remove(&r->link);
	list_add_tail(finished, &r->link);
}

static void report(struct blkfront *b, struct list *finished)
{
	while (!list_empty(finished)) {
		struct block_request *r = list_entry(finished->next, struct block_request, link);

		list_remove(&r->link);
		block_done(&b->disk, r, progress(r)->error);
	}
}

/* ---- Into the ring ---- */

/* A place in a request's data. */
struct cursor {
	const struct block_segment *s;
	uint32_t skip; /* bytes of it */
};

static struct cursor seek(const struct block_request *r, uint32_t offset)
{
	struct cursor c = {r->segments, offset};

	while (c.skip && c.skip >= c.s->len)
		c.skip -= c.s++->len;
	return c;
}

/* Copies between a slot's pages and its request's data. */
static void copy(struct blkfront *b, const struct blkfront_slot *slot, bool to_request)
{
	struct cursor c = seek(slot->request, slot->offset);
	uint16_t i = slot->pages;

	for (uint32_t at = 0; at < slot->bytes;) {
		uint32_t in_page = at & (uint32_t)(PAGE_SIZE - 1), n = c.s->len - c.skip;
		uint8_t *data = (uint8_t *)phys_to_virt(c.s->addr) + c.skip;
		uint8_t *page = (uint8_t *)phys_to_virt(b->pool.pages[i].addr) + in_page;

		if (n > slot->bytes - at)
			n = slot->bytes - at;
		if (n > PAGE_SIZE - in_page)
			n = (uint32_t)PAGE_SIZE - in_page;
		if (to_request)
			memcpy(data, page, n);
		else
			memcpy(page, data, n);
		at += n;
		c.skip += n;
		if (c.skip == c.s->len)
			c = (struct cursor){c.s + 1, 0};
		if (!(at & (PAGE_SIZE - 1)))
			i = b->pool.pages[i].next;
	}
}

static void put_pages(struct blkfront *b, struct blkfront_slot *slot)
{
	while (slot->pages != BLKFRONT_NONE) {
		uint16_t i = slot->pages;

		slot->pages = b->pool.pages[i].next;
		blkfront_pool_put(&b->pool, i);
	}
	if (slot->table != BLKFRONT_NONE)
		blkfront_pool_put(&b->pool, slot->table);
	slot->table = BLKFRONT_NONE;
}

/* Takes up to `want` pages, as a chain in their order. How many there were. */
static uint32_t take_pages(struct blkfront *b, struct blkfront_slot *slot, uint32_t want)
{
	uint16_t last = BLKFRONT_NONE;
	uint32_t n = 0;

	for (; n < want; n++) {
		uint16_t i = blkfront_pool_get(&b->pool);

		if (i == BLKFRONT_NONE)
			break;
		b->pool.pages[i].next = BLKFRONT_NONE;
		if (n)
			b->pool.pages[last].next = i;
		else
			slot->pages = i;
		last = i;
	}
	return n;
}

/* Takes pages for as much of the data as max segments can have, and fills them and the segments.
 * How many; 0: not now. */
static uint32_t fill_segments(struct blkfront *b, struct blkfront_slot *slot, uint32_t max,
			      struct blkif_request_segment *segments)
{
	struct block_request *r = slot->request;
	uint32_t left = data_bytes(r) - slot->offset, n = 0;
	uint32_t pages = (left + (uint32_t)PAGE_SIZE - 1) / (uint32_t)PAGE_SIZE, got;

	if (pages > max)
		pages = max;
	got = take_pages(b, slot, pages);
	/* Better to wait than to go in small pieces; but not for pages that never come. */
	if (got < pages && b->ring.prod != b->ring.cons) {
		put_pages(b, slot);
		return 0;
	}
	slot->bytes = left < got * PAGE_SIZE ? left : got * (uint32_t)PAGE_SIZE;
	/* No byte that is not set here: the compiler's padding would be what lay there before. */
	memset(segments, 0, got * sizeof *segments);
	for (uint16_t i = slot->pages; i != BLKFRONT_NONE; i = b->pool.pages[i].next, n++) {
		uint32_t len = slot->bytes - n * (uint32_t)PAGE_SIZE;

		if (len > PAGE_SIZE)
			len = (uint32_t)PAGE_SIZE;
		segments[n].gref = b->pool.pages[i].ref;
		segments[n].last_sect = (uint8_t)(len / BLOCK_SECTOR - 1);
	}
	if (n && slot->op == BLKIF_OP_WRITE)
		copy(b, slot, false);
	return n;
}

/* The data from slot->offset on, as much of it as one entry can have. False: not now. */
static bool put_data(struct blkfront *b, uint16_t id)
{
	struct blkfront_slot *slot = &b->ring.slots[id];
	struct blkif_request_segment own[BLKIF_MAX_SEGMENTS_PER_REQUEST], *segments = own;
	struct block_request *r = slot->request;
	uint64_t sector = r->sector + slot->offset / BLOCK_SECTOR;
	union blkif_sring_entry e;
	uint32_t max = BLKIF_MAX_SEGMENTS_PER_REQUEST, n;

	slot->op = r->op == BLOCK_WRITE ? BLKIF_OP_WRITE : BLKIF_OP_READ;
	/* The last free page is for data. */
	if (b->max_segments > max && data_bytes(r) - slot->offset > max * PAGE_SIZE &&
	    blkfront_pool_spare(&b->pool))
		slot->table = blkfront_pool_get(&b->pool);
	if (slot->table != BLKFRONT_NONE) {
		/* The backend may write there as well, but nobody reads it again. */
		segments = phys_to_virt(b->pool.pages[slot->table].addr);
		max = b->max_segments;
	}
	n = fill_segments(b, slot, max, segments);
	if (!n)
		return false;
	memset(&e, 0, sizeof e);
	if (segments != own) {
		struct blkif_request_indirect *to;

		slot->indirect = true;
		to = (void *)&e;
		to->operation = BLKIF_OP_INDIRECT;
		to->indirect_op = slot->op;
		to->nr_segments = (uint16_t)n;
		to->id = id;
		to->sector_number = sector;
		to->handle = b->handle;
		to->indirect_grefs[0] = b->pool.pages[slot->table].ref;
	} else {
		e.req.operation = slot->op;
		e.req.nr_segments = (uint8_t)n;
		e.req.handle = b->handle;
		e.req.id = id;
		e.req.sector_number = sector;
		memcpy(e.req.seg, own, n * sizeof *own);
	}
	blkfront_ring_put(&b->ring, &e);
	return true;
}

/* A request without data. 0 or -EOPNOTSUPP. */
static int put_other(struct blkfront *b, uint16_t id)
{
	struct blkfront_slot *slot = &b->ring.slots[id];
	struct block_request *r = slot->request;
	union blkif_sring_entry e;

	memset(&e, 0, sizeof e);
	if (r->op == BLOCK_FLUSH && b->flush_op) {
		slot->op = e.req.operation = b->flush_op;
		e.req.handle = b->handle;
		e.req.id = id;
	} else if (r->op == BLOCK_DISCARD && b->disk.discard) {
		struct blkif_request_discard *to;

		slot->op = BLKIF_OP_DISCARD;
		to = (void *)&e;
		to->operation = BLKIF_OP_DISCARD;
		to->handle = b->handle;
		to->id = id;
		to->sector_number = r->sector;
		to->nr_sectors = r->sectors;
	} else {
		return -EOPNOTSUPP;
	}
	blkfront_ring_put(&b->ring, &e);
	return 0;
}

/* Puts what it can of r, the first of the queue, into one entry. False: not now. */
static bool issue(struct blkfront *b, struct block_request *r, struct list *finished)
{
	struct progress *p = progress(r);
	uint16_t id = blkfront_ring_slot(&b->ring);
	struct blkfront_slot *slot;
	int err = 0;

	if (id == BLKFRONT_NONE)
		return false;
	slot = &b->ring.slots[id];
	slot->request = r;
	slot->offset = p->issued;
	slot->bytes = 0;
	slot->indirect = false;
	if (data_bytes(r)) {
		if (!put_data(b, id)) {
			put_pages(b, slot);
			blkfront_ring_free_slot(&b->ring, id);
			return false;
		}
	} else {
		err = put_other(b, id);
	}
	if (err) {
		blkfront_ring_free_slot(&b->ring, id);
		finish(r, err, finished);
		return true;
	}
	p->pending++;
	p->issued += slot->bytes;
	if (p->issued == data_bytes(r)) {
		p->all = true;
		list_remove(&r->link);
		list_add_tail(&b->issued, &r->link);
	}
	return true;
}

static void pump(struct blkfront *b, struct list *finished)
{
	while (!list_empty(&b->queue))
		if (!issue(b, list_entry(b->queue.next, struct block_request, link), finished))
			break;
	blkfront_ring_publish(&b->ring);
}

/* Tells the backend of what was put into the ring, if it does not look by itself. */
static void notify(struct blkfront *b)
{
	if (blkfront_ring_want_notify(&b->ring))
		evtchn_notify(b->ring.port);
}

void blkfront_submit(struct block_device *d, struct block_request *r)
{
	struct blkfront *b = d->driver;
	struct list finished = LIST_INIT(finished);

	*progress(r) = (struct progress){0};
	spin_lock(&b->lock);
	list_add_tail(&b->queue, &r->link);
	if (b->state == BLKFRONT_RUNNING)
		pump(b, &finished);
	else if (b->state != BLKFRONT_AWAY)
		finish(r, -EIO, &finished);
	spin_unlock(&b->lock);
	report(b, &finished);
}

void blkfront_commit(struct block_device *d)
{
	struct blkfront *b = d->driver;

	spin_lock(&b->lock);
	if (b->state == BLKFRONT_RUNNING)
		notify(b);
	spin_unlock(&b->lock);
}

void blkfront_start(struct blkfront *b)
{
	struct list finished = LIST_INIT(finished);

	spin_lock(&b->lock);
	b->state = BLKFRONT_RUNNING;
	pump(b, &finished);
	notify(b);
	spin_unlock(&b->lock);
	report(b, &finished);
}

/* ---- Out of the ring ---- */

/* The backend does not know what it said it knew. */
static void not_supported(struct blkfront *b, struct block_request *r, uint8_t op)
{
	struct progress *p = progress(r);

	if (r->op != BLOCK_FLUSH && r->op != BLOCK_DISCARD) {
		p->error = -EIO;
		return;
	}
	p->error = -EOPNOTSUPP;
	if (op == BLKIF_OP_DISCARD) {
		b->disk.discard = false;
	} else if (op == b->flush_op) {
		b->flush_op =
		    op != BLKIF_OP_WRITE_BARRIER && b->barrier ? BLKIF_OP_WRITE_BARRIER : 0;
		b->disk.flush = b->flush_op != 0;
	}
	if (r->op == BLOCK_FLUSH && b->flush_op) {
		/* The other way, before all that came after. */
		*p = (struct progress){0};
		list_remove(&r->link);
		list_add_head(&b->queue, &r->link);
	}
}

/* An entry is answered. */
static void answered(struct blkfront *b, uint16_t id, int16_t status, struct list *finished)
{
	struct blkfront_slot *slot = &b->ring.slots[id];
	struct block_request *r = slot->request;
	struct progress *p = progress(r);

	if (status == BLKIF_RSP_OKAY && slot->op == BLKIF_OP_READ)
		copy(b, slot, true);
	put_pages(b, slot);
	blkfront_ring_free_slot(&b->ring, id);
	p->pending--;
	if (status == BLKIF_RSP_EOPNOTSUPP)
		not_supported(b, r, slot->op);
	else if (status != BLKIF_RSP_OKAY)
		p->error = -EIO;
	if (p->error && !p->all) {
		/* The rest of it is not worth trying, and must not hold up others. */
		p->all = true;
		list_remove(&r->link);
		list_add_tail(&b->issued, &r->link);
	}
	if (p->all && !p->pending)
		finish(r, p->error, finished);
}

/* All answers there are. False: one is a lie (b->lie). */
static bool take_answers(struct blkfront *b, struct list *finished)
{
	struct blkif_response a;
	int got;

	while ((got = blkfront_ring_get(&b->ring, &a)) > 0) {
		const struct blkfront_slot *slot;

		if (a.id >= b->ring.entries || !b->ring.slots[a.id].request) {
			b->lie = "answer to a request that was not made";
			return false;
		}
		slot = &b->ring.slots[a.id];
		if (a.operation != slot->op &&
		    !(slot->indirect && a.operation == BLKIF_OP_INDIRECT)) {
			b->lie = "answer for another kind of request";
			return false;
		}
		answered(b, (uint16_t)a.id, a.status, finished);
	}
	if (got < 0)
		b->lie = "more answers than requests";
	return got == 0;
}

/* Fails everything, for good or until a backend is there again. */
static void fail_all(struct blkfront *b, struct list *finished)
{
	while (!list_empty(&b->issued))
		finish(list_entry(b->issued.next, struct block_request, link), -EIO, finished);
	while (!list_empty(&b->queue))
		finish(list_entry(b->queue.next, struct block_request, link), -EIO, finished);
}

/* Empties the ring. */
static void drop_slots(struct blkfront *b)
{
	for (unsigned i = 0; b->ring.shared && i < b->ring.entries; i++) {
		struct blkfront_slot *slot = &b->ring.slots[i];

		if (!slot->request)
			continue;
		put_pages(b, slot);
		blkfront_ring_free_slot(&b->ring, (uint16_t)i);
	}
}

void blkfront_event(void *arg)
{
	struct blkfront *b = arg;
	struct list finished = LIST_INIT(finished);
	const char *lie = NULL;

	spin_lock(&b->lock);
	if (b->state == BLKFRONT_RUNNING) {
		bool honest;

		do {
			honest = take_answers(b, &finished);
			if (honest)
				pump(b, &finished);
		} while (honest && blkfront_ring_wait(&b->ring));
		if (honest) {
			notify(b);
		} else {
			b->state = BLKFRONT_BROKEN;
			drop_slots(b);
			fail_all(b, &finished);
			lie = b->lie;
		}
	}
	spin_unlock(&b->lock);
	if (lie)
		xenbus_fail(b->bus, lie);
	report(b, &finished);
}

void blkfront_stop(struct blkfront *b, enum blkfront_state state)
{
	struct list finished = LIST_INIT(finished);

	spin_lock(&b->lock);
	drop_slots(b);
	/* Those that failed in part are through. The others begin anew: nothing is harmed by doing
	 * again what may have been done already. */
	while (!list_empty(&b->issued)) {
		struct block_request *r = list_entry(b->issued.prev, struct block_request, link);

		if (progress(r)->error) {
			finish(r, progress(r)->error, &finished);
			continue;
		}
		list_remove(&r->link);
		list_add_head(&b->queue, &r->link);
	}
	list_for_each_entry (r, &b->queue, struct block_request, link)
		*progress(r) = (struct progress){0};
	if (b->state != BLKFRONT_BROKEN || state == BLKFRONT_REMOVED)
		b->state = state;
	if (b->state != BLKFRONT_AWAY)
		fail_all(b, &finished);
	spin_unlock(&b->lock);
	report(b, &finished);
}

const struct block_ops blkfront_ops = {.submit = blkfront_submit, .commit = blkfront_commit};
