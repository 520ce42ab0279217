/*
 * Block devices: what drivers (virtio-blk, blkfront) offer, and /dev/vda, /dev/xvda as programs see
 * them. The parts:
 *
 *   block.c         the list of devices, their counters, submission
 *   block_io.c      a program's transfer cut into requests, partial sectors, ranges being written
 *   block_buffer.c  the pages that requests move data through
 *   block_file.c    open(2), read(2), write(2), lseek(2), fsync(2), fallocate(2)
 *   block_ioctl.c   ioctl(2)
 *   block_sysfs.c   /sys/block, /proc/partitions, /proc/diskstats
 *
 * There is no cache: a write is with the device when write(2) returns, and fsync makes it durable
 * (flush). A program's bytes are copied through pages of the request, since pages of its own could
 * be unmapped or changed while the device works on them; several requests of one call, and calls of
 * several threads, are in flight at once.
 *
 * Ownership: a device is registered once and lives as long as the machine, as open files refer to
 * it; one that is detached answers -EIO, one whose backend is away keeps its requests until it is
 * back. A request belongs to the driver from submit to block_done. Locks: d->lock guards what the
 * core changes in a device, the driver has its own; block_done is called in interrupt or worker
 * context, with no lock of the driver held, or from within submit.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "lib/list.h"
#include "lib/spinlock.h"
#include "mm/page.h"
#include "sched/wait.h"

#define BLOCK_SECTOR	   512u /* the unit of every sector number, whatever the device's own size */
#define BLOCK_MAX_SEGMENTS 128u

enum block_op { BLOCK_READ, BLOCK_WRITE, BLOCK_FLUSH, BLOCK_DISCARD, BLOCK_WRITE_ZEROES };

/* A piece of physically contiguous memory, inside one page, aligned to 512. Those of one request
 * lie behind each other: from the first one's address on, all its data is in one piece. */
struct block_segment {
	paddr_t addr;
	uint32_t len;
};

struct block_request {
	struct list link; /* the driver's */
	enum block_op op;
	bool fua;		  /* of a write: durable when done; only if the device has fua */
	bool unmap;		  /* of BLOCK_WRITE_ZEROES: the device may give up the space */
	uint64_t sector, sectors; /* 0 of a flush */
	const struct block_segment *segments; /* of reads and writes */
	unsigned nsegments;
	void *driver;	      /* the driver's, */
	uint64_t progress[2]; /* and this; undefined at submit */
	/* Of the core. */
	void (*done)(struct block_request *r, int error);
	void *owner;
	uint64_t started; /* monotonic ns */
};

struct block_device;
struct block_ops {
	/* Takes r; queues it when the ring is full. Nothing blocks, nothing fails: errors go to
	 * block_done. What crosses the limits below has been cut by the core. */
	void (*submit)(struct block_device *d, struct block_request *r);
	/* The requests submitted since the last call are all there are for now: a driver that tells
	 * its device of several at once does so here. May be NULL. */
	void (*commit)(struct block_device *d);
};

struct block_counter {
	uint64_t requests, sectors, ns, errors;
};

struct block_range;

struct block_device {
	/* The driver's, set before block_register. */
	char name[16];		    /* "vda", "xvda": block_name */
	unsigned major, minor;	    /* as Linux numbers them */
	uint64_t sectors;	    /* a multiple of logical; may change: block_set_size */
	uint32_t logical, physical; /* sector sizes in bytes: 512 or 4096; physical 0: as logical */
	uint32_t io_min, io_opt;    /* bytes, for topology; 0: physical, none */
	uint32_t alignment_offset;  /* bytes from the start to the first aligned physical sector */
	unsigned max_segments;	    /* of one request, at most BLOCK_MAX_SEGMENTS */
	uint32_t max_bytes;	    /* of one request */
	bool readonly;		    /* may change */
	bool flush;		    /* has a cache to flush; without it every write is durable */
	bool fua, discard, write_zeroes, removable;
	uint32_t discard_granularity;	   /* bytes; 0: logical */
	uint32_t max_discard_sectors;	   /* of one request; 0: no limit */
	uint32_t max_zeroes_sectors;	   /* of one request; 0: no limit */
	bool rotational;		   /* as Linux shows devices of the kind */
	unsigned heads, sectors_per_track; /* for HDIO_GETGEO */
	char serial[21];
	const struct block_ops *ops;
	void *driver;

	/* The core's. */
	struct list link;
	spinlock_t lock;
	bool gone, set_readonly;
	uint64_t sequence;		 /* BLKGETDISKSEQ */
	uint32_t block_size, read_ahead; /* BLKBSZSET bytes, BLKRASET sectors: only kept */
	void *exclusive;		 /* the open file that has it with O_EXCL */
	struct list ranges; /* being written, or waiting for that, in order of arrival */
	struct waitqueue ranges_wait;
	struct block_piece *reserve; /* for when memory is out */
	bool reserve_used;
	struct {
		uint64_t started, done, failed; /* numbers of flushes */
		struct waitqueue wait;
	} flushing;
	struct {
		struct block_counter op[BLOCK_WRITE_ZEROES + 1];
		unsigned in_flight;
		uint64_t busy_since, busy_ns;
	} stats;
};

/* "vd", 0 -> "vda"; 26 -> "vdaa", as Linux counts. */
void block_name(char name[16], const char *prefix, unsigned index);
/* Adds d, which is zeroed but for the driver's fields; makes /dev/NAME and /sys/block/NAME, counts
 * it in /proc/partitions and /proc/diskstats. 0, -ENOMEM, -EEXIST, -EINVAL (fields that make no
 * sense). At boot or on the worker thread. */
int block_register(struct block_device *d);
/* A new size. From anywhere. */
void block_set_size(struct block_device *d, uint64_t sectors);
/* Detached for good: its files answer -EIO from now on, its nodes go, and its name and number are
 * free for another. Requests that the driver still has it finishes itself, with -EIO. From
 * anywhere. */
void block_remove(struct block_device *d);
/* A request is finished: 0, -EIO, -ENOSPC, -EOPNOTSUPP (the device does not know it), ... Exactly
 * once for each. */
void block_done(struct block_device *d, struct block_request *r, int error);
