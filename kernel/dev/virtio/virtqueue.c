/* dev/virtio/virtqueue.h. All fields are little endian, as x86 is. */
#include "dev/virtio/virtqueue.h"
#include <asm/errno.h>
#include "lib/string.h"
#include "mm/kmalloc.h"
#include "mm/page.h"

bool virtqueue_emulated;

/*
 * A full barrier between a store and a later load of what the device writes.
 *
 * QEMU's emulator before version 8.1, running a machine of one CPU, leaves fences and the locking
 * of instructions out, though devices run on a thread of their own. RDTSC it hands to a function
 * that takes a lock, and that is a barrier.
 */
static inline void barrier_full(void)
{
	__asm__ volatile("mfence" : : : "memory");
	if (virtqueue_emulated)
		__asm__ volatile("rdtsc" : : : "eax", "edx", "memory");
}

static uint16_t *used_event(struct virtqueue *vq)
{
	return &vq->avail->ring[vq->size];
}

static uint16_t avail_event(const struct virtqueue *vq)
{
	const volatile uint16_t *event = (const void *)&vq->used->ring[vq->size];

	return *event;
}

int virtqueue_init(struct virtqueue *vq, unsigned size, bool event_idx, bool indirect)
{
	size_t avail_at = size * sizeof(struct vring_desc);
	/* flags, idx, ring, used_event */
	size_t used_at = (avail_at + 6 + 2 * size + VRING_USED_ALIGN_SIZE - 1) &
			 ~(size_t)(VRING_USED_ALIGN_SIZE - 1);
	size_t total = used_at + 6 + size * sizeof(struct vring_used_elem);
	uint8_t *ring;

	if (!size || size > VIRTQUEUE_MAX_SIZE || (size & (size - 1)))
		return -EINVAL;
	*vq = (struct virtqueue){.size = (uint16_t)size,
				 .free = (uint16_t)size,
				 .event_idx = event_idx,
				 .indirect = indirect};
	while (PAGE_SIZE << vq->order < total)
		vq->order++;
	vq->slots = kzalloc(size * sizeof *vq->slots);
	vq->phys = vq->slots ? page_alloc_zero(vq->order) : PADDR_NONE;
	if (vq->phys == PADDR_NONE) {
		kfree(vq->slots);
		vq->slots = NULL;
		return -ENOMEM;
	}
	ring = phys_to_virt(vq->phys);
	vq->desc = (void *)ring;
	vq->avail = (void *)(ring + avail_at);
	vq->used = (void *)(ring + used_at);
	for (unsigned i = 0; i < size; i++)
		vq->slots[i].next = (uint16_t)(i + 1);
	return 0;
}

void virtqueue_free(struct virtqueue *vq)
{
	if (!vq->slots)
		return;
	for (unsigned i = 0; i < vq->size; i++)
		kfree(vq->slots[i].table);
	kfree(vq->slots);
	vq->slots = NULL;
	page_free(vq->phys, vq->order);
}

void virtqueue_break(struct virtqueue *vq, const char *why)
{
	if (vq->broken)
		return;
	vq->broken = why;
	if (vq->on_broken)
		vq->on_broken(vq);
}

static inline void fill(struct vring_desc *d, const struct vq_segment *s, unsigned flags,
			unsigned next)
{
	d->addr = s->addr;
	d->len = s->len;
	d->flags = (uint16_t)flags;
	d->next = (uint16_t)next;
}

/* The ring's own descriptors, chained in the order of the free list. n <= vq->free. */
static void add_direct(struct virtqueue *vq, const struct vq_segment *s, unsigned out, unsigned n)
{
	uint16_t at = vq->first_free;

	for (unsigned i = 0; i < n; i++) {
		unsigned flags =
		    (i >= out ? VRING_DESC_F_WRITE : 0) | (i + 1 < n ? VRING_DESC_F_NEXT : 0);
		uint16_t next = vq->slots[at].next;

		fill(&vq->desc[at], &s[i], flags, next);
		at = next;
	}
	vq->slots[vq->first_free].descriptors = (uint16_t)n;
	vq->first_free = at;
	vq->free = (uint16_t)(vq->free - n);
}

/* One descriptor of the ring that points at a table of n (section 2.7.5.3). 0, -ENOMEM. */
static int add_indirect(struct virtqueue *vq, const struct vq_segment *s, unsigned out, unsigned n)
{
	uint16_t head = vq->first_free;
	struct vq_slot *slot = &vq->slots[head];
	struct vq_segment table;

	if (!slot->table) {
		slot->table = kmalloc(VIRTQUEUE_MAX_SEGMENTS * sizeof(struct vring_desc));
		if (!slot->table)
			return -ENOMEM;
	}
	for (unsigned i = 0; i < n; i++)
		fill(&slot->table[i], &s[i],
		     (i >= out ? VRING_DESC_F_WRITE : 0) | (i + 1 < n ? VRING_DESC_F_NEXT : 0),
		     i + 1);
	table.addr = virt_to_phys(slot->table);
	table.len = (uint32_t)(n * sizeof(struct vring_desc));
	fill(&vq->desc[head], &table, VRING_DESC_F_INDIRECT, 0);
	slot->descriptors = 1;
	vq->first_free = slot->next;
	vq->free--;
	return 0;
}

/* Makes the buffer at head known to the device. */
static inline void publish(struct virtqueue *vq, uint16_t head, uint32_t writable, void *token)
{
	struct vq_slot *slot = &vq->slots[head];

	slot->token = token;
	slot->writable = writable;
	vq->avail->ring[vq->added & (vq->size - 1u)] = head;
	vq->added++;
	__atomic_store_n(&vq->avail->idx, vq->added, __ATOMIC_RELEASE);
}

int virtqueue_add(struct virtqueue *vq, const struct vq_segment *s, unsigned out, unsigned in,
		  void *token)
{
	unsigned n = out + in;
	uint16_t head = vq->first_free;
	uint32_t writable = 0;

	if (vq->broken)
		return -EIO;
	/* A table costs the device another mapping: only for buffers that would soon fill the ring.
	 */
	if (n > 1 && vq->indirect && n > vq->free / 4u && n <= VIRTQUEUE_MAX_SEGMENTS && vq->free &&
	    !add_indirect(vq, s, out, n))
		;
	else if (n && n <= vq->free)
		add_direct(vq, s, out, n);
	else
		return -ENOSPC;
	for (unsigned i = out; i < n; i++)
		writable += s[i].len;
	publish(vq, head, writable, token);
	return 0;
}

int virtqueue_add_one(struct virtqueue *vq, uint64_t addr, uint32_t len, bool writable, void *token)
{
	uint16_t head = vq->first_free;
	struct vring_desc *d;

	if (!vq->free || vq->broken)
		return vq->broken ? -EIO : -ENOSPC;
	d = &vq->desc[head];
	d->addr = addr;
	d->len = len;
	d->flags = writable ? VRING_DESC_F_WRITE : 0; /* next counts only with its flag */
	vq->slots[head].descriptors = 1;
	vq->first_free = vq->slots[head].next;
	vq->free--;
	publish(vq, head, writable ? len : 0, token);
	return 0;
}

void virtqueue_kick(struct virtqueue *vq)
{
	uint16_t before = vq->notified;
	bool wanted;

	if (vq->added == before || vq->broken)
		return;
	vq->notified = vq->added;
	barrier_full();
	if (vq->event_idx)
		wanted = vring_need_event(avail_event(vq), vq->added, before);
	else
		wanted = !(*(volatile uint16_t *)&vq->used->flags & VRING_USED_F_NO_NOTIFY);
	if (wanted)
		vq->notify(vq);
}

/* Gives the descriptors of a chain back. */
static void *release(struct virtqueue *vq, uint16_t head)
{
	struct vq_slot *slot = &vq->slots[head];
	uint16_t last = head;

	for (unsigned i = 1; i < slot->descriptors; i++)
		last = vq->slots[last].next;
	vq->slots[last].next = vq->first_free;
	vq->first_free = head;
	vq->free = (uint16_t)(vq->free + slot->descriptors);
	slot->descriptors = 0;
	return slot->token;
}

void *virtqueue_get(struct virtqueue *vq, uint32_t *len)
{
	uint16_t ready = (uint16_t)(__atomic_load_n(&vq->used->idx, __ATOMIC_ACQUIRE) - vq->taken);
	const volatile struct vring_used_elem *e;
	uint32_t id, written;

	if (!ready || vq->broken)
		return NULL;
	if (ready > virtqueue_pending(vq)) {
		virtqueue_break(vq, "it says that it used more buffers than it was given");
		return NULL;
	}
	e = &vq->used->ring[vq->taken & (vq->size - 1)];
	id = e->id; /* once each: the device may change them meanwhile */
	written = e->len;
	if (id >= vq->size || !vq->slots[id].descriptors) {
		virtqueue_break(vq, "it used a buffer that it does not have");
		return NULL;
	}
	if (written > vq->slots[id].writable) {
		/* Some devices count here what they have read. */
		if (vq->slots[id].writable) {
			virtqueue_break(vq, "it says that it wrote beyond the end of a buffer");
			return NULL;
		}
		written = 0;
	}
	vq->taken++;
	if (len)
		*len = written;
	return release(vq, (uint16_t)id);
}

void *virtqueue_detach(struct virtqueue *vq)
{
	if (vq->free == vq->size)
		return NULL;
	for (uint16_t i = 0; i < vq->size; i++)
		if (vq->slots[i].descriptors)
			return release(vq, i);
	return NULL;
}

void virtqueue_disable_interrupts(struct virtqueue *vq)
{
	if (vq->event_idx) /* just passed: 65536 buffers away */
		__atomic_store_n(used_event(vq), (uint16_t)(vq->taken - 1), __ATOMIC_RELAXED);
	else
		__atomic_store_n(&vq->avail->flags, VRING_AVAIL_F_NO_INTERRUPT, __ATOMIC_RELAXED);
}

static bool enable(struct virtqueue *vq, uint16_t event)
{
	if (vq->event_idx)
		__atomic_store_n(used_event(vq), event, __ATOMIC_RELAXED);
	else
		__atomic_store_n(&vq->avail->flags, 0, __ATOMIC_RELAXED);
	barrier_full();
	return (uint16_t)(__atomic_load_n(&vq->used->idx, __ATOMIC_ACQUIRE) - vq->taken) >
	       (uint16_t)(event - vq->taken);
}

bool virtqueue_enable_interrupts(struct virtqueue *vq)
{
	return enable(vq, vq->taken);
}

bool virtqueue_enable_interrupts_late(struct virtqueue *vq)
{
	return enable(vq, (uint16_t)(vq->taken + virtqueue_pending(vq) * 3 / 4));
}
