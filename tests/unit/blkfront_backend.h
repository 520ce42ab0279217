/*
 * A backend for the block frontend, with a disk in memory. It keeps the rules unless a test writes
 * to the ring itself. Used by test_blkfront.c and the fuzzer.
 */
#pragma once
#include "dev/xen/blkfront.h"
#include "xen_backend.h"

#define FRONTEND     "device/vbd/51712"
#define BACKEND	     "/local/domain/0/backend/vbd/1/51712"
#define DISK_SECTORS 16384u

static struct {
	const struct xenbus_driver *driver;
	/* The device as the core sees it. */
	struct block_device *disk;
	bool gone;
	/* Of the ring. */
	unsigned port;
	struct blkif_sring *ring;
	unsigned entries;
	RING_IDX taken, answered;
	unsigned flushes, barriers, discards, requests, indirect, segments;
	int16_t status; /* of all answers */
	uint32_t logical;
} be;
static uint8_t disk_data[DISK_SECTORS * 512];

static void check(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "backend: %s\n", what);
	abort();
}

/* ---- what stands in for the kernel ---- */

size_t page_total(void)
{
	return 64 * 512;
}

static void assert_may_wait(void)
{
	/* Anywhere: the frontend has no lock that its caller holds. */
}

int block_register(struct block_device *d)
{
	check(!be.disk || be.gone, "registered twice");
	be.disk = d;
	be.gone = false;
	return 0;
}

void block_set_size(struct block_device *d, uint64_t sectors)
{
	d->sectors = sectors;
}

void block_remove(struct block_device *d)
{
	check(d == be.disk, "another disk is removed");
	be.gone = true;
}

void block_done(struct block_device *d, struct block_request *r, int error)
{
	(void)d;
	r->done(r, error);
}

/* ---- the backend ---- */

static const struct xenbus_driver *const blkfront_driver = &xen_blkfront;

/* A machine with a backend that can do everything. */
static void backend_init(void)
{
	memset(&be, 0, sizeof be);
	be.driver = blkfront_driver;
	be.logical = 512;
	backend_reset(FRONTEND, BACKEND, 0);
	page_limit = 4000;
	device.id = 51712;
	set_node(FRONTEND, "virtual-device", "51712");
	set_node(FRONTEND, "device-type", "disk");
	offer("feature-max-indirect-segments", "256");
	offer("max-ring-page-order", "4");
	offer("feature-persistent", "1");
	offer("feature-flush-cache", "1");
	offer("feature-barrier", "1");
	offer("feature-discard", "1");
	offer("sectors", "16384");
	offer("sector-size", "512");
	offer("info", "0");
}

/* What the frontend grants with a reference that it has told. */
static uint8_t *mapped(grant_ref_t ref)
{
	uint8_t *p = granted(ref, true);

	check(p, "a reference that grants nothing");
	return p;
}

/* Maps the ring that the frontend has written into the store. */
static void backend_map(void)
{
	const char *order = node(FRONTEND, "ring-page-order");
	unsigned pages = order ? 1u << atoi(order) : 1;

	be.entries = pages == 1 ? 32 : pages == 2 ? 64 : 128;
	for (unsigned i = 0; i < pages; i++) {
		char name[32] = "ring-ref";
		uint8_t *p;

		if (order)
			snprintf(name, sizeof name, "ring-ref%u", i);
		check(node(FRONTEND, name), "no ring-ref");
		p = mapped((grant_ref_t)atoi(node(FRONTEND, name)));
		if (!i)
			be.ring = (void *)p;
		check(p == (uint8_t *)be.ring + i * PAGE_SIZE, "the ring's pages");
	}
	be.port = (unsigned)atoi(node(FRONTEND, "event-channel"));
	be.taken = be.answered = 0;
	be.ring->req_event = 1;
}

/* Through probe, connect, ready as the bus does it. */
static int backend_connect(void)
{
	int err;

	assert_int_equal(ports_open(), 0);
	err = be.driver->connect(&device);
	if (err)
		return err;
	device.attached = true;
	backend_map();
	return be.driver->ready(&device);
}

static inline struct blkfront *start(void)
{
	check(!be.driver->probe(&device), "probe");
	check(!backend_connect(), "connect");
	return device.driver;
}

static void backend_disconnect(void)
{
	be.driver->disconnect(&device);
	device.attached = false;
	be.ring = NULL;
}

/* Nothing is left but what the backend would not let go of. */
static void no_memory_lost(void)
{
	check(live_pages == grant_leaked, "memory is lost");
}

static inline void stop(void)
{
	if (device.attached)
		backend_disconnect();
	be.driver->removed(&device);
	if (be.disk)
		free(be.disk->driver); /* it would live on */
	be.disk = NULL;
	no_memory_lost();
}

static void data(uint8_t op, uint64_t sector, const struct blkif_request_segment *s, unsigned n)
{
	be.segments += n;
	for (; n--; s++) {
		uint8_t *p = mapped(s->gref) + s->first_sect * 512u;
		uint32_t sectors = s->last_sect - s->first_sect + 1u;

		check(s->first_sect <= s->last_sect && s->last_sect < 8, "sectors of a segment");
		check(sector + sectors <= DISK_SECTORS, "beyond the end");
		check(sectors * 512 % be.logical == 0, "half a sector");
		if (be.status)
			continue;
		if (op == BLKIF_OP_READ)
			memcpy(p, disk_data + sector * 512, sectors * 512);
		else
			memcpy(disk_data + sector * 512, p, sectors * 512);
		sector += sectors;
	}
}

/* The next request, done; false if there is none. Its id and operation for the answer. */
static bool backend_take(uint64_t *id, uint8_t *op)
{
	union blkif_sring_entry e;
	struct blkif_request_indirect *in = (void *)&e;
	struct blkif_request_discard *dis = (void *)&e;

	if (be.taken == be.ring->req_prod)
		return false;
	check(be.ring->req_prod - be.answered <= be.entries, "the ring overflows");
	e = be.ring->ring[be.taken++ & (be.entries - 1)];
	be.requests++;
	*op = e.req.operation;
	*id = e.req.id;
	switch (e.req.operation) {
	case BLKIF_OP_READ:
	case BLKIF_OP_WRITE:
		check(e.req.nr_segments && e.req.nr_segments <= 11, "segments");
		check(e.req.handle == 51712, "handle");
		data(*op, e.req.sector_number, e.req.seg, e.req.nr_segments);
		break;
	case BLKIF_OP_INDIRECT:
		be.indirect++;
		check(in->nr_segments && in->nr_segments <= 256 && in->handle == 51712, "indirect");
		*id = in->id;
		*op = in->indirect_op;
		data(*op, in->sector_number, (void *)mapped(in->indirect_grefs[0]),
		     in->nr_segments);
		break;
	case BLKIF_OP_FLUSH_DISKCACHE:
		be.flushes++;
		break;
	case BLKIF_OP_WRITE_BARRIER:
		be.barriers++;
		break;
	case BLKIF_OP_DISCARD:
		be.discards++;
		*id = dis->id;
		memset(disk_data + dis->sector_number * 512, 0, dis->nr_sectors * 512);
		break;
	default:
		check(false, "operation");
	}
	return true;
}

static void backend_answer(uint64_t id, uint8_t op, int16_t status)
{
	struct blkif_response *r = &be.ring->ring[be.answered++ & (be.entries - 1)].rsp;

	r->id = id;
	r->operation = op;
	r->status = status;
	be.ring->rsp_prod = be.answered;
}

/* Answers all requests, the last first if `backwards`. How many there were. */
static inline unsigned backend_run(bool backwards)
{
	uint64_t ids[128];
	uint8_t ops[128];
	unsigned n, all = 0;

	do {
		for (n = 0; n < 128 && backend_take(&ids[n], &ops[n]); n++)
			;
		for (unsigned i = 0; i < n; i++) {
			unsigned k = backwards ? n - 1 - i : i;

			backend_answer(ids[k], ops[k], be.status);
		}
		event(be.port);
		all += n;
	} while (n);
	be.ring->req_event = be.taken + 1;
	return all;
}
