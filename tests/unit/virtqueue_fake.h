/* The device's side of a virtqueue. It holds the driver to the rules of section 2.7. */
#pragma once
#include "dev/virtio/virtqueue.h"

struct device_queue {
	struct virtqueue *vq;
	uint16_t seen; /* of avail->ring */
};

/* Takes the next buffer; its segments, 64 at the most, go to s. Their number; 0: there is none. */
static unsigned device_take(struct device_queue *q, uint16_t *id, struct vring_desc *s)
{
	struct virtqueue *vq = q->vq;
	struct vring_desc *table = vq->desc;
	unsigned n = 0, at, limit = vq->size;

	if (q->seen == vq->avail->idx)
		return 0;
	*id = vq->avail->ring[q->seen++ % vq->size];
	assert_in_range(*id, 0, vq->size - 1);
	at = *id;
	if (table[at].flags & VRING_DESC_F_INDIRECT) {
		assert_false(table[at].flags & VRING_DESC_F_NEXT);
		limit = table[at].len / (unsigned)sizeof *table;
		table = (void *)(uintptr_t)table[at].addr;
		at = 0;
	}
	for (;;) {
		assert_in_range(at, 0, limit - 1);
		assert_in_range(n, 0, limit < 64 ? limit - 1 : 63);
		s[n++] = table[at];
		if (!(table[at].flags & VRING_DESC_F_NEXT))
			return n;
		at = table[at].next;
	}
}

/* The device wants to be notified of the buffer with this index (section 2.7.10). */
static inline void device_wants(struct device_queue *q, uint16_t index)
{
	*(volatile uint16_t *)&q->vq->used->ring[q->vq->size] = index;
}

static void device_use(struct device_queue *q, uint32_t id, uint32_t len)
{
	struct vring_used *u = q->vq->used;

	u->ring[u->idx % q->vq->size].id = id;
	u->ring[u->idx % q->vq->size].len = len;
	u->idx++;
}
