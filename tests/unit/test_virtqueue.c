/* unit: kernel/dev/virtio/virtqueue.c */
/* Virtqueues against an honest device, and against one that writes what it likes into its part of
 * the ring. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <asm/errno.h>
#include <cmocka.h>
#include "page_fake.h"
#include "virtqueue_fake.h"

static unsigned notified, broken;

static void count_notify(struct virtqueue *vq)
{
	(void)vq;
	notified++;
}

static void count_broken(struct virtqueue *vq)
{
	(void)vq;
	broken++;
}

static struct virtqueue *make(unsigned size, bool event_idx, bool indirect)
{
	struct virtqueue *vq = calloc(1, sizeof *vq);

	assert_int_equal(virtqueue_init(vq, size, event_idx, indirect), 0);
	vq->notify = count_notify;
	vq->on_broken = count_broken;
	notified = broken = 0;
	return vq;
}

static void destroy(struct virtqueue *vq)
{
	virtqueue_free(vq);
	free(vq);
}

static void test_sizes(void **state)
{
	struct virtqueue vq;

	(void)state;
	assert_int_equal(virtqueue_init(&vq, 0, true, true), -EINVAL);
	assert_int_equal(virtqueue_init(&vq, 3, true, true), -EINVAL);
	assert_int_equal(virtqueue_init(&vq, VIRTQUEUE_MAX_SIZE * 2, true, true), -EINVAL);
	for (unsigned size = 1; size <= VIRTQUEUE_MAX_SIZE; size *= 2) {
		assert_int_equal(virtqueue_init(&vq, size, true, true), 0);
		/* The last bytes of either ring lie inside (ASan). */
		vq.avail->ring[size] = 1;
		*(volatile uint16_t *)&vq.used->ring[size] = 1;
		assert_int_equal((uintptr_t)vq.used % VRING_USED_ALIGN_SIZE, 0);
		assert_int_equal((uintptr_t)vq.desc % VRING_DESC_ALIGN_SIZE, 0);
		virtqueue_free(&vq);
	}
}

static void test_segments_arrive(void **state)
{
	(void)state;
	for (unsigned indirect = 0; indirect < 2; indirect++) {
		struct virtqueue *vq = make(16, true, indirect);
		struct device_queue d = {vq, 0};
		struct vring_desc got[64];
		struct vq_segment s[8];
		uint16_t id;

		for (unsigned n = 1; n <= 8; n++)
			for (unsigned out = 0; out <= n; out++) {
				uint32_t len;

				for (unsigned i = 0; i < n; i++)
					s[i] = (struct vq_segment){0x1000 * i + n, 10 + i};
				assert_int_equal(virtqueue_add(vq, s, out, n - out, s), 0);
				assert_int_equal(device_take(&d, &id, got), n);
				for (unsigned i = 0; i < n; i++) {
					assert_int_equal(got[i].addr, s[i].addr);
					assert_int_equal(got[i].len, s[i].len);
					assert_int_equal(!!(got[i].flags & VRING_DESC_F_WRITE),
							 i >= out);
				}
				assert_null(virtqueue_get(vq, &len));
				device_use(&d, id, 0);
				assert_true(virtqueue_more(vq));
				assert_ptr_equal(virtqueue_get(vq, &len), s);
				assert_false(virtqueue_more(vq));
				assert_int_equal(vq->free, 16);
			}
		assert_null(vq->broken);
		destroy(vq);
	}
}

/* Random numbers of segments, finished in random order, past the wrap of all indices. */
static void test_random_order(void **state)
{
	(void)state;
	for (unsigned indirect = 0; indirect < 2; indirect++) {
		struct virtqueue *vq = make(32, true, indirect);
		struct device_queue d = {vq, 0};
		bool used[64] = {0}; /* tokens */
		uint16_t ids[32];
		unsigned held = 0, inside = 0;

		for (unsigned round = 0; round < 300000; round++) {
			struct vring_desc got[64];
			uint32_t len;

			if (rand() % 2) {
				unsigned out = (unsigned)rand() % 4, in = (unsigned)rand() % 4, t;
				struct vq_segment s[8];

				for (t = 0; used[t]; t++)
					;
				for (unsigned i = 0; i < out + in; i++)
					s[i] = (struct vq_segment){t + 1, (uint32_t)rand() % 100};
				if (out + in == 1
					? !virtqueue_add_one(vq, s[0].addr, s[0].len, in, &used[t])
					: out + in && !virtqueue_add(vq, s, out, in, &used[t])) {
					used[t] = true;
					inside++;
				}
			} else if (held && rand() % 2) {
				unsigned i = (unsigned)rand() % held;
				bool *token;

				device_use(&d, ids[i], 0);
				ids[i] = ids[--held];
				token = virtqueue_get(vq, &len);
				assert_non_null(token);
				assert_true(*token);
				*token = false;
				inside--;
			} else if (device_take(&d, &ids[held], got)) {
				held++;
			}
			assert_int_equal(virtqueue_pending(vq), inside);
		}
		assert_null(vq->broken);
		destroy(vq);
	}
}

static void test_full(void **state)
{
	struct virtqueue *vq = make(4, false, false);
	struct vq_segment s[5] = {{1, 1}, {2, 1}, {3, 1}, {4, 1}, {5, 1}};

	(void)state;
	assert_int_equal(virtqueue_add(vq, s, 5, 0, s), -ENOSPC);
	assert_int_equal(virtqueue_add(vq, s, 0, 0, s), -ENOSPC);
	assert_int_equal(virtqueue_add(vq, s, 3, 0, s), 0);
	assert_int_equal(virtqueue_add(vq, s, 2, 0, s), -ENOSPC);
	assert_int_equal(virtqueue_add(vq, s, 1, 0, s), 0);
	assert_int_equal(virtqueue_add(vq, s, 1, 0, s), -ENOSPC);
	assert_ptr_equal(virtqueue_detach(vq), s);
	assert_ptr_equal(virtqueue_detach(vq), s);
	assert_null(virtqueue_detach(vq));
	destroy(vq);
	/* A table needs one place only. */
	vq = make(4, false, true);
	for (int i = 0; i < 4; i++)
		assert_int_equal(virtqueue_add(vq, s, 3, 2, s), 0);
	assert_int_equal(virtqueue_add(vq, s, 3, 2, s), -ENOSPC);
	destroy(vq);
}

/* Section 2.7.10: the device is told when it asked for it, and once. */
static void test_notification(void **state)
{
	struct virtqueue *vq = make(8, true, false);
	uint16_t *avail_event = (void *)&vq->used->ring[8];
	struct vq_segment s = {1, 1};

	(void)state;
	virtqueue_kick(vq); /* nothing new */
	assert_int_equal(notified, 0);
	virtqueue_add(vq, &s, 1, 0, vq);
	virtqueue_kick(vq);
	assert_int_equal(notified, 1);
	virtqueue_kick(vq);
	assert_int_equal(notified, 1);
	virtqueue_add(vq, &s, 1, 0, vq);
	virtqueue_kick(vq); /* avail_event is behind */
	assert_int_equal(notified, 1);
	*avail_event = 4;
	virtqueue_add(vq, &s, 1, 0, vq);
	virtqueue_add(vq, &s, 1, 0, vq);
	virtqueue_kick(vq);
	assert_int_equal(notified, 1);
	virtqueue_add(vq, &s, 1, 0, vq);
	virtqueue_add(vq, &s, 1, 0, vq);
	virtqueue_kick(vq); /* passes entry 4 */
	assert_int_equal(notified, 2);
	destroy(vq);

	vq = make(8, false, false);
	virtqueue_add(vq, &s, 1, 0, vq);
	virtqueue_kick(vq);
	assert_int_equal(notified, 1);
	vq->used->flags = VRING_USED_F_NO_NOTIFY;
	virtqueue_add(vq, &s, 1, 0, vq);
	virtqueue_kick(vq);
	assert_int_equal(notified, 1);
	destroy(vq);
}

/* Would the device interrupt, going from old to its present used index? */
static bool interrupts(struct virtqueue *vq, uint16_t old)
{
	return vring_need_event(vq->avail->ring[vq->size], vq->used->idx, old);
}

static void test_interrupts(void **state)
{
	struct virtqueue *vq = make(8, true, false);
	struct device_queue d = {vq, 0};
	struct vring_desc got[8];
	struct vq_segment s = {1, 1};
	uint16_t id;

	(void)state;
	for (int i = 0; i < 70000; i++) {
		bool wanted = rand() % 2, late = rand() % 2;

		for (int k = 0; k < 8; k++)
			assert_int_equal(virtqueue_add(vq, &s, 0, 1, vq), 0);
		if (wanted)
			assert_false(late ? virtqueue_enable_interrupts_late(vq)
					  : virtqueue_enable_interrupts(vq));
		else
			virtqueue_disable_interrupts(vq);
		for (int k = 0; k < 8; k++) {
			uint16_t old = vq->used->idx;

			assert_int_equal(device_take(&d, &id, got), 1);
			device_use(&d, id, 1);
			assert_int_equal(interrupts(vq, old), wanted && k == (late ? 6 : 0));
		}
		assert_true(virtqueue_enable_interrupts(vq));
		assert_true(virtqueue_enable_interrupts_late(vq));
		while (virtqueue_get(vq, NULL))
			;
	}
	destroy(vq);
}

static struct virtqueue *with_one(struct device_queue *d, unsigned writable)
{
	struct virtqueue *vq = make(4, true, true);
	struct vq_segment s = {1, writable};

	*d = (struct device_queue){vq, 0};
	assert_int_equal(virtqueue_add(vq, &s, 0, 1, d), 0);
	return vq;
}

static void expect_broken(struct virtqueue *vq)
{
	struct vq_segment s = {1, 1};

	assert_null(virtqueue_get(vq, NULL));
	assert_non_null(vq->broken);
	assert_int_equal(broken, 1);
	assert_null(virtqueue_get(vq, NULL));
	assert_false(virtqueue_more(vq));
	assert_int_equal(broken, 1);
	assert_int_equal(virtqueue_add(vq, &s, 1, 0, vq), -EIO);
	notified = 0;
	virtqueue_kick(vq);
	assert_int_equal(notified, 0);
	assert_non_null(virtqueue_detach(vq)); /* what it has comes back in another way */
	assert_null(virtqueue_detach(vq));
	destroy(vq);
}

static void test_lies(void **state)
{
	struct virtqueue *vq;
	struct device_queue d;

	(void)state;
	vq = with_one(&d, 10);
	assert_int_equal(virtqueue_add_one(vq, 1, 5, true, vq), 0);
	device_use(&d, 1, 6);
	assert_null(virtqueue_get(vq, NULL));
	assert_non_null(vq->broken);
	assert_int_equal(virtqueue_add_one(vq, 1, 5, true, vq), -EIO);
	destroy(vq);
	vq = with_one(&d, 10);
	device_use(&d, 4, 1); /* no such descriptor */
	expect_broken(vq);
	vq = with_one(&d, 10);
	device_use(&d, UINT32_MAX, 1);
	expect_broken(vq);
	vq = with_one(&d, 10);
	device_use(&d, 1, 1); /* there is, but it has it not */
	expect_broken(vq);
	vq = with_one(&d, 10);
	device_use(&d, 0, 11); /* more than there was room for */
	expect_broken(vq);
	vq = with_one(&d, 10);
	vq->used->idx += 2; /* more buffers than it has */
	expect_broken(vq);
	vq = with_one(&d, 10);
	vq->used->idx--;
	expect_broken(vq);
}

/* A buffer that is only read has no length; some devices report one. */
static void test_length_of_read_only(void **state)
{
	struct virtqueue *vq = make(4, true, true);
	struct device_queue d = {vq, 0};
	struct vq_segment s = {1, 10};
	uint32_t len = 77;

	(void)state;
	virtqueue_add(vq, &s, 1, 0, vq);
	device_use(&d, 0, 10);
	assert_ptr_equal(virtqueue_get(vq, &len), vq);
	assert_int_equal(len, 0);
	destroy(vq);
}

static void test_used_twice(void **state)
{
	struct vq_segment s = {1, 10};
	struct virtqueue *vq;
	struct device_queue d;

	(void)state;
	vq = with_one(&d, 10);
	virtqueue_add(vq, &s, 0, 1, vq);
	device_use(&d, 0, 1);
	device_use(&d, 0, 1);
	assert_ptr_equal(virtqueue_get(vq, NULL), &d);
	expect_broken(vq);
}

/* All that the device may write, random: nothing but broken queues and tokens that were added. */
static void test_random_device(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 20000; round++) {
		struct virtqueue *vq = make(8, rand() % 2, rand() % 2);
		struct device_queue d = {vq, 0};
		bool inside[16] = {0};

		for (unsigned step = 0; step < 60; step++) {
			unsigned t = (unsigned)rand() % 16, n = (unsigned)rand() % 5;
			struct vq_segment s[5] = {{1, 5}, {2, 5}, {3, 5}, {4, 5}, {5, 5}};
			uint8_t *desc = (void *)vq->desc;
			bool *token;
			uint32_t len = 0;

			switch (rand() % 6) {
			case 0: /* descriptors are not ours to trust either */
				desc[(size_t)rand() % (8 * sizeof *vq->desc)] = (uint8_t)rand();
				break;
			case 1:
				device_use(&d, (uint32_t)rand() % 9, (uint32_t)rand() % 30);
				break;
			case 2:
				((uint8_t *)vq->used)[rand() % 70] = (uint8_t)rand();
				break;
			case 3:
				if (!inside[t] &&
				    !virtqueue_add(vq, s, n, (unsigned)rand() % 2, &inside[t]))
					inside[t] = true;
				break;
			case 4:
				token = virtqueue_get(vq, &len);
				if (token) {
					assert_true(*token);
					assert_in_range(len, 0, 5);
					*token = false;
				}
				break;
			case 5:
				virtqueue_kick(vq);
				virtqueue_enable_interrupts(vq);
				break;
			}
		}
		for (bool *token; (token = virtqueue_detach(vq));) {
			assert_true(*token);
			*token = false;
		}
		for (unsigned t = 0; t < 16; t++)
			assert_false(inside[t]);
		assert_int_equal(vq->free, vq->size);
		destroy(vq);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_sizes),	 cmocka_unit_test(test_segments_arrive),
	    cmocka_unit_test(test_random_order), cmocka_unit_test(test_full),
	    cmocka_unit_test(test_notification), cmocka_unit_test(test_interrupts),
	    cmocka_unit_test(test_lies),	 cmocka_unit_test(test_length_of_read_only),
	    cmocka_unit_test(test_used_twice),	 cmocka_unit_test(test_random_device),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
