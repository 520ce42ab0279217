/*
 * The block frontend against a backend that does what the input says: three bytes a step, an action
 * and its numbers. It may write whatever it likes into the ring, answer what nobody asked, keep
 * pages mapped, come and go, and say anything in the store. Whatever it does, each request is
 * finished exactly once, and no memory but what it keeps is lost.
 */
#include "driver.h"
#include "../unit/blkfront_backend.h"
#include "engine.h"

const char fuzz_name[] = "blkfront";

void fuzz_setup(void)
{
}

#define REQUESTS 48u
#define SEGMENTS 20u

static struct {
	struct block_request r;
	struct block_segment segments[SEGMENTS];
	bool busy;
} requests[REQUESTS];
static uint8_t memory[SEGMENTS * PAGE_SIZE] __attribute__((aligned(4096)));
/* The backend has written over requests, or over the indices by which they are counted. */
static bool spoilt;

static void on_done(struct block_request *r, int error)
{
	bool *busy = r->owner;

	check(*busy, "finished twice");
	check(error == 0 || error == -EIO || error == -EOPNOTSUPP, "another error");
	*busy = false;
}

static void submit(uint8_t a, uint8_t b)
{
	unsigned i = 0;

	while (i < REQUESTS && requests[i].busy)
		i++;
	if (i == REQUESTS)
		return;
	struct block_request *r = &requests[i].r;
	uint32_t unit = be.disk->logical, n = (b % 64u + 1) * unit, skip = a % 8u * 512;

	memset(r, 0xff, sizeof *r);
	r->op = (enum block_op)(b / 64u);
	if (b == 255)
		r->op = BLOCK_WRITE_ZEROES;
	if (n + skip > sizeof memory)
		n = unit;
	r->sector = a * 8u;
	r->sectors = r->op == BLOCK_FLUSH ? 0 : n / 512;
	r->segments = requests[i].segments;
	r->nsegments = 0;
	for (uint32_t at = 0; r->op <= BLOCK_WRITE && at < n; r->nsegments++) {
		uint32_t len = (uint32_t)PAGE_SIZE - (at + skip) % (uint32_t)PAGE_SIZE;

		if (len > n - at)
			len = n - at;
		requests[i].segments[r->nsegments] =
		    (struct block_segment){(paddr_t)memory + skip + at, len};
		at += len;
	}
	r->done = on_done;
	r->owner = &requests[i].busy;
	requests[i].busy = true;
	be.disk->ops->submit(be.disk, r);
	be.disk->ops->commit(be.disk);
}

static const char *const names[] = {"feature-max-indirect-segments",
				    "max-ring-page-order",
				    "max-ring-pages",
				    "feature-flush-cache",
				    "feature-barrier",
				    "feature-discard",
				    "sectors",
				    "sector-size",
				    "info",
				    "discard-granularity",
				    "physical-sector-size"};
static const char *const values[] = {"0",   "1",    "2",     "3",	   "12",
				     "512", "4096", "255",   "4294967295", "18446744073709551615",
				     "-1",  "",	    "16384", "x",	   NULL};

/* A connection the frontend did not want, or a disk that it does not know yet, is not used. */
static void reconnect(void)
{
	if (device.attached)
		backend_disconnect();
	spoilt = false;
	device.attached = true;
	assert_int_equal(ports_open(), 0);
	if (be.driver->connect(&device)) {
		device.attached = false;
		return;
	}
	backend_map();
	if (be.driver->ready(&device))
		backend_disconnect();
	else
		be.logical = be.disk->logical;
}

static void step(uint8_t action, uint8_t a, uint8_t b)
{
	uint64_t id;
	uint8_t op;

	switch (action % 10) {
	case 0:
	case 1:
		if (be.disk)
			submit(a, b);
		break;
	case 2:
		for (unsigned n = a % 16u; be.ring && !spoilt && n-- && backend_take(&id, &op);)
			backend_answer(id, op, b % 8u ? 0 : (int16_t)(a / 16 - 3));
		event(be.port);
		break;
	case 3:
		if (be.ring)
			((volatile uint8_t *)be.ring)[a % 64u] = b;
		spoilt |= a % 64u < 12; /* not the event index of answers */
		event(be.port);
		break;
	case 4:
		if (be.ring)
			((volatile uint8_t *)be.ring)[64 + (a * 112u + b) % 3584u] = action;
		spoilt = true;
		break;
	case 5:
		if (!be.ring)
			break;
		backend_answer(a % 140u, b % 8u, (int8_t)b);
		spoilt = true;
		event(be.port);
		break;
	case 6:
		offer(names[a % 11u], values[b % 15u]);
		if (device.attached && action & 64)
			be.driver->changed(&device);
		break;
	case 7:
		reconnect();
		break;
	case 8:
		for (unsigned i = a; i < a + 40u; i++)
			grants[i].held = grants[i].active && b & 1;
		break;
	default:
		page_limit = live_pages + a % 16u * (b % 16u);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct block_device *disk;

	backend_init();
	spoilt = false;
	for (; size >= 3 && data[0] % 10 == 6; data += 3, size -= 3)
		step(data[0] & 63, data[1], data[2]);
	if (be.driver->probe(&device))
		return 0;
	reconnect();
	for (; size >= 3; data += 3, size -= 3)
		step(data[0], data[1], data[2]);
	if (device.attached)
		backend_disconnect();
	for (unsigned i = 0; i < GRANTS_MAX; i++)
		grants[i].held = false;
	disk = be.disk;
	be.driver->removed(&device);
	for (unsigned i = 0; i < REQUESTS; i++)
		check(!requests[i].busy, "a request without an end");
	no_memory_lost();
	if (disk)
		free(disk->driver);
	return 0;
}
