#include "vfs/filedata.h"
#include <asm/errno.h>
#include <linux/fcntl.h>
#include "lib/string.h"
#include "mm/filemap.h"
#include "mm/kmalloc.h"

static _Atomic uint64_t pages_used;
static uint8_t zero_page[PAGE_SIZE];

uint64_t filedata_pages_used(void)
{
	return atomic_load(&pages_used);
}

/* A sixteenth of memory stays for the program and the kernel: running out there ends the machine,
 * running out here is an ENOSPC that the program can handle. */
uint64_t filedata_pages_free(void)
{
	size_t reserve = page_total() / 16, available = page_available();
	return available > reserve ? available - reserve : 0;
}

static uint8_t *new_page(void)
{
	if (!filedata_pages_free())
		return NULL;
	paddr_t p = page_alloc(0);
	if (p == PADDR_NONE)
		return NULL;
	atomic_fetch_add(&pages_used, 1);
	return phys_to_virt(p);
}

static void free_page(void *page)
{
	atomic_fetch_sub(&pages_used, 1);
	page_free(virt_to_phys(page), 0);
}

/* Sharing and removing, see the header. */
static void io_share(struct filedata *d)
{
	for (;;) {
		int n = atomic_load(&d->io);
		if (n >= 0 && atomic_compare_exchange_weak(&d->io, &n, n + 1))
			return;
		__builtin_ia32_pause();
	}
}

static void io_unshare(struct filedata *d)
{
	atomic_fetch_sub(&d->io, 1);
}

static void io_alone(struct filedata *d)
{
	int none = 0;
	while (!atomic_compare_exchange_weak(&d->io, &none, -1)) {
		none = 0;
		__builtin_ia32_pause();
	}
}

static void io_done(struct filedata *d)
{
	atomic_store(&d->io, 0);
}

/* What page index holds as long as the tree has none: backing, then zeroes. */
static void fill_from_base(const struct filedata *d, uint64_t index, uint8_t *page)
{
	uint64_t pos = index << PAGE_SHIFT;
	size_t n = 0;
	if (pos < d->base_len) {
		n = d->base_len - pos < PAGE_SIZE ? (size_t)(d->base_len - pos) : PAGE_SIZE;
		memcpy(page, d->base + pos, n);
	}
	memset(page + n, 0, PAGE_SIZE - n);
}

/* The page at index, made if need be. Under d->lock. NULL when memory is short. */
static uint8_t *make_page(struct filedata *d, uint64_t index)
{
	uint8_t *page = pagetree_lookup(&d->pages, index);
	if (page)
		return page;
	page = new_page();
	if (!page)
		return NULL;
	fill_from_base(d, index, page);
	if (pagetree_insert(&d->pages, index, page)) {
		free_page(page);
		return NULL;
	}
	return page;
}

void filedata_init(struct filedata *d)
{
	*d = (struct filedata){.size = 0};
}

void filedata_set_backing(struct filedata *d, const void *base, uint64_t len, struct backing *b)
{
	d->base = base;
	d->base_len = d->size = len;
	d->backing = b;
	if (b)
		atomic_fetch_add(&b->refs, 1);
}

void backing_put(struct backing *b)
{
	if (b && atomic_fetch_sub(&b->refs, 1) == 1)
		b->release(b);
}

static void drop_backing(struct filedata *d)
{
	struct backing *b = d->backing;
	d->base = NULL;
	d->base_len = 0;
	d->backing = NULL;
	backing_put(b);
}

void filedata_free(struct filedata *d)
{
	pagetree_free(&d->pages, free_page);
	drop_backing(d);
}

uint64_t filedata_size(struct filedata *d)
{
	spin_lock(&d->lock);
	uint64_t size = d->size;
	spin_unlock(&d->lock);
	return size;
}

uint64_t filedata_blocks(struct filedata *d)
{
	spin_lock(&d->lock);
	uint64_t pages = d->pages.count, all = (d->size + PAGE_SIZE - 1) >> PAGE_SHIFT;
	if (d->base_len) {
		pages += (d->base_len + PAGE_SIZE - 1) >> PAGE_SHIFT;
		if (pages > all)
			pages = all;
	}
	spin_unlock(&d->lock);
	return pages * (PAGE_SIZE / 512);
}

const void *filedata_pin(struct filedata *d, uint64_t pos, size_t *len)
{
	io_share(d);
	spin_lock(&d->lock);
	size_t offset = pos & (PAGE_SIZE - 1), n = PAGE_SIZE - offset;
	if (pos >= d->size)
		n = 0;
	else if (n > d->size - pos)
		n = (size_t)(d->size - pos);
	const uint8_t *data = pagetree_lookup(&d->pages, pos >> PAGE_SHIFT);
	if (data) {
		data += offset;
	} else if (pos < d->base_len) {
		data = d->base + pos;
		if (n > d->base_len - pos)
			n = (size_t)(d->base_len - pos);
	} else {
		data = zero_page + offset;
	}
	spin_unlock(&d->lock);
	*len = n;
	return data;
}

void filedata_unpin(struct filedata *d)
{
	io_unshare(d);
}

const void *filedata_constant(struct filedata *d, uint64_t pos, size_t max, size_t *len,
			      struct backing **b)
{
	const uint8_t *data = NULL;
	*b = NULL;
	*len = 0;
	spin_lock(&d->lock);
	uint64_t end = d->base_len < d->size ? d->base_len : d->size;
	if (pos < end) {
		uint64_t page = pos >> PAGE_SHIFT;
		if (end - pos > max)
			end = pos + max;
		if (pagetree_next(&d->pages, &page) && page << PAGE_SHIFT < end)
			end = page << PAGE_SHIFT;
	}
	if (pos < end) {
		data = d->base + pos;
		*len = (size_t)(end - pos);
		*b = d->backing;
		if (*b)
			atomic_fetch_add(&(*b)->refs, 1);
	}
	spin_unlock(&d->lock);
	return data;
}

long filedata_read(struct filedata *d, struct uio *u, uint64_t pos)
{
	size_t done = 0;
	while (u->left) {
		size_t n;
		const void *data = filedata_pin(d, pos, &n);
		size_t got = uio_put(u, data, n);
		filedata_unpin(d);
		done += got;
		pos += got;
		if (!n)
			break;
		if (got < n && u->left)
			return done ? (long)done : -EFAULT;
	}
	return (long)done;
}

/* Copies n bytes of u to pos, within one page. Bytes done, or -ENOSPC. */
static long write_piece(struct filedata *d, struct uio *u, uint64_t pos, size_t n)
{
	uint64_t index = pos >> PAGE_SHIFT;
	size_t offset = pos & (PAGE_SIZE - 1);
	spin_lock(&d->lock);
	uint8_t *page = pagetree_lookup(&d->pages, index), *fresh = NULL;
	if (!page) {
		page = fresh = new_page();
		if (page)
			fill_from_base(d, index, page);
	}
	spin_unlock(&d->lock);
	if (!page)
		return -ENOSPC;
	/* A fresh page enters the tree when it is filled. */
	size_t got = uio_get(u, page + offset, n);
	spin_lock(&d->lock);
	long result = (long)got;
	if (fresh && !got) {
		free_page(fresh);
	} else if (fresh) {
		uint8_t *other = pagetree_lookup(&d->pages, index); /* a fault was faster */
		if (other)
			memcpy(other + offset, fresh + offset, got);
		if (other || pagetree_insert(&d->pages, index, fresh)) {
			free_page(fresh);
			if (!other)
				result = -ENOSPC;
		}
	}
	if (result > 0 && pos + got > d->size)
		d->size = pos + got;
	spin_unlock(&d->lock);
	return result;
}

long filedata_write(struct filedata *d, struct uio *u, uint64_t *pos, bool append, uint64_t limit)
{
	spin_lock(&d->write);
	io_share(d);
	if (append)
		*pos = filedata_size(d);
	long done = 0, err = 0;
	if (limit > FILE_MAX_SIZE)
		limit = FILE_MAX_SIZE;
	if (*pos >= limit)
		err = -EFBIG;
	if (d->seals & F_SEAL_WRITE)
		err = -EPERM;
	uint64_t at = *pos;
	while (!err && u->left && at < limit) {
		size_t n = PAGE_SIZE - (at & (PAGE_SIZE - 1));
		if (n > u->left)
			n = u->left;
		if (n > limit - at)
			n = (size_t)(limit - at);
		if ((d->seals & F_SEAL_GROW) && at + n > d->size) {
			if (at >= d->size) {
				err = -EPERM;
				break;
			}
			n = (size_t)(d->size - at);
		}
		long got = write_piece(d, u, at, n);
		if (got < 0) {
			err = got;
			break;
		}
		done += got;
		at += (uint64_t)got;
		if ((size_t)got < n)
			err = -EFAULT;
	}
	io_unshare(d);
	spin_unlock(&d->write);
	return done ? done : err;
}

/*
 * Removes the pages first..last, a batch at a time: out of the tree, then out of the program's
 * page tables, then back to the allocator. The caller has io alone.
 */
static void remove_pages(struct filedata *d, uint64_t first, uint64_t last)
{
	void *batch[64];
	for (;;) {
		unsigned n = 0;
		uint64_t index = first, low = 0, high = 0;
		spin_lock(&d->lock);
		while (n < sizeof batch / sizeof *batch) {
			void *page = pagetree_next(&d->pages, &index);
			if (!page || index > last)
				break;
			pagetree_remove(&d->pages, index);
			if (!n)
				low = index;
			high = index;
			batch[n++] = page;
		}
		spin_unlock(&d->lock);
		if (!n)
			return;
		if (atomic_load(&d->mapped))
			mm_unmap_file_range(d, low, high, false);
		for (unsigned i = 0; i < n; i++)
			free_page(batch[i]);
		first = high + 1;
	}
}

/* Zeroes bytes from..to (exclusive) of the one page they lie in, if there is anything in it. */
static int zero_part(struct filedata *d, uint64_t from, uint64_t to)
{
	if (from >= to)
		return 0;
	spin_lock(&d->lock);
	uint64_t index = from >> PAGE_SHIFT;
	uint8_t *page = pagetree_lookup(&d->pages, index);
	int err = 0;
	if (!page && from < d->base_len) {
		page = make_page(d, index);
		if (!page)
			err = -ENOSPC;
	}
	if (page)
		memset(page + (from & (PAGE_SIZE - 1)), 0, (size_t)(to - from));
	spin_unlock(&d->lock);
	return err;
}

static void shrink(struct filedata *d, uint64_t size)
{
	spin_lock(&d->lock);
	d->size = size;
	if (d->base_len > size)
		d->base_len = size;
	bool drop = !d->base_len && d->base;
	spin_unlock(&d->lock);
	uint64_t first = (size + PAGE_SIZE - 1) >> PAGE_SHIFT;
	if (atomic_load(&d->mapped))
		mm_unmap_file_range(d, first, UINT64_MAX >> PAGE_SHIFT, true);
	remove_pages(d, first, UINT64_MAX);
	zero_part(d, size, page_align_up(size));
	if (drop)
		drop_backing(d);
}

int filedata_truncate(struct filedata *d, uint64_t size)
{
	if (size > FILE_MAX_SIZE)
		return -EFBIG;
	int err = 0;
	spin_lock(&d->write);
	io_alone(d);
	uint64_t old = filedata_size(d);
	if ((size < old && (d->seals & F_SEAL_SHRINK)) ||
	    (size > old && (d->seals & F_SEAL_GROW))) {
		err = -EPERM;
	} else if (size < old) {
		shrink(d, size);
	} else {
		spin_lock(&d->lock);
		d->size = size;
		spin_unlock(&d->lock);
	}
	io_done(d);
	spin_unlock(&d->write);
	return err;
}

int filedata_allocate(struct filedata *d, uint64_t pos, uint64_t len, bool keep_size)
{
	if (len > FILE_MAX_SIZE || pos > FILE_MAX_SIZE - len)
		return -EFBIG;
	int err = 0;
	spin_lock(&d->write);
	uint64_t end = pos + len, last = (end - 1) >> PAGE_SHIFT;
	if ((d->seals & F_SEAL_GROW) && end > filedata_size(d))
		err = -EPERM;
	else if (last - (pos >> PAGE_SHIFT) > filedata_pages_free() + d->pages.count)
		err = -ENOSPC; /* never possible: do not even begin */
	for (uint64_t i = pos >> PAGE_SHIFT; !err && i <= last; i++) {
		spin_lock(&d->lock);
		if (!make_page(d, i))
			err = -ENOSPC;
		spin_unlock(&d->lock);
	}
	spin_lock(&d->lock);
	if (!err && !keep_size && end > d->size)
		d->size = end;
	spin_unlock(&d->lock);
	spin_unlock(&d->write);
	return err;
}

int filedata_punch(struct filedata *d, uint64_t pos, uint64_t len)
{
	if (len > FILE_MAX_SIZE || pos > FILE_MAX_SIZE - len)
		return -EFBIG;
	int err = 0;
	spin_lock(&d->write);
	io_alone(d);
	uint64_t end = pos + len, first = (pos + PAGE_SIZE - 1) >> PAGE_SHIFT;
	uint64_t after = end >> PAGE_SHIFT; /* pages first..after-1 go as a whole */
	if (d->seals & F_SEAL_WRITE) {
		err = -EPERM;
	} else if (first > after) {
		err = zero_part(d, pos, end);
	} else {
		err = zero_part(d, pos, first << PAGE_SHIFT);
		if (!err)
			err = zero_part(d, after << PAGE_SHIFT, end);
		if (!err && after > first)
			remove_pages(d, first, after - 1);
		/* Where the backing shines through, pages of zeroes must cover it. */
		spin_lock(&d->lock);
		for (uint64_t i = first; !err && i < after && i << PAGE_SHIFT < d->base_len; i++) {
			uint8_t *page = make_page(d, i);
			if (page)
				memset(page, 0, PAGE_SIZE);
			else
				err = -ENOSPC;
		}
		spin_unlock(&d->lock);
	}
	io_done(d);
	spin_unlock(&d->write);
	return err;
}

int64_t filedata_seek(struct filedata *d, uint64_t pos, bool hole)
{
	int64_t result = -ENXIO;
	spin_lock(&d->lock);
	if (pos >= d->size)
		goto out;
	uint64_t at = pos;
	if (!hole) {
		if (at >= d->base_len) {
			uint64_t index = at >> PAGE_SHIFT;
			if (!pagetree_next(&d->pages, &index) || index << PAGE_SHIFT >= d->size)
				goto out;
			if (index > at >> PAGE_SHIFT)
				at = index << PAGE_SHIFT;
		}
		result = (int64_t)at;
		goto out;
	}
	while (at < d->size && (at < d->base_len || pagetree_lookup(&d->pages, at >> PAGE_SHIFT)))
		at = (at | (PAGE_SIZE - 1)) + 1;
	result = (int64_t)(at < d->size ? at : d->size);
out:
	spin_unlock(&d->lock);
	return result;
}

int filedata_map_page(struct filedata *d, uint64_t pgoff, bool write, paddr_t *out)
{
	(void)write; /* a page of the file's own serves for both */
	int err = 0;
	spin_lock(&d->lock);
	if (pgoff >= (d->size + PAGE_SIZE - 1) >> PAGE_SHIFT) {
		err = -ERANGE;
	} else {
		uint8_t *page = make_page(d, pgoff);
		if (page)
			*out = virt_to_phys(page);
		else
			err = -ENOMEM;
		atomic_store(&d->mapped, true);
	}
	spin_unlock(&d->lock);
	return err;
}
