/* unit: kernel/dev/xen/blkfront.c kernel/dev/xen/blkfront_queue.c kernel/dev/xen/blkfront_ring.c kernel/dev/xen/blkfront_pool.c kernel/dev/xen/blkfront_name.c */
/* The block frontend against a backend that keeps the rules, and against one that does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <asm/errno.h>
#include <cmocka.h>
#include "blkfront_backend.h"

/* A request with memory of its own, of pages that start and end anywhere in theirs. */
struct test_request {
	struct block_request r;
	struct block_segment segments[BLOCK_MAX_SEGMENTS];
	uint8_t *memory;
	bool done;
	int error;
	unsigned number;
};

static unsigned finished;

static void on_done(struct block_request *r, int error)
{
	struct test_request *t = r->owner;

	assert_false(t->done);
	t->done = true;
	t->error = error;
	t->number = ++finished;
}

/* n bytes; the first segment begins at byte `skip` of its page. */
static struct test_request *make(enum block_op op, uint64_t sector, uint32_t n, uint32_t skip)
{
	struct test_request *t = calloc(1, sizeof *t);
	uint32_t at = 0;

	t->r.op = op;
	t->r.sector = sector;
	t->r.sectors = n / 512;
	t->r.done = on_done;
	t->r.owner = t;
	t->r.segments = t->segments;
	t->memory = aligned_alloc(PAGE_SIZE, page_align_up(n + skip + 1));
	for (; at < n && (op == BLOCK_READ || op == BLOCK_WRITE); t->r.nsegments++) {
		uint32_t len = (uint32_t)(PAGE_SIZE - (at + skip) % PAGE_SIZE);

		if (len > n - at)
			len = n - at;
		assert_in_range(t->r.nsegments, 0, BLOCK_MAX_SEGMENTS - 1);
		t->segments[t->r.nsegments] =
		    (struct block_segment){(paddr_t)t->memory + skip + at, len};
		at += len;
	}
	return t;
}

static uint8_t pattern(uint64_t byte, uint8_t seed)
{
	return (uint8_t)(byte + byte / 251 + seed);
}

static struct test_request *submit(struct test_request *t)
{
	be.disk->ops->submit(be.disk, &t->r);
	return t;
}

static struct test_request *write_at(uint64_t sector, uint32_t n, uint32_t skip, uint8_t seed)
{
	struct test_request *t = make(BLOCK_WRITE, sector, n, skip);

	for (uint32_t i = 0; i < n; i++)
		t->memory[skip + i] = pattern(sector * 512 + i, seed);
	return submit(t);
}

static struct test_request *read_at(uint64_t sector, uint32_t n, uint32_t skip)
{
	return submit(make(BLOCK_READ, sector, n, skip));
}

static struct test_request *flush(void)
{
	return submit(make(BLOCK_FLUSH, 0, 0, 0));
}

static void release(struct test_request *t)
{
	free(t->memory);
	free(t);
}

static void expect(struct test_request *t, int error)
{
	assert_true(t->done);
	assert_int_equal(t->error, error);
	release(t);
}

/* Reads and compares. */
static void expect_data(uint64_t sector, uint32_t n, uint32_t skip, uint8_t seed)
{
	struct test_request *t = read_at(sector, n, skip);

	backend_run(true);
	assert_true(t->done);
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(t->memory[skip + i], pattern(sector * 512 + i, seed));
	expect(t, 0);
}

static void test_names(void **state)
{
	static const struct {
		uint32_t vdev;
		const char *name;
		unsigned minor;
	} good[] = {
	    {51712, "xvda", 0},
	    {51713, "xvda1", 1},
	    {51728, "xvdb", 16},
	    {51967, "xvdp15", 255},
	    {1u << 28 | 16 << 8, "xvdq", 4096},
	    {1u << 28 | 16 << 8 | 3, "xvdq3", 4099},
	    {1u << 28 | 26 << 8, "xvdaa", 26 * 256},
	    {1u << 28 | 701 << 8, "xvdzz", 701 * 256},
	    {1u << 28 | 702 << 8, "xvdaaa", 702 * 256},
	    {768, "xvda", 0},	    /* hda */
	    {769, "xvda", 0},	    /* hda1 */
	    {832, "xvdb", 16},	    /* hdb */
	    {5632, "xvdc", 32},	    /* hdc */
	    {5696, "xvdd", 48},	    /* hdd */
	    {2048, "xvda", 0},	    /* sda */
	    {2065, "xvdb1", 17},    /* sdb1 */
	    {65 << 8, "xvdq", 256}, /* sdq */
	    {128 << 8, "xvddy", 2048},
	    {135 << 8 | 255, "xvdiv15", 4095},
	};
	char name[16];
	unsigned minor;

	(void)state;
	for (unsigned i = 0; i < sizeof good / sizeof good[0]; i++) {
		assert_int_equal(blkfront_name(good[i].vdev, name, &minor), 0);
		assert_string_equal(name, good[i].name);
		assert_int_equal(minor, good[i].minor);
	}
	assert_int_equal(blkfront_name(0, name, &minor), -ENODEV);
	assert_int_equal(blkfront_name(896, name, &minor), -ENODEV);
	assert_int_equal(blkfront_name(1 << 16, name, &minor), -ENODEV);
	assert_int_equal(blkfront_name(1u << 29, name, &minor), -ENODEV);
	assert_int_equal(blkfront_name(1u << 28 | 1u << 20, name, &minor), -ENODEV);
	assert_int_equal(blkfront_name(UINT32_MAX, name, &minor), -ENODEV);
}

static void test_connect(void **state)
{
	(void)state;
	backend_init();
	offer("sector-size", "4096");
	offer("sectors", "16385");
	offer("info", "6");
	offer("discard-granularity", "65536");
	start();
	assert_string_equal(node(FRONTEND, "ring-page-order"), "2");
	assert_string_equal(node(FRONTEND, "num-ring-pages"), "4");
	assert_null(node(FRONTEND, "ring-ref"));
	assert_string_equal(node(FRONTEND, "protocol"), "x86_64-abi");
	assert_string_equal(node(FRONTEND, "event-channel"), "7");
	assert_string_equal(node(FRONTEND, "feature-persistent"), "1");
	assert_string_equal(be.disk->name, "xvda");
	assert_int_equal(be.disk->major, 202);
	assert_int_equal(be.disk->logical, 4096);
	assert_int_equal(be.disk->physical, 4096);
	assert_int_equal(be.disk->sectors, 16384);
	assert_int_equal(be.disk->discard_granularity, 65536);
	assert_true(be.disk->readonly && be.disk->removable && be.disk->flush && be.disk->discard);
	/* A new size, a bad one. */
	offer("sectors", "800");
	be.driver->changed(&device);
	assert_int_equal(be.disk->sectors, 800);
	offer("sectors", "18446744073709551615");
	be.driver->changed(&device);
	offer("sectors", NULL);
	be.driver->changed(&device);
	assert_int_equal(be.disk->sectors, 800);
	/* The next backend is older, and the disk grew. */
	backend_disconnect();
	assert_int_equal(ports_open(), 0);
	assert_int_equal(grants_reserved(), 0);
	offer("max-ring-page-order", NULL);
	offer("feature-flush-cache", NULL);
	offer("feature-barrier", NULL);
	offer("feature-discard", NULL);
	offer("sectors", "1600");
	offer("info", "0");
	assert_int_equal(backend_connect(), 0);
	assert_null(node(FRONTEND, "ring-page-order"));
	assert_null(node(FRONTEND, "num-ring-pages"));
	assert_non_null(node(FRONTEND, "ring-ref"));
	assert_int_equal(be.disk->sectors, 1600);
	assert_false(be.disk->readonly || be.disk->flush || be.disk->discard);
	/* The other way to offer several pages. */
	backend_disconnect();
	offer("max-ring-pages", "2");
	assert_int_equal(backend_connect(), 0);
	assert_string_equal(node(FRONTEND, "ring-page-order"), "1");
	/* Sectors of another size: files are open that know the old one. */
	backend_disconnect();
	offer("sector-size", "512");
	assert_int_equal(backend_connect(), -ENODEV);
	stop();
	assert_int_equal(grants_reserved(), 0);
	assert_int_equal(live_pages, 0);
}

static void refuse(const char *name, const char *value)
{
	backend_init();
	offer(name, value);
	assert_int_equal(be.driver->probe(&device), 0);
	assert_int_not_equal(backend_connect(), 0);
	backend_disconnect();
	assert_null(be.disk);
	be.driver->removed(&device);
	assert_int_equal(grants_reserved(), 0);
	assert_int_equal(live_pages, 0);
}

static void test_refused(void **state)
{
	(void)state;
	refuse("sectors", NULL);
	refuse("sectors", "-1");
	refuse("sectors", "18446744073709551615");
	refuse("sectors", "36028797018963968");
	refuse("sector-size", "0");
	refuse("sector-size", "1024");
	refuse("sector-size", "2147483648");
	refuse("info", "1");
	backend_init();
	set_node(FRONTEND, "device-type", "cdrom");
	assert_int_equal(be.driver->probe(&device), -ENODEV);
	backend_init();
	set_node(FRONTEND, "virtual-device", "5");
	assert_int_equal(be.driver->probe(&device), -ENODEV);
	/* No memory at all. */
	backend_init();
	assert_int_equal(be.driver->probe(&device), 0);
	for (page_limit = 0; page_limit < 5; page_limit++)
		assert_int_equal(backend_connect(), -ENOMEM);
	assert_int_equal(live_pages, 0);
	assert_int_equal(backend_connect(), 0);
	stop();
	assert_int_equal(live_pages, 0);
}

static void test_data(void **state)
{
	static const uint32_t sizes[] = {512, 1024, 4096, 4608, 45056, 45568, 262144, 520192};

	(void)state;
	for (unsigned indirect = 0; indirect < 3; indirect++) {
		backend_init();
		offer("feature-max-indirect-segments", indirect == 0   ? NULL
						       : indirect == 1 ? "16"
								       : "256");
		start();
		for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
			for (uint32_t skip = 0; skip < 4096; skip += 1536) {
				struct test_request *t =
				    write_at(3 + i, sizes[i], skip, (uint8_t)skip);

				assert_false(t->done);
				backend_run(false);
				expect(t, 0);
				expect_data(3 + i, sizes[i], 3584 - skip, (uint8_t)skip);
			}
		}
		assert_int_equal(be.indirect != 0, indirect != 0);
		assert_int_equal(failures, 0);
		stop();
		assert_int_equal(grants_reserved(), 0);
		assert_int_equal(live_pages, 0);
	}
}

/* Whole sectors in every segment, however the memory lies. */
static void test_large_sectors(void **state)
{
	struct test_request *t;

	(void)state;
	backend_init();
	offer("sector-size", "4096");
	be.logical = 4096;
	start();
	t = write_at(8, 65536, 512, 1);
	backend_run(false);
	expect(t, 0);
	expect_data(8, 65536, 3584, 1);
	stop();
}

/* More than the ring and the pool hold: all get through, the backend being told seldom. */
static void test_many(void **state)
{
	struct test_request *t[400];

	(void)state;
	backend_init();
	start();
	for (unsigned round = 0; round < 2; round++) {
		ports[be.port].notified = 0;
		for (unsigned i = 0; i < 400; i++)
			t[i] = write_at(i * 8, 4096, 0, 9);
		assert_int_equal(ports[be.port].notified, 0);
		be.disk->ops->commit(be.disk);
		be.disk->ops->commit(be.disk);
		assert_int_equal(ports[be.port].notified, 1);
		assert_int_equal(backend_run(round), 400);
		assert_int_equal(ports[be.port].notified, 1);
		for (unsigned i = 0; i < 400; i++)
			expect(t[i], 0);
		expect_data(0, 400 * 8 * 128, 0, 9);
	}
	/* Large ones: 512 pages are what the pool may have here. */
	for (unsigned i = 0; i < 12; i++)
		t[i] = write_at(i * 1000, 500 * 1024, 512, 3);
	assert_in_range(live_pages, 400, 516);
	backend_run(false);
	for (unsigned i = 0; i < 12; i++)
		expect(t[i], 0);
	for (unsigned i = 0; i < 12; i++)
		expect_data(i * 1000, 500 * 1024, 0, 3);
	/* No page left but the one that the frontend has had from the start. */
	backend_disconnect();
	stop();
	backend_init();
	page_limit = 5;
	start();
	t[0] = write_at(1, 60 * 1024, 512, 7);
	t[1] = flush();
	assert_int_equal(backend_run(false), 16);
	expect(t[0], 0);
	expect(t[1], 0);
	page_limit = 6;
	expect_data(1, 60 * 1024, 0, 7);
	page_limit = 8;
	expect_data(1, 60 * 1024, 0, 7);
	assert_int_equal(failures, 0);
	stop();
}

static void test_flush(void **state)
{
	struct test_request *t;

	(void)state;
	backend_init();
	start();
	t = flush();
	backend_run(false);
	expect(t, 0);
	assert_int_equal(be.flushes, 1);
	/* The backend's disk has no such command; barriers it may have. */
	be.status = BLKIF_RSP_EOPNOTSUPP;
	t = flush();
	backend_run(false);
	assert_int_equal(be.flushes, 2);
	assert_int_equal(be.barriers, 1);
	expect(t, -EOPNOTSUPP);
	assert_false(be.disk->flush);
	t = flush();
	expect(t, -EOPNOTSUPP);
	t = read_at(0, 512, 0);
	backend_run(false);
	expect(t, -EIO);
	t = submit(make(BLOCK_DISCARD, 0, 4096, 0));
	backend_run(false);
	expect(t, -EOPNOTSUPP);
	assert_false(be.disk->discard);
	expect(submit(make(BLOCK_DISCARD, 0, 4096, 0)), -EOPNOTSUPP);
	expect(submit(make(BLOCK_WRITE_ZEROES, 0, 4096, 0)), -EOPNOTSUPP);
	stop();

	backend_init();
	offer("feature-flush-cache", "0");
	start();
	t = flush();
	backend_run(false);
	expect(t, 0);
	assert_int_equal(be.barriers, 1);
	memset(disk_data, 1, 8192);
	t = submit(make(BLOCK_DISCARD, 8, 4096, 0));
	backend_run(false);
	expect(t, 0);
	assert_int_equal(disk_data[4095], 1);
	assert_int_equal(disk_data[4096], 0);
	be.status = BLKIF_RSP_ERROR;
	t = flush();
	backend_run(false);
	expect(t, -EIO);
	stop();
}

/* One entry of a request fails: the request does, and what follows does not. */
static void test_errors(void **state)
{
	struct test_request *t, *next;
	uint64_t id;
	uint8_t op;

	(void)state;
	backend_init();
	offer("feature-max-indirect-segments", NULL);
	offer("max-ring-page-order", NULL);
	page_limit = 2 + 11;
	start();
	t = write_at(0, 128 * 4096, 0, 1);
	next = write_at(2000, 512, 0, 2);
	assert_true(backend_take(&id, &op));
	backend_answer(id, op, 77);
	event(be.port);
	backend_run(false);
	assert_int_equal(be.requests, 2);
	expect(t, -EIO);
	expect(next, 0);
	stop();
}

/* The backend goes away in the middle. What it has not answered comes again, before what is new. */
static void test_reconnect(void **state)
{
	struct test_request *t[200], *big, *part, *f;
	uint64_t id;
	uint8_t op;

	(void)state;
	backend_init();
	start();
	finished = 0;
	t[0] = write_at(0, 4096, 0, 1);
	big = write_at(100, 500 * 1024, 512, 2);
	f = flush();
	for (unsigned i = 1; i < 200; i++)
		t[i] = write_at(2000 + i * 8, 4096, 0, 3);
	for (unsigned i = 0; i < 5; i++)
		assert_true(backend_take(&id, &op));
	backend_answer(id, op, 0); /* t[2] */
	event(be.port);
	assert_int_equal(finished, 1);
	expect(t[2], 0);
	backend_disconnect();
	memset(disk_data, 0, sizeof disk_data);
	part = write_at(9000, 512, 0, 4);
	be.disk->ops->commit(be.disk);
	assert_int_equal(finished, 1);
	assert_int_equal(grants_reserved(), 0);
	/* One without all the features. */
	offer("feature-max-indirect-segments", NULL);
	offer("max-ring-page-order", NULL);
	be.requests = be.flushes = ports[be.port].notified = 0;
	assert_int_equal(backend_connect(), 0);
	assert_int_equal(ports[be.port].notified, 1);
	assert_int_equal(finished, 1);
	backend_run(false);
	assert_int_equal(be.flushes, 1);
	assert_int_equal(be.indirect, 1);
	assert_int_equal(t[0]->number, 2);
	assert_int_equal(big->number, 3);
	assert_int_equal(f->number, 4);
	assert_int_equal(t[1]->number, 5);
	assert_int_equal(t[3]->number, 6);
	assert_int_equal(part->number, 203);
	for (unsigned i = 0; i < 200; i++)
		if (i != 2)
			expect(t[i], 0);
	expect(big, 0);
	expect(part, 0);
	expect(f, 0);
	expect_data(100, 500 * 1024, 0, 2);
	expect_data(9000, 512, 0, 4);

	/* A request that is answered in part comes again as a whole; one that failed in part does
	 * not. */
	t[0] = write_at(0, 100 * 1024, 0, 5);
	assert_true(backend_take(&id, &op));
	backend_answer(id, op, 0);
	t[1] = write_at(500, 100 * 1024, 0, 6);
	while (backend_take(&id, &op))
		;
	backend_answer(id, op, -1);
	event(be.port);
	assert_false(t[0]->done || t[1]->done);
	backend_disconnect();
	expect(t[1], -EIO);
	memset(disk_data, 0, sizeof disk_data);
	assert_int_equal(backend_connect(), 0);
	backend_run(true);
	expect(t[0], 0);
	expect_data(0, 100 * 1024, 0, 5);

	/* Its driver is replaced unseen: answers whose event was lost are found, and the new one is
	 * told of the requests. */
	t[0] = read_at(0, 4096, 0);
	assert_true(backend_take(&id, &op));
	backend_answer(id, op, 0);
	t[1] = read_at(0, 4096, 0);
	ports[be.port].notified = 0;
	be.driver->changed(&device);
	expect(t[0], 0);
	assert_true(ports[be.port].notified > 0);
	backend_run(false);
	expect(t[1], 0);

	/* Detached for good. */
	t[0] = read_at(0, 4096, 0);
	backend_disconnect();
	t[1] = read_at(0, 4096, 0);
	struct block_device *disk = be.disk;

	be.driver->removed(&device);
	expect(t[0], -EIO);
	expect(t[1], -EIO);
	assert_true(be.gone);
	expect(read_at(0, 4096, 0), -EIO);
	disk->ops->commit(disk);
	assert_int_equal(live_pages, 0);
	free(disk->driver);
}

/* Each kind of lie costs the device until it is connected anew, and nothing else. */
static void test_lies(void **state)
{
	(void)state;
	backend_init();
	start();
	for (unsigned lie = 0; lie < 7; lie++) {
		struct test_request *t[3];
		unsigned failed = failures;
		uint64_t id, id2;
		uint8_t op;

		t[0] = read_at(0, 65536, 0);
		t[1] = flush();
		assert_true(backend_take(&id, &op));
		assert_true(backend_take(&id2, &op));
		switch (lie) {
		case 0:
			be.ring->rsp_prod += 3;
			break;
		case 1:
			be.ring->rsp_prod -= 1;
			break;
		case 2:
			backend_answer(128, BLKIF_OP_READ, 0);
			break;
		case 3:
			backend_answer(UINT64_MAX, BLKIF_OP_READ, 0);
			break;
		case 4:
			backend_answer(id ^ 64, BLKIF_OP_READ, 0);
			break;
		case 5:
			backend_answer(id, BLKIF_OP_WRITE, 0);
			break;
		default:
			backend_answer(id2, BLKIF_OP_FLUSH_DISKCACHE, 0);
			backend_answer(id2, BLKIF_OP_FLUSH_DISKCACHE, 0);
			break;
		}
		event(be.port);
		assert_int_equal(failures, failed + 1);
		expect(t[0], -EIO);
		expect(t[1], lie == 6 ? 0 : -EIO);
		/* It goes on lying, but nobody listens. */
		be.ring->rsp_prod += 17;
		event(be.port);
		assert_int_equal(failures, failed + 1);
		expect(read_at(0, 512, 0), -EIO);
		backend_disconnect();
		expect(flush(), -EIO);
		assert_int_equal(grants_reserved(), 0);
		assert_int_equal(backend_connect(), 0);
		t[2] = write_at(0, 65536, 0, 8);
		backend_run(false);
		expect(t[2], 0);
		expect_data(0, 65536, 0, 8);
	}
	stop();
	assert_int_equal(live_pages, 0);
}

/* What the backend keeps mapped is not used for another, nor is more given to it without end. */
static void test_kept(void **state)
{
	unsigned pages, kept;

	(void)state;
	backend_init();
	start();
	struct test_request *t = write_at(0, 300 * 1024, 0, 1);

	backend_run(false);
	expect(t, 0);
	pages = live_pages;
	for (unsigned i = 1; i < GRANTS_MAX; i++)
		grants[i].held = grants[i].active;
	kept = grants_reserved();
	backend_disconnect();
	assert_int_equal(grants_reserved(), kept);
	/* The next connection has other pages. */
	assert_int_equal(backend_connect(), 0);
	expect_data(0, 300 * 1024, 0, 1);
	assert_in_range(live_pages, pages + 76, pages + 84);
	backend_disconnect();
	assert_int_equal(grants_reserved(), kept);
	/* It lets go of them: they are used again. */
	for (unsigned i = 1; i < GRANTS_MAX; i++)
		grants[i].held = false;
	pages = live_pages;
	assert_int_equal(backend_connect(), 0);
	assert_int_equal(live_pages, pages); /* a ring for a ring */
	expect_data(0, 300 * 1024, 0, 1);
	assert_int_equal(live_pages, pages);
	/* It keeps one ring after the other: it does not get as many as it likes. */
	for (unsigned n = 0;; n++) {
		for (unsigned i = 1; i < GRANTS_MAX; i++)
			grants[i].held |= granted(i, true) == (uint8_t *)be.ring;
		backend_disconnect();
		if (backend_connect())
			break;
		assert_in_range(n, 0, 10);
	}
	device.attached = false;
	assert_int_equal(grant_leaked, 0);
	stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_names),	  cmocka_unit_test(test_connect),
	    cmocka_unit_test(test_refused),	  cmocka_unit_test(test_data),
	    cmocka_unit_test(test_large_sectors), cmocka_unit_test(test_many),
	    cmocka_unit_test(test_flush),	  cmocka_unit_test(test_errors),
	    cmocka_unit_test(test_reconnect),	  cmocka_unit_test(test_lies),
	    cmocka_unit_test(test_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
