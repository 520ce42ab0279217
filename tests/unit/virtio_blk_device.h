/*
 * A virtio block device in memory, and what stands in for the kernel around its driver: for
 * test_virtio_blk.c and tests/fuzz/fuzz_virtio_blk.c, which bring the assert_* of cmocka or their
 * own.
 */
#pragma once
#include <asm/errno.h>
#include "dev/virtio/blk.h"
#include "time/clock.h"
#include "virtio_device.h"

/* ---- what stands in for the kernel ---- */

const struct virtio_driver virtio_net_driver = {VIRTIO_ID_NET, NULL};
const struct virtio_driver virtio_rng_driver = {VIRTIO_ID_RNG, NULL};

static uint64_t now;

uint64_t clock_monotonic(void)
{
	return now += 1000000;
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

static struct virtio_blk_config config;
static bool silent; /* says no serial number */
static bool lies;   /* at the first request already */

static void use(uint32_t id, uint32_t len)
{
	device_use(&dev.queues[0], id, len);
}

/* The next request: its segments and their number. 0: there is none. */
static unsigned take(uint16_t *id, struct vring_desc s[64])
{
	struct device_queue *q = &dev.queues[0];
	unsigned n = device_take(q, id, s);

	if (n)
		device_wants(q, q->seen);
	return n;
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

/* A driver that is being set up asks for the serial number. */
static void say_serial(void)
{
	struct vring_desc s[64];
	uint16_t id;
	unsigned n;

	if (registered || silent)
		return;
	if (lies) {
		dev.queues[0].vq->used->idx += 7;
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

#define F(x) VIRTIO_BIT(VIRTIO_BLK_F_##x)
#define RING                                                                                       \
	(VIRTIO_BIT(VIRTIO_F_VERSION_1) | VIRTIO_BIT(VIRTIO_RING_F_EVENT_IDX) |                    \
	 VIRTIO_BIT(VIRTIO_RING_F_INDIRECT_DESC))
#define ALL                                                                                        \
	(RING | F(SIZE_MAX) | F(SEG_MAX) | F(GEOMETRY) | F(BLK_SIZE) | F(FLUSH) | F(TOPOLOGY) |    \
	 F(CONFIG_WCE) | F(DISCARD) | F(WRITE_ZEROES))

static void reset(void)
{
	memset(requests, 0, sizeof requests);
	config = (struct virtio_blk_config){.capacity = 1000000,
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
	device_reset(VIRTIO_ID_BLOCK, ALL, &config, sizeof config);
	dev.max[0] = 64;
	dev.kicked = say_serial;
	silent = lies = false;
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
	run_timer(&b->broken);
	assert_true(removed);
	virtqueue_free(&b->queue);
	free(b->slots);
	free(b);
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
