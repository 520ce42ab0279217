/*
 * A backend for the block frontend, on the host: its store, its grants, and a disk in memory. It
 * keeps the rules unless a test writes to the ring itself. Used by test_blkfront.c and the fuzzer.
 */
#pragma once
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "dev/xen/blkfront.h"

#define BACKEND	     "/local/domain/0/backend/vbd/1/51712"
#define DISK_SECTORS 16384u
#define GRANTS	     4096u

static struct {
	struct xenbus_device bus;
	const struct xenbus_driver *driver;
	/* Both directories of the store. */
	struct {
		char dir[64], node[48], value[32];
	} nodes[64];
	unsigned nnodes;
	/* What is granted, and which pages the backend will not let go of. */
	struct {
		uint8_t *page;
		bool mapped;
	} grants[GRANTS];
	unsigned ngrants, grants_end, pages, page_limit, blocks_end;
	void *blocks[GRANTS];
	irq_handler_t handler;
	void *handler_arg;
	unsigned notified, failed;
	const char *why;
	/* The device as the core sees it. */
	struct block_device *disk;
	bool gone;
	/* Of the ring. */
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

/* ---- memory ---- */

void *phys_to_virt(paddr_t p)
{
	return (void *)p;
}

paddr_t virt_to_phys(const void *v)
{
	return (paddr_t)v;
}

paddr_t page_alloc(unsigned order)
{
	void *p;

	if (be.pages + (1u << order) > be.page_limit)
		return PADDR_NONE;
	p = aligned_alloc(PAGE_SIZE << order, PAGE_SIZE << order);
	check(p, "no memory");
	memset(p, 0x5e, PAGE_SIZE << order); /* a secret */
	be.pages += 1u << order;
	for (unsigned i = 0; i < GRANTS; i++)
		if (!be.blocks[i]) {
			be.blocks[i] = p;
			be.blocks_end = i < be.blocks_end ? be.blocks_end : i + 1;
			break;
		}
	return (paddr_t)p;
}

paddr_t page_alloc_zero(unsigned order)
{
	paddr_t p = page_alloc(order);

	if (p != PADDR_NONE)
		memset((void *)p, 0, PAGE_SIZE << order);
	return p;
}

void page_free(paddr_t p, unsigned order)
{
	for (unsigned i = 1; i < be.grants_end; i++)
		check(!be.grants[i].page || be.grants[i].page < (uint8_t *)p ||
			  be.grants[i].page >= (uint8_t *)p + (PAGE_SIZE << order),
		      "a granted page is freed");
	for (unsigned i = 0; i < be.blocks_end; i++)
		if (be.blocks[i] == (void *)p) {
			be.blocks[i] = NULL;
			be.pages -= 1u << order;
			free((void *)p);
			return;
		}
	check(false, "what was not allocated is freed");
}

/* Frees what the backend has kept, once everything else is gone. */
static void free_kept(void)
{
	check(be.pages == grant_leaked, "memory is lost");
	for (unsigned i = 0; i < GRANTS; i++)
		free(be.blocks[i]);
	grant_leaked = 0;
}

size_t page_total(void)
{
	return 64 * 512;
}

/* ---- grants ---- */

unsigned grant_leaked;

int grant_access(domid_t domain, paddr_t phys, bool readonly)
{
	const uint8_t *p = (void *)phys;
	unsigned same = 0;

	check(domain == be.bus.backend_domain && !readonly, "granted to somebody else");
	for (unsigned i = 0; i < PAGE_SIZE; i++)
		check((same = p[i] == 0x5e ? same + 1 : 0) < 16, "a granted page shows a secret");
	for (unsigned i = 1; i < GRANTS; i++)
		if (!be.grants[i].page) {
			be.grants[i].page = (void *)phys;
			be.grants[i].mapped = false;
			be.ngrants++;
			be.grants_end = i < be.grants_end ? be.grants_end : i + 1;
			return (int)i;
		}
	return -ENOSPC;
}

bool grant_end(grant_ref_t ref)
{
	check(ref < GRANTS && be.grants[ref].page, "ends a grant that is none");
	if (be.grants[ref].mapped)
		return false;
	be.grants[ref].page = NULL;
	be.ngrants--;
	return true;
}

void grant_end_or_leak(grant_ref_t ref, paddr_t block, unsigned order)
{
	if (grant_end(ref))
		page_free(block, order);
	else
		grant_leaked++;
}

static uint8_t *granted(grant_ref_t ref)
{
	check(ref < GRANTS && be.grants[ref].page, "an entry with a reference that is none");
	return be.grants[ref].page;
}

/* ---- the store and the bus ---- */

static const char *node(const char *dir, const char *name)
{
	for (unsigned i = 0; i < be.nnodes; i++)
		if (!strcmp(be.nodes[i].dir, dir) && !strcmp(be.nodes[i].node, name))
			return be.nodes[i].value;
	return NULL;
}

int xs_rm(xs_transaction t, const char *dir, const char *name)
{
	(void)t;
	for (unsigned i = 0; i < be.nnodes; i++)
		if (!strcmp(be.nodes[i].dir, dir) && !strcmp(be.nodes[i].node, name)) {
			be.nodes[i] = be.nodes[--be.nnodes];
			return 0;
		}
	return -ENOENT;
}

int xs_write(xs_transaction t, const char *dir, const char *name, const char *value)
{
	xs_rm(t, dir, name);
	check(be.nnodes < sizeof be.nodes / sizeof be.nodes[0], "too many nodes");
	snprintf(be.nodes[be.nnodes].dir, sizeof be.nodes[0].dir, "%s", dir);
	snprintf(be.nodes[be.nnodes].node, sizeof be.nodes[0].node, "%s", name);
	snprintf(be.nodes[be.nnodes].value, sizeof be.nodes[0].value, "%s", value);
	be.nnodes++;
	return 0;
}

int xs_printf(xs_transaction t, const char *dir, const char *name, const char *format, ...)
{
	char value[32];
	va_list ap;

	va_start(ap, format);
	vsnprintf(value, sizeof value, format, ap);
	va_end(ap);
	return xs_write(t, dir, name, value);
}

int xs_read(xs_transaction t, const char *dir, const char *name, char **value, size_t *len)
{
	const char *v = node(dir, name);

	(void)t;
	if (!v)
		return -ENOENT;
	*value = strdup(v);
	if (len)
		*len = strlen(v);
	return 0;
}

int xs_read_number(xs_transaction t, const char *dir, const char *name, uint64_t max,
		   uint64_t *value)
{
	const char *v = node(dir, name);
	char *end;

	(void)t;
	if (!v)
		return -ENOENT;
	errno = 0;
	*value = strtoull(v, &end, 10);
	return errno || *end || !*v || *v == '-' || *value > max ? -ERANGE : 0;
}

uint64_t xs_read_default(const char *dir, const char *name, uint64_t max, uint64_t fallback)
{
	uint64_t value;

	return xs_read_number(0, dir, name, max, &value) ? fallback : value;
}

void xenbus_fail(struct xenbus_device *d, const char *why)
{
	check(d == &be.bus, "another device is failed");
	be.failed++;
	be.why = why;
}

int xenbus_channel(struct xenbus_device *d, irq_handler_t handler, void *arg)
{
	check(d == &be.bus && !be.handler, "a channel that is not closed");
	be.handler = handler;
	be.handler_arg = arg;
	return 7;
}

void evtchn_close(evtchn_port_t port)
{
	check(port == 7, "another channel is closed");
	be.handler = NULL;
}

void evtchn_notify(evtchn_port_t port)
{
	check(port == 7 && be.handler, "another channel is notified");
	be.notified++;
}

/* ---- the core ---- */

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

static void set(const char *name, const char *value)
{
	if (value)
		xs_write(0, BACKEND, name, value);
	else
		xs_rm(0, BACKEND, name);
}

static const struct xenbus_driver *const blkfront_driver = &xen_blkfront;

/* A machine with a backend that can do everything. */
static void backend_init(void)
{
	memset(&be, 0, sizeof be);
	be.driver = blkfront_driver;
	be.page_limit = 4000;
	be.logical = 512;
	strcpy(be.bus.dir, "device/vbd/51712");
	strcpy(be.bus.backend, BACKEND);
	be.bus.id = 51712;
	xs_write(0, be.bus.dir, "virtual-device", "51712");
	xs_write(0, be.bus.dir, "device-type", "disk");
	set("feature-max-indirect-segments", "256");
	set("max-ring-page-order", "4");
	set("feature-persistent", "1");
	set("feature-flush-cache", "1");
	set("feature-barrier", "1");
	set("feature-discard", "1");
	set("sectors", "16384");
	set("sector-size", "512");
	set("info", "0");
}

/* Maps the ring that the frontend has written into the store. */
static void backend_map(void)
{
	const char *order = node(be.bus.dir, "ring-page-order");
	unsigned pages = order ? 1u << atoi(order) : 1;

	be.entries = pages == 1 ? 32 : pages == 2 ? 64 : 128;
	for (unsigned i = 0; i < pages; i++) {
		char name[32] = "ring-ref";
		uint8_t *p;

		if (order)
			snprintf(name, sizeof name, "ring-ref%u", i);
		check(node(be.bus.dir, name), "no ring-ref");
		p = granted((grant_ref_t)atoi(node(be.bus.dir, name)));
		if (!i)
			be.ring = (void *)p;
		check(p == (uint8_t *)be.ring + i * PAGE_SIZE, "the ring's pages");
	}
	be.taken = be.answered = 0;
	be.ring->req_event = 1;
}

/* Through probe, connect, ready as the bus does it. */
static int backend_connect(void)
{
	int err = be.driver->connect(&be.bus);

	if (err)
		return err;
	be.bus.attached = true;
	backend_map();
	return be.driver->ready(&be.bus);
}

static inline struct blkfront *start(void)
{
	check(!be.driver->probe(&be.bus), "probe");
	check(!backend_connect(), "connect");
	return be.bus.driver;
}

static void backend_disconnect(void)
{
	be.driver->disconnect(&be.bus);
	be.bus.attached = false;
	be.ring = NULL;
}

static inline void stop(void)
{
	if (be.bus.attached)
		backend_disconnect();
	be.driver->removed(&be.bus);
	if (be.disk)
		free(be.disk->driver); /* it would live on */
	be.disk = NULL;
	free_kept();
}

static void data(uint8_t op, uint64_t sector, const struct blkif_request_segment *s, unsigned n)
{
	be.segments += n;
	for (; n--; s++) {
		uint8_t *p = granted(s->gref) + s->first_sect * 512u;
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
		data(*op, in->sector_number, (void *)granted(in->indirect_grefs[0]),
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

static void backend_event(void)
{
	if (be.handler)
		be.handler(be.handler_arg);
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
		backend_event();
		all += n;
	} while (n);
	be.ring->req_event = be.taken + 1;
	return all;
}
