/* What the files of the block layer (dev/block.h) share. */
#pragma once
#include "dev/block.h"
#include "vfs/uio.h"

struct file;
struct textbuf;

/* --- block.c --- */

extern struct list block_devices; /* by block_list_lock; devices never leave it */
extern spinlock_t block_list_lock;

/* The device with this number, NULL. */
struct block_device *block_find(unsigned major, unsigned minor);
/* The device after d (NULL: the first) in the order of registration; NULL at the end. */
struct block_device *block_next(struct block_device *d);
/* Hands r (op, range, segments, done, owner set) to the driver, or ends it with -EIO if the device
 * is gone. */
void block_submit(struct block_device *d, struct block_request *r);
/* After the last block_submit of several. */
void block_commit(struct block_device *d);
uint64_t block_bytes(const struct block_device *d);
static inline bool block_is_readonly(const struct block_device *d)
{
	return d->readonly || d->set_readonly;
}

/* --- block_buffer.c --- */

/* A request with memory that it moves data through: contiguous, page aligned. */
struct block_piece {
	struct block_request r;
	struct list link; /* the caller's */
	uint8_t *data;
	size_t capacity; /* bytes of data, at least one logical sector */
	unsigned order;
	bool is_reserve;
	/* The caller's (block_io.c). */
	uint64_t pos; /* where the bytes of the transfer begin; data begins with their sector */
	size_t len;
	bool finished;
	int error;
	struct block_segment segments[];
};

/*
 * A piece for at most want bytes; its capacity may be smaller when memory is short. NULL: there is
 * none now, and the caller has to finish pieces of its own first, or to wait with
 * block_piece_wait.
 */
struct block_piece *block_piece_get(struct block_device *d, size_t want);
/* Waits until there is one. The caller holds no other piece. */
struct block_piece *block_piece_wait(struct block_device *d, size_t want);
void block_piece_put(struct block_device *d, struct block_piece *p);
/* The reserve of a new device: 0, -ENOMEM. */
int block_reserve_init(struct block_device *d);
void block_reserve_free(struct block_device *d);
/* The most bytes that one request to d may have. */
size_t block_piece_max(const struct block_device *d);

/* --- block_io.c --- */

/*
 * Transfers between u and the device at byte pos, any alignment; the caller has cut u to the
 * device's size. Bytes done up to the first error, or -errno. Uninterruptible.
 */
long block_read(struct block_device *d, struct uio *u, uint64_t pos);
/* What it changes of a sector at either end is changed at once for other writers. */
long block_write(struct block_device *d, struct uio *u, uint64_t pos);
/* Makes durable what was written before the call: 0, -EIO. Calls at the same time share flushes. */
int block_flush(struct block_device *d);
/* Ranges in bytes, multiples of logical. -EOPNOTSUPP: the device cannot. */
int block_discard(struct block_device *d, uint64_t pos, uint64_t len);
/* Makes the range read as zero. unmap: the space may be given up. fallback: if the device has no
 * command for that, zeroes are written. */
int block_zero(struct block_device *d, uint64_t pos, uint64_t len, bool unmap, bool fallback);

/* --- block_file.c, block_ioctl.c --- */

long block_ioctl(struct file *f, unsigned cmd, uintptr_t arg);
struct block_device *block_of(struct file *f);

/* --- block_sysfs.c --- */

/* Makes /dev/NAME and /sys/block/NAME. 0, -EEXIST, -ENOMEM. */
int block_nodes_add(struct block_device *d);
void block_nodes_remove(struct block_device *d);
