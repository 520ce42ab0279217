/*
 * A virtio block device in memory, and what stands in for the kernel around its driver: for
 * test_virtio_blk.c and tests/fuzz/fuzz_virtio_blk.c, which bring the assert_* of cmocka or their
 * own.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <asm/errno.h>
#include "dev/virtio/blk.h"
#include "dev/virtio/drivers.h"
#include "mm/page.h"
#include "time/clock.h"

/* ---- what stands in for the kernel ---- */

const struct virtio_driver virtio_net_driver = {VIRTIO_ID_NET, NULL};
const struct virtio_driver virtio_rng_driver = {VIRTIO_ID_RNG, NULL};

void *phys_to_virt(paddr_t p)
{
	return (void *)(uintptr_t)p;
}

paddr_t virt_to_phys(const void *v)
{
	return (uintptr_t)v;
}

paddr_t page_alloc_zero(unsigned order)
{
	void *p = aligned_alloc(PAGE_SIZE, PAGE_SIZE << order);

	memset(p, 0, PAGE_SIZE << order);
	return (uintptr_t)p;
}

void page_free(paddr_t p, unsigned order)
{
	(void)order;
	free((void *)(uintptr_t)p);
}

static uint64_t now;

uint64_t clock_monotonic(void)
{
	return now += 1000000;
}

void timer_arm(struct timer *t, uint64_t expires)
{
	t->expires = expires;
	t->armed = true;
}

bool timer_cancel(struct timer *t)
{
	bool was = t->armed;

	t->armed = false;
	return was;
}

static struct block_device *registered;
static uint64_t new_size;
static bool removed;
static int register_error;

void block_name(char name[16], const char *prefix, unsigned index)
{
	(void)index;
	strcpy(name, prefix);
}

int block_register(struct block_device *d)
{
	if (d->max_bytes < d->logical)
		register_error = -EINVAL; /* as the real one */
	registered = register_error ? NULL : d;
	return register_error;
}

void block_set_size(struct block_device *d, uint64_t sectors)
{
	assert_ptr_equal(d, registered);
	new_size = sectors;
}

void block_remove(struct block_device *d)
{
	assert_ptr_equal(d, registered);
	removed = true;
}

#define REQUESTS 300
/* The data of them all. */
static uint8_t memory[BLOCK_MAX_SEGMENTS * PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));
static struct test_request {
	struct block_request r; /* first */
	struct block_segment segment[BLOCK_MAX_SEGMENTS];
	bool pending;
	unsigned done;
	int error;
} requests[REQUESTS];

void block_done(struct block_device *d, struct block_request *r, int error)
{
	struct test_request *t = (void *)r;

	assert_ptr_equal(d, registered);
	assert_true(t->pending);
	t->pending = false;
	t->done++;
	t->error = error;
}

/* ---- the device ---- */

static struct {
	struct virtio_device d;
	uint64_t features;
	uint8_t status;
	struct virtio_blk_config config;
	unsigned max;
	struct virtqueue *vq;
	uint16_t seen;
	unsigned kicks;
	bool silent; /* says no serial number */
	bool lies;   /* at the first request already */
	uint32_t generation;
	bool changing; /* the capacity, whenever it is read */
} dev;

static uint64_t get_features(struct virtio_device *d)
{
	(void)d;
	return dev.features;
}

static void set_features(struct virtio_device *d, uint64_t f)
{
	(void)d;
	assert_int_equal(f & ~dev.features, 0);
}

static uint8_t get_status(struct virtio_device *d)
{
	(void)d;
	return dev.status;
}

static void set_status(struct virtio_device *d, uint8_t s)
{
	(void)d;
	dev.status = s;
}

static uint32_t generation(struct virtio_device *d)
{
	(void)d;
	return dev.generation;
}

static uint32_t config_read(struct virtio_device *d, unsigned offset, unsigned width)
{
	uint32_t v = 0;

	(void)d;
	assert_int_equal(offset % width, 0);
	assert_true(offset + width <= sizeof dev.config);
	if (dev.changing)
		dev.generation++;
	memcpy(&v, (char *)&dev.config + offset, width);
	return v;
}

static unsigned queue_max(struct virtio_device *d, unsigned index)
{
	(void)d;
	return index ? 0 : dev.max;
}

static void use(uint32_t id, uint32_t len)
{
	struct virtqueue *vq = dev.vq;

	vq->used->ring[vq->used->idx % vq->size].id = id;
	vq->used->ring[vq->used->idx % vq->size].len = len;
	vq->used->idx++;
}

/* The next request: its segments and their number. 0: there is none. */
static unsigned take(uint16_t *id, struct vring_desc s[64])
{
	struct virtqueue *vq = dev.vq;
	struct vring_desc *table = vq->desc;
	unsigned at, n = 0;

	if (dev.seen == vq->avail->idx)
		return 0;
	*id = vq->avail->ring[dev.seen++ % vq->size];
	/* Wants to be told of the next one (section 2.7.10). */
	*(volatile uint16_t *)&vq->used->ring[vq->size] = dev.seen;
	at = *id;
	if (table[at].flags & VRING_DESC_F_INDIRECT) {
		table = (void *)(uintptr_t)table[at].addr;
		at = 0;
	}
	for (;; at = table[at].next) {
		assert_in_range(n, 0, 63);
		s[n++] = table[at];
		if (!(table[at].flags & VRING_DESC_F_NEXT))
			return n;
	}
}

static const struct virtio_blk_outhdr *header(const struct vring_desc *s)
{
	assert_int_equal(s[0].len, 16);
	assert_false(s[0].flags & VRING_DESC_F_WRITE);
	return (void *)(uintptr_t)s[0].addr;
}

static void answer(const struct vring_desc *s, unsigned n, uint8_t status)
{
	assert_int_equal(s[n - 1].len, 1);
	assert_true(s[n - 1].flags & VRING_DESC_F_WRITE);
	*(uint8_t *)(uintptr_t)s[n - 1].addr = status;
}

static void notify(struct virtqueue *vq)
{
	struct vring_desc s[64];
	uint16_t id;
	unsigned n;

	assert_ptr_equal(vq, dev.vq);
	assert_true(dev.status & VIRTIO_CONFIG_S_DRIVER_OK);
	dev.kicks++;
	if (registered || dev.silent)
		return;
	if (dev.lies) {
		vq->used->idx += 7;
		return;
	}
	n = take(&id, s);
	assert_int_equal(n, 3);
	assert_int_equal(header(s)->type, VIRTIO_BLK_T_GET_ID);
	assert_int_equal(s[1].len, VIRTIO_BLK_ID_BYTES);
	memcpy((void *)(uintptr_t)s[1].addr,
	       "twenty bytes\x01\xff"
	       "abcdef",
	       20);
	answer(s, n, VIRTIO_BLK_S_OK);
	use(id, 21);
}

static int queue_enable(struct virtio_device *d, struct virtqueue *vq)
{
	(void)d;
	dev.vq = vq;
	vq->notify = notify;
	return 0;
}

static int start_interrupts(struct virtio_device *d)
{
	(void)d;
	return 0;
}

static const struct virtio_transport transport = {
    get_features, set_features, get_status,   set_status,	generation,
    config_read,  queue_max,	queue_enable, start_interrupts,
};

#define F(x) VIRTIO_BIT(VIRTIO_BLK_F_##x)
#define RING                                                                                       \
	(VIRTIO_BIT(VIRTIO_F_VERSION_1) | VIRTIO_BIT(VIRTIO_RING_F_EVENT_IDX) |                    \
	 VIRTIO_BIT(VIRTIO_RING_F_INDIRECT_DESC))
#define ALL                                                                                        \
	(RING | F(SIZE_MAX) | F(SEG_MAX) | F(GEOMETRY) | F(BLK_SIZE) | F(FLUSH) | F(TOPOLOGY) |    \
	 F(CONFIG_WCE) | F(DISCARD) | F(WRITE_ZEROES))

static void reset(void)
{
	memset(&dev, 0, sizeof dev);
	memset(requests, 0, sizeof requests);
	dev.d.transport = &transport;
	dev.d.id = VIRTIO_ID_BLOCK;
	dev.features = ALL;
	dev.max = 64;
	dev.config = (struct virtio_blk_config){.capacity = 1000000,
						.size_max = 8192,
						.seg_max = 5,
						.geometry = {10, 16, 63},
						.blk_size = 512,
						.physical_block_exp = 3,
						.min_io_size = 8,
						.opt_io_size = 128,
						.wce = 1,
						.max_discard_sectors = 100,
						.discard_sector_alignment = 16,
						.max_write_zeroes_sectors = 200,
						.write_zeroes_may_unmap = 1};
	registered = NULL;
	removed = false;
	new_size = 0;
	register_error = 0;
}

static struct virtio_blk *start(void)
{
	if (!virtio_found(&dev.d))
		return NULL;
	assert_non_null(registered);
	return registered->driver;
}

/* The device goes away, and all requests with it. */
static void stop(struct virtio_blk *b)
{
	virtio_break(&dev.d, "the test is over");
	assert_true(b->broken.armed);
	b->broken.func(&b->broken);
	assert_true(removed);
	virtqueue_free(&b->queue);
	free(b->slots);
	free(b);
}

static void interrupt(void)
{
	if (dev.d.interrupt && !dev.d.broken)
		dev.d.interrupt(&dev.d);
}

static struct test_request *submit(unsigned i, enum block_op op, uint64_t sector, uint64_t sectors)
{
	struct test_request *t = &requests[i];
	uint64_t left = op == BLOCK_READ || op == BLOCK_WRITE ? sectors * 512 : 0;
	unsigned n = 0;

	memset(t, 0, sizeof *t);
	t->pending = true;
	for (paddr_t at = (uintptr_t)memory; left; n++) {
		t->segment[n] = (struct block_segment){at, left < PAGE_SIZE ? (uint32_t)left
									    : (uint32_t)PAGE_SIZE};
		at += t->segment[n].len;
		left -= t->segment[n].len;
	}
	t->r = (struct block_request){
	    .op = op, .sector = sector, .sectors = sectors, .segments = t->segment, .nsegments = n};
	list_init(&t->r.link);
	registered->ops->submit(registered, &t->r);
	return t;
}

static void commit(void)
{
	registered->ops->commit(registered);
}
