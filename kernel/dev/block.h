/*
 * Block devices: what drivers (virtio-blk, blkfront) offer, and /dev/vda, /dev/xvda as programs see
 * them (block.c, block_file.c).
 *
 * There is no cache: a write is with the device when write(2) returns, and fsync makes it durable
 * (flush). A program's buffers are moved through pages of the request; several requests of one
 * call, and calls of several threads, are in flight at once.
 *
 * Ownership: a device is registered once and lives as long as the machine; one that is detached
 * answers -EIO, one whose backend is away keeps its requests until it is back. A request belongs to
 * the driver from submit to done. Locks: the driver's own; done runs in interrupt or worker context
 * with no lock of the driver held.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <linux/fs.h>
#include "lib/list.h"
#include "mm/page.h"
#include "sched/wait.h"

#define BLOCK_SECTOR	   512u /* the unit of every sector number, whatever the device's own size */
#define BLOCK_MAX_SEGMENTS 128u

enum block_op { BLOCK_READ, BLOCK_WRITE, BLOCK_FLUSH, BLOCK_DISCARD, BLOCK_WRITE_ZEROES };

/* A piece of physically contiguous memory, inside one page, aligned to 512. */
struct block_segment {
	paddr_t addr;
	uint32_t len;
};

struct block_request {
	struct list link; /* the driver's */
	enum block_op op;
	bool fua; /* of a write: durable when done (drivers without it: the core flushes) */
	uint64_t sector, sectors;
	const struct block_segment *segments;
	unsigned nsegments;
	/* A hint: another request follows at once, so the device need not be told of this one yet.
	 */
	bool more;
	/* 0, -EIO, -ENOSPC, -EOPNOTSUPP, ... Called exactly once. */
	void (*done)(struct block_request *r, int error);
	void *owner;
	void *driver;	      /* the driver's, */
	uint64_t progress[2]; /* and this; undefined at submit */
};

struct block_device;
struct block_ops {
	/* Takes r; queues it when the ring is full. Nothing blocks, nothing fails: errors go to
	 * done. What crosses the limits below has been cut by the core. */
	void (*submit)(struct block_device *d, struct block_request *r);
	/*
	 * Both NULL, or: pages of the driver's, for the data of requests, that the device reaches
	 * at less cost than any others (no copy). page_get: PADDR_NONE when there is none now, and
	 * the core takes one from page_alloc. They are not zeroed, but never held anything but data
	 * of this disk. page_put gives one back, also after block_remove.
	 */
	paddr_t (*page_get)(struct block_device *d);
	void (*page_put)(struct block_device *d, paddr_t p);
};

struct block_device {
	struct list link;
	char name[16];		    /* "vda", "xvda" */
	unsigned major, minor;	    /* as Linux numbers them */
	uint64_t sectors;	    /* may change: block_set_size */
	uint32_t logical, physical; /* sector sizes in bytes: 512 or 4096 */
	unsigned max_segments;	    /* of one request, at most BLOCK_MAX_SEGMENTS */
	uint32_t max_bytes;	    /* of one request */
	bool readonly, removable, flush, fua, discard, write_zeroes;
	uint32_t discard_granularity, max_discard_sectors;
	char serial[21];
	bool gone;
	const struct block_ops *ops;
	void *driver;
	struct {
		uint64_t reads, writes, flushes, discards, read_sectors, write_sectors, errors;
		unsigned in_flight;
	} stats;
};

/* Adds d, all fields set; makes /dev/NAME and /sys/block/NAME, counts it in /proc/partitions and
 * /proc/diskstats. 0, -ENOMEM, -EEXIST. At boot or on the worker thread. */
int block_register(struct block_device *d);
/* A new size. */
void block_set_size(struct block_device *d, uint64_t sectors);
/* Detached for good: every call answers -EIO (ENXIO on open) from now on. */
void block_remove(struct block_device *d);
