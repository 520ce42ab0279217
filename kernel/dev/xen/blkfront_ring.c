/* dev/xen/blkfront.h: the ring (io/ring.h), of which we read only what the backend answers. */
#include "dev/xen/blkfront.h"
#include <asm/errno.h>
#include "lib/string.h"
#include "mm/kmalloc.h"

/* How many entries 2^order pages have (io/ring.h, __RING_SIZE): a power of two. */
static unsigned ring_entries(unsigned order)
{
	size_t room = (PAGE_SIZE << order) - offsetof(struct blkif_sring, ring);
	unsigned fit = (unsigned)(room / sizeof(union blkif_sring_entry)), n = 1;

	while (2 * n <= fit)
		n *= 2;
	return n;
}

int blkfront_ring_init(struct blkfront_ring *r, unsigned order, domid_t domain)
{
	paddr_t block = page_alloc_zero(order);

	memset(r, 0, sizeof *r);
	if (block == PADDR_NONE)
		return -ENOMEM;
	r->shared = phys_to_virt(block);
	r->order = order;
	r->entries = ring_entries(order);
	r->slots = kzalloc(r->entries * sizeof *r->slots);
	if (!r->slots)
		return -ENOMEM;
	for (unsigned i = 0; i < 1u << order; i++) {
		int ref = grant_access(domain, block + i * PAGE_SIZE, false);

		if (ref <= 0)
			return -ENOSPC;
		r->refs[i] = (grant_ref_t)ref;
	}
	r->shared->req_event = r->shared->rsp_event = 1;
	r->first_free = BLKFRONT_NONE;
	for (unsigned i = r->entries; i-- > 0;)
		blkfront_ring_free_slot(r, (uint16_t)i);
	return 0;
}

void blkfront_ring_end(struct blkfront_ring *r, struct blkfront_ring_memory *m)
{
	m->block = r->shared ? virt_to_phys(r->shared) : PADDR_NONE;
	m->order = r->order;
	memcpy(m->refs, r->refs, sizeof m->refs);
	kfree(r->slots);
	memset(r, 0, sizeof *r);
}

bool blkfront_ring_free(struct blkfront_ring_memory *m)
{
	bool ended = true;

	if (m->block == PADDR_NONE)
		return true;
	for (unsigned i = 0; i < 1u << m->order; i++) {
		if (m->refs[i] && !grant_end(m->refs[i]))
			ended = false;
		else
			m->refs[i] = 0;
	}
	if (ended)
		page_free(m->block, m->order);
	return ended;
}

uint16_t blkfront_ring_slot(struct blkfront_ring *r)
{
	uint16_t i = r->first_free;

	if (i != BLKFRONT_NONE) {
		r->first_free = r->slots[i].next;
		r->slots[i].pages = r->slots[i].table = BLKFRONT_NONE;
	}
	return i;
}

void blkfront_ring_free_slot(struct blkfront_ring *r, uint16_t i)
{
	r->slots[i].request = NULL;
	r->slots[i].next = r->first_free;
	r->first_free = i;
}

void blkfront_ring_put(struct blkfront_ring *r, const union blkif_sring_entry *e)
{
	r->shared->ring[r->prod++ & (r->entries - 1)] = *e;
}

void blkfront_ring_publish(struct blkfront_ring *r)
{
	/* The requests before the index, and that before req_event is read. */
	__atomic_store_n(&r->shared->req_prod, r->prod, __ATOMIC_SEQ_CST);
}

bool blkfront_ring_want_notify(struct blkfront_ring *r)
{
	uint32_t event = __atomic_load_n(&r->shared->req_event, __ATOMIC_SEQ_CST);
	bool want = r->prod - event < r->prod - r->announced;

	r->announced = r->prod;
	return want;
}

int blkfront_ring_get(struct blkfront_ring *r, struct blkif_response *answer)
{
	uint32_t there = __atomic_load_n(&r->shared->rsp_prod, __ATOMIC_ACQUIRE) - r->cons;
	const volatile struct blkif_response *from;

	if (!there)
		return 0;
	if (there > r->prod - r->cons)
		return -EPROTO;
	from = &r->shared->ring[r->cons++ & (r->entries - 1)].rsp;
	answer->id = from->id;
	answer->operation = from->operation;
	answer->status = from->status;
	return 1;
}

bool blkfront_ring_wait(struct blkfront_ring *r)
{
	__atomic_store_n(&r->shared->rsp_event, r->cons + 1, __ATOMIC_SEQ_CST);
	return __atomic_load_n(&r->shared->rsp_prod, __ATOMIC_SEQ_CST) != r->cons;
}
