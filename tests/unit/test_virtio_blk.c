/* unit: kernel/dev/virtio/virtqueue.c kernel/dev/virtio/virtio.c kernel/arch/x86_64/emulated.c kernel/dev/virtio/blk.c */
/* The block driver against a device that keeps the rules, and against one that does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <asm/errno.h>
#include <cmocka.h>
#include "virtio_blk_device.h"

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
	silent = true; /* a serial number that never comes is done without */
	b = start();
	assert_true(registered->readonly && !registered->flush && !registered->discard);
	assert_string_equal(registered->serial, "");
	assert_int_equal(registered->logical, 512);
	assert_int_equal(registered->max_bytes, UINT32_MAX & ~511u); /* one segment of any size */
	stop(b);

	reset();
	config.wce = 0;
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
		config.blk_size = size;
		config.physical_block_exp = 200;
		config.discard_sector_alignment = UINT32_MAX;
		config.opt_io_size = UINT32_MAX;
		config.seg_max = UINT32_MAX;
		b = start();
		assert_true(registered->logical == 512);
		assert_int_equal(registered->physical, 512);
		assert_int_equal(registered->io_opt, 0);
		assert_int_equal(registered->max_bytes, 18 * 8192);
		stop(b);
	}
	reset();
	config.size_max = 511;
	assert_null(start());
	assert_true(dev.status & VIRTIO_CONFIG_S_FAILED);
	reset();
	dev.max[0] = 2;
	assert_null(start());
	reset();
	dev.max[0] = 0;
	assert_null(start());
	reset();
	dev.features &= ~VIRTIO_BIT(VIRTIO_F_VERSION_1);
	assert_null(start());
	reset();
	register_error = -ENOMEM;
	assert_null(start());
	reset();
	lies = true;
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
	unsigned kicks = dev.kicks[0];

	commit();
	assert_int_equal(dev.kicks[0], kicks + 1);
	assert_int_equal(take(&id, s), 5); /* header, three of 8192 at the most, status */
	assert_int_equal(header(s)->type, VIRTIO_BLK_T_IN);
	assert_int_equal(header(s)->sector, 77);
	for (unsigned i = 1; i < 4; i++) {
		assert_true(s[i].flags & VRING_DESC_F_WRITE);
		assert_int_equal(s[i].addr, (uintptr_t)memory + (i - 1) * 8192);
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
		dev.max[0] = variant & 1 ? 4 : 64;
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
		assert_in_range(most, 1, dev.max[0]);
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
			dev.queues[0].vq->used->idx =
			    (uint16_t)(dev.queues[0].vq->used->idx + 1000);
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
	silent = true;
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

	config.capacity = 2000000;
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
