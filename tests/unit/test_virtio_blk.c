/* unit: kernel/dev/virtio/virtqueue.c kernel/dev/virtio/virtio.c kernel/dev/virtio/blk.c */
/* The block driver against a device that keeps the rules, and against one that does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <asm/errno.h>
#include <cmocka.h>
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
static struct test_request {
	struct block_request r; /* first */
	struct block_segment segment[BLOCK_MAX_SEGMENTS];
	unsigned done;
	int error;
} requests[REQUESTS];

void block_done(struct block_device *d, struct block_request *r, int error)
{
	struct test_request *t = (void *)r;

	assert_ptr_equal(d, registered);
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
	for (paddr_t at = 0x100000; left; n++) {
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

/* ---- tests ---- */

static void test_configuration(void **state)
{
	(void)state;
	reset();
	struct virtio_blk *b = start();
	struct block_device *d = registered;

	assert_int_equal(d->sectors, 1000000);
	assert_int_equal(d->logical, 512);
	assert_int_equal(d->physical, 4096);
	assert_int_equal(d->io_min, 4096);
	assert_int_equal(d->io_opt, 65536);
	assert_int_equal(d->max_bytes, 5 * 8192);
	assert_true(d->flush && d->discard && d->write_zeroes && !d->readonly);
	assert_int_equal(d->max_discard_sectors, 100);
	assert_int_equal(d->discard_granularity, 8192);
	assert_int_equal(d->max_zeroes_sectors, 200);
	assert_int_equal(d->heads, 16);
	assert_string_equal(d->serial, "twenty bytes??abcdef");
	stop(b);

	reset();
	dev.features = RING | F(RO);
	dev.silent = true; /* a serial number that never comes is done without */
	b = start();
	assert_true(registered->readonly && !registered->flush && !registered->discard);
	assert_string_equal(registered->serial, "");
	assert_int_equal(registered->logical, 512);
	assert_int_equal(registered->max_bytes, UINT32_MAX & ~511u); /* one segment of any size */
	stop(b);

	reset();
	dev.config.wce = 0;
	b = start();
	assert_false(registered->flush);
	stop(b);
}

/* Numbers that make no sense are not taken. */
static void test_senseless_configuration(void **state)
{
	struct virtio_blk *b;

	(void)state;
	for (uint32_t size = 0; size < 20000; size += 511) {
		reset();
		dev.config.blk_size = size;
		dev.config.physical_block_exp = 200;
		dev.config.discard_sector_alignment = UINT32_MAX;
		dev.config.opt_io_size = UINT32_MAX;
		dev.config.seg_max = UINT32_MAX;
		b = start();
		assert_true(registered->logical == 512);
		assert_int_equal(registered->physical, 512);
		assert_int_equal(registered->io_opt, 0);
		assert_int_equal(registered->max_bytes, 18 * 8192);
		stop(b);
	}
	reset();
	dev.config.size_max = 511;
	assert_null(start());
	assert_true(dev.status & VIRTIO_CONFIG_S_FAILED);
	reset();
	dev.max = 2;
	assert_null(start());
	reset();
	dev.max = 0;
	assert_null(start());
	reset();
	dev.features &= ~VIRTIO_BIT(VIRTIO_F_VERSION_1);
	assert_null(start());
	reset();
	register_error = -ENOMEM;
	assert_null(start());
	reset();
	dev.lies = true;
	assert_null(start());
	reset();
	dev.changing = true; /* for ever */
	b = start();
	stop(b);
}

static void test_requests(void **state)
{
	struct vring_desc s[64];
	uint16_t id;

	(void)state;
	reset();
	struct virtio_blk *b = start();
	struct test_request *t = submit(0, BLOCK_READ, 77, 40);
	unsigned kicks = dev.kicks;

	commit();
	assert_int_equal(dev.kicks, kicks + 1);
	assert_int_equal(take(&id, s), 5); /* header, three of 8192 at the most, status */
	assert_int_equal(header(s)->type, VIRTIO_BLK_T_IN);
	assert_int_equal(header(s)->sector, 77);
	for (unsigned i = 1; i < 4; i++) {
		assert_true(s[i].flags & VRING_DESC_F_WRITE);
		assert_int_equal(s[i].addr, 0x100000 + (i - 1) * 8192);
		assert_int_equal(s[i].len, i < 3 ? 8192 : 4096);
	}
	answer(s, 5, VIRTIO_BLK_S_OK);
	use(id, 40 * 512 + 1);
	interrupt();
	assert_int_equal(t->done, 1);
	assert_int_equal(t->error, 0);

	t = submit(0, BLOCK_WRITE, 5, 1);
	assert_int_equal(take(&id, s), 3);
	assert_int_equal(header(s)->type, VIRTIO_BLK_T_OUT);
	assert_false(s[1].flags & VRING_DESC_F_WRITE);
	answer(s, 3, VIRTIO_BLK_S_IOERR);
	use(id, 1);
	interrupt();
	assert_int_equal(t->error, -EIO);

	t = submit(0, BLOCK_FLUSH, 0, 0);
	assert_int_equal(take(&id, s), 2);
	assert_int_equal(header(s)->type, VIRTIO_BLK_T_FLUSH);
	answer(s, 2, VIRTIO_BLK_S_UNSUPP);
	use(id, 1);
	interrupt();
	assert_int_equal(t->error, -EOPNOTSUPP);

	t = submit(0, BLOCK_WRITE_ZEROES, 1ull << 40, 8);
	t->r.unmap = true;
	assert_int_equal(take(&id, s), 3);
	assert_int_equal(header(s)->type, VIRTIO_BLK_T_WRITE_ZEROES);
	const struct virtio_blk_discard_write_zeroes *range = (void *)(uintptr_t)s[1].addr;

	assert_int_equal(s[1].len, 16);
	assert_int_equal(range->sector, 1ull << 40);
	assert_int_equal(range->num_sectors, 8);
	/* Says nothing: that is no success. */
	use(id, 0);
	interrupt();
	assert_int_equal(t->error, -EIO);
	t = submit(0, BLOCK_DISCARD, 1, 2);
	assert_int_equal(take(&id, s), 3);
	range = (void *)(uintptr_t)s[1].addr;
	assert_int_equal(range->flags, 0);
	answer(s, 3, 77);
	use(id, 1);
	interrupt();
	assert_int_equal(t->error, -EIO);
	assert_int_equal(b->queue.free, b->queue.size);
	stop(b);
}

/* More than the ring holds; answered in any order. */
static void test_full_ring(void **state)
{
	(void)state;
	for (unsigned variant = 0; variant < 4; variant++) {
		unsigned pending = 0, done = 0, most = 0;
		struct vring_desc s[REQUESTS][64];
		uint16_t ids[REQUESTS];
		unsigned ns[REQUESTS];

		reset();
		dev.max = variant & 1 ? 4 : 64;
		if (variant & 2)
			dev.features &= ~VIRTIO_BIT(VIRTIO_RING_F_INDIRECT_DESC);
		struct virtio_blk *b = start();
		uint64_t most_sectors = registered->max_bytes / 512;

		for (unsigned i = 0; i < REQUESTS; i++)
			submit(i, random() % 2 ? BLOCK_READ : BLOCK_WRITE, i,
			       1 + (uint64_t)random() % most_sectors);
		commit();
		while (done < REQUESTS) {
			while ((ns[pending] = take(&ids[pending], s[pending])) != 0)
				pending++;
			assert_int_not_equal(pending, 0);
			if (pending > most)
				most = pending;
			unsigned i = (unsigned)random() % pending;
			uint64_t which = header(s[i])->sector;

			answer(s[i], ns[i], which % 3 ? VIRTIO_BLK_S_OK : VIRTIO_BLK_S_IOERR);
			use(ids[i], 1);
			pending--;
			ids[i] = ids[pending];
			ns[i] = ns[pending];
			memcpy(s[i], s[pending], sizeof s[i]);
			if (random() % 3 == 0 || !pending)
				interrupt();
			done++;
		}
		interrupt();
		for (unsigned i = 0; i < REQUESTS; i++) {
			assert_int_equal(requests[i].done, 1);
			assert_int_equal(requests[i].error, i % 3 ? 0 : -EIO);
		}
		assert_true(list_empty(&b->waiting));
		assert_in_range(most, 1, dev.max);
		stop(b);
	}
}

/* Every lie ends in -EIO for all, once each, and no memory of ours is touched. */
static void test_lies(void **state)
{
	(void)state;
	for (unsigned lie = 0; lie < 6; lie++) {
		struct vring_desc s[64];
		uint16_t id;

		reset();
		struct virtio_blk *b = start();

		unsigned count = lie == 2 ? 1 : 100;

		for (unsigned i = 0; i < count; i++)
			submit(i, BLOCK_READ, i, 8);
		unsigned n = take(&id, s);

		answer(s, n, VIRTIO_BLK_S_OK);
		switch (lie) {
		case 0:
			use(id, 8 * 512 + 2); /* wrote more than there is room */
			break;
		case 1:
			use(5000, 1);
			break;
		case 2:
			use(id, 1);
			use(id, 1);
			break;
		case 3:
			dev.vq->used->idx = (uint16_t)(dev.vq->used->idx + 1000);
			break;
		case 4:
			use(UINT32_MAX, UINT32_MAX);
			break;
		default:
			dev.status |= VIRTIO_CONFIG_S_NEEDS_RESET;
			virtio_config_interrupt(&dev.d);
		}
		interrupt();
		assert_non_null(dev.d.broken);
		assert_int_equal(dev.status, 0);
		assert_true(b->broken.armed);
		b->broken.func(&b->broken);
		assert_true(removed);
		unsigned good = 0;

		for (unsigned i = 0; i < count; i++) {
			assert_int_equal(requests[i].done, 1);
			good += requests[i].error == 0;
			assert_true(requests[i].error == 0 || requests[i].error == -EIO);
		}
		assert_in_range(good, 0, 1);
		/* Who still asks is told. */
		assert_int_equal(submit(0, BLOCK_WRITE, 0, 1)->error, -EIO);
		virtqueue_free(&b->queue);
		free(b->slots);
		free(b);
	}
}

/* The serial number comes when nobody waits for it any more. */
static void test_late_serial(void **state)
{
	struct vring_desc s[64];
	uint16_t id;

	(void)state;
	reset();
	dev.silent = true;
	struct virtio_blk *b = start();
	struct test_request *t = submit(0, BLOCK_READ, 0, 1);
	unsigned n = take(&id, s);

	assert_int_equal(header(s)->type, VIRTIO_BLK_T_GET_ID);
	answer(s, n, VIRTIO_BLK_S_OK);
	use(id, 21);
	n = take(&id, s);
	answer(s, n, VIRTIO_BLK_S_OK);
	use(id, 513);
	interrupt();
	assert_int_equal(t->done, 1);
	assert_int_equal(t->error, 0);
	stop(b);
}

static void test_new_size(void **state)
{
	(void)state;
	reset();
	struct virtio_blk *b = start();

	dev.config.capacity = 2000000;
	virtio_config_interrupt(&dev.d);
	assert_int_equal(new_size, 2000000);
	stop(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_configuration), cmocka_unit_test(test_senseless_configuration),
	    cmocka_unit_test(test_requests),	  cmocka_unit_test(test_full_ring),
	    cmocka_unit_test(test_lies),	  cmocka_unit_test(test_late_serial),
	    cmocka_unit_test(test_new_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
