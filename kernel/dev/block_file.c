/* Block devices as programs see them: open(2), read(2), write(2), lseek(2), fsync(2), fallocate(2).
 * What is refused, and in which order it is looked at, is Linux's (its block/fops.c). */
#include "dev/block_file.h"
#include <asm/errno.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include "dev/block_internal.h"
#include "mm/kmalloc.h"
#include "sched/mutex.h"
#include "vfs/inode.h"

#define DMA_ALIGNMENT 512u /* of a program's buffers with O_DIRECT */

/* An open block device. */
struct block_file {
	struct block_device *device;
	struct mutex position; /* guards file.pos: transfers sleep, so no spin lock can */
};

static const struct file_ops block_file_ops;

struct block_device *block_of(struct file *f)
{
	return f->ops == &block_file_ops ? ((struct block_file *)f->private)->device : NULL;
}

/* O_DIRECT: what Linux cannot hand to a device as it is. */
static bool misaligned(const struct block_device *d, const struct uio *u, uint64_t pos)
{
	size_t skip = u->skip, left = u->left;

	if ((pos | u->left) & (d->logical - 1))
		return true;
	for (const struct uio_vec *v = u->vec; left; v++, skip = 0) {
		size_t n = v->len - skip;

		if (n > left)
			n = left;
		if (n && (((v->base + skip) & (DMA_ALIGNMENT - 1)) || (n & (d->logical - 1))))
			return true;
		left -= n;
	}
	return false;
}

/* Bytes of u at pos, cut at the end of the device. */
static long read_at(struct file *f, struct uio *u, uint64_t *pos)
{
	struct block_device *d = block_of(f);
	uint64_t size = block_bytes(d);

	if (d->gone)
		return -EIO;
	if (*pos >= size)
		return 0;
	size_t all = u->left, rest = 0;

	if (u->left > size - *pos)
		rest = u->left - (size_t)(size - *pos);
	u->left -= rest;
	long n = -EINVAL;

	if (!(atomic_load(&f->flags) & O_DIRECT) || !misaligned(d, u, *pos)) {
		inode_touch_atime(f->inode);
		n = block_read(d, u, *pos);
	}
	u->left += rest;
	if (n > 0 && (size_t)n <= all)
		*pos += (uint64_t)n;
	return n;
}

static long write_at(struct file *f, struct uio *u, uint64_t *pos)
{
	struct block_device *d = block_of(f);
	uint64_t size = block_bytes(d);
	unsigned flags = atomic_load(&f->flags);

	if (d->gone)
		return -EIO;
	if (block_is_readonly(d))
		return -EPERM;
	if (!u->left)
		return 0;
	if (*pos >= size)
		return -ENOSPC;
	size_t rest = 0;

	if (u->left > size - *pos)
		rest = u->left - (size_t)(size - *pos);
	u->left -= rest;
	long n = -EINVAL;

	if (!(flags & O_DIRECT) || !misaligned(d, u, *pos)) {
		inode_touch_mtime(f->inode);
		n = block_write(d, u, *pos);
	}
	u->left += rest;
	if (n <= 0)
		return n;
	*pos += (uint64_t)n;
	if (flags & O_DSYNC) { /* O_SYNC has its bit too */
		int err = block_flush(d);

		if (err)
			return err;
	}
	return n;
}

/* At *pos, or at the file's own position. */
static long transfer(struct file *f, long (*fn)(struct file *, struct uio *, uint64_t *),
		     struct uio *u, uint64_t *pos)
{
	struct block_file *b = f->private;

	if (pos)
		return fn(f, u, pos);
	mutex_lock(&b->position);
	long n = fn(f, u, &f->pos);

	mutex_unlock(&b->position);
	return n;
}

static long file_read_(struct file *f, struct uio *u, uint64_t *pos)
{
	return transfer(f, read_at, u, pos);
}

static long file_write_(struct file *f, struct uio *u, uint64_t *pos)
{
	return transfer(f, write_at, u, pos);
}

/* Unlike files, nothing can be sought behind the end. */
static long seek(struct file *f, int64_t offset, int whence)
{
	struct block_file *b = f->private;
	int64_t size = (int64_t)block_bytes(b->device), to;
	long result = -EINVAL;

	mutex_lock(&b->position);
	int64_t base = whence == SEEK_END ? size : whence == SEEK_CUR ? (int64_t)f->pos : 0;

	if (whence >= SEEK_SET && whence <= SEEK_END &&
	    !__builtin_add_overflow(base, offset, &to) && to >= 0 && to <= size) {
		f->pos = (uint64_t)to;
		result = to;
	}
	mutex_unlock(&b->position);
	return result;
}

static long sync(struct file *f)
{
	return block_flush(block_of(f));
}

static long allocate(struct file *f, unsigned mode, uint64_t start, uint64_t len)
{
	struct block_device *d = block_of(f);
	uint64_t size = block_bytes(d);

	if (mode & ~(unsigned)(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE))
		return -EOPNOTSUPP;
	if (start >= size)
		return -EINVAL;
	if (len > size - start) {
		if (!(mode & FALLOC_FL_KEEP_SIZE))
			return -EINVAL;
		len = size - start;
	}
	if ((start | len) & (d->logical - 1))
		return -EINVAL;
	bool punch = mode & FALLOC_FL_PUNCH_HOLE;

	if (!punch && !(mode & FALLOC_FL_ZERO_RANGE))
		return -EOPNOTSUPP;
	if (block_is_readonly(d))
		return -EPERM;
	return block_zero(d, start, len, punch, !punch);
}

static void release(struct file *f)
{
	struct block_file *b = f->private;
	struct block_device *d = b->device;

	spin_lock(&d->lock);
	if (d->exclusive == b)
		d->exclusive = NULL;
	spin_unlock(&d->lock);
	kfree(b);
}

static const struct file_ops block_file_ops = {
    .read = file_read_,
    .write = file_write_,
    .ioctl = block_ioctl,
    .lseek = seek,
    .fsync = sync,
    .fallocate = allocate,
    .release = release,
    .empty_writes = true, /* may be refused */
    .own_position = true,
};

static struct block_device *device_of(const struct inode *i)
{
	uint64_t rdev = i->rdev;

	return block_find((unsigned)(rdev >> 8 & 0xfff),
			  (unsigned)((rdev & 0xff) | (rdev >> 12 & 0xfff00)));
}

bool block_direct_alignment(const struct inode *i, uint32_t *memory, uint32_t *offset)
{
	const struct block_device *d = device_of(i);

	if (!d)
		return false;
	*memory = DMA_ALIGNMENT;
	*offset = d->logical;
	return true;
}

int block_open(struct inode *i, struct dentry *dentry, unsigned flags, struct file **out)
{
	struct block_device *d = device_of(i);
	struct block_file *b;
	bool busy = false;

	if (!d || d->gone)
		return -ENXIO;
	b = kmalloc(sizeof *b);
	if (!b)
		return -ENOMEM;
	b->device = d;
	mutex_init(&b->position);
	if (flags & O_EXCL) {
		spin_lock(&d->lock);
		busy = d->exclusive != NULL;
		if (!busy)
			d->exclusive = b;
		spin_unlock(&d->lock);
	}
	*out = busy ? NULL : file_new(&block_file_ops, flags, i, dentry, b);
	if (*out)
		return 0;
	spin_lock(&d->lock);
	if (d->exclusive == b)
		d->exclusive = NULL;
	spin_unlock(&d->lock);
	kfree(b);
	return busy ? -EBUSY : -ENOMEM;
}

void block_sync_all(void)
{
	for (struct block_device *d = block_next(NULL); d; d = block_next(d))
		if (!d->gone && !block_is_readonly(d))
			block_flush(d);
}
