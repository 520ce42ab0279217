/*
 * The pages that requests move data through. They come from the page allocator and go back to it;
 * all together are bounded, and when memory is short a device has one small piece of its own, so
 * that transfers always end.
 */
#include <asm/errno.h>
#include "dev/block_internal.h"
#include "lib/string.h"
#include "mm/kmalloc.h"

#define PIECE_ORDER   6u /* 256 KiB: larger requests gain nothing */
#define RESERVE_ORDER 3u
/* Pages of all pieces: a sixteenth of RAM, but not more than 32 MiB. */
#define SHARE	   16u
#define MOST_PAGES 8192u
/* Pages that are left for others: 1/64 of RAM. */
#define SHARE_LEFT 64u

static struct {
	spinlock_t lock;
	size_t pages;
	struct waitqueue wait; /* for a piece to be put back */
} pool = {.wait = WAITQUEUE_INIT(pool.wait)};

static size_t bytes_of(unsigned order)
{
	return PAGE_SIZE << order;
}

size_t block_piece_max(const struct block_device *d)
{
	size_t max = (size_t)d->max_segments * PAGE_SIZE;

	if (max > d->max_bytes)
		max = d->max_bytes;
	if (max > bytes_of(PIECE_ORDER))
		max = bytes_of(PIECE_ORDER);
	return max - max % d->logical;
}

/* A piece of 2^order pages, not counted. */
static struct block_piece *make(unsigned order)
{
	unsigned nsegments = 1u << order;
	struct block_piece *p = kmalloc(sizeof *p + nsegments * sizeof p->segments[0]);
	paddr_t data = p ? page_alloc(order) : PADDR_NONE;

	if (data == PADDR_NONE) {
		kfree(p);
		return NULL;
	}
	memset(p, 0, sizeof *p);
	p->data = phys_to_virt(data);
	p->order = order;
	return p;
}

static void destroy(struct block_piece *p)
{
	page_free(virt_to_phys(p->data), p->order);
	kfree(p);
}

/* Counts 2^order pages more. False: that would be too many. */
static bool take(unsigned order)
{
	size_t most = page_total() / SHARE, n = (size_t)1 << order;
	bool fits;

	if (most > MOST_PAGES)
		most = MOST_PAGES;
	spin_lock(&pool.lock);
	fits = pool.pages + n <= most && page_available() >= n + page_total() / SHARE_LEFT;
	if (fits)
		pool.pages += n;
	spin_unlock(&pool.lock);
	return fits;
}

static void give_back(unsigned order)
{
	spin_lock(&pool.lock);
	pool.pages -= (size_t)1 << order;
	spin_unlock(&pool.lock);
}

static struct block_piece *take_reserve(struct block_device *d)
{
	bool used;

	spin_lock(&d->lock);
	used = d->reserve_used;
	d->reserve_used = true;
	spin_unlock(&d->lock);
	return used ? NULL : d->reserve;
}

struct block_piece *block_piece_get(struct block_device *d, size_t want)
{
	size_t max = block_piece_max(d);
	struct block_piece *p = NULL;
	unsigned order = 0;

	if (max > want)
		max = want;
	while (bytes_of(order) < max)
		order++;
	for (unsigned o = order + 1; !p && o-- > 0;) {
		if (!take(o))
			continue;
		p = make(o);
		if (!p)
			give_back(o);
	}
	if (!p)
		p = take_reserve(d);
	if (!p)
		return NULL;
	p->capacity = bytes_of(p->order) < max ? bytes_of(p->order) : max;
	p->finished = false;
	p->error = 0;
	return p;
}

struct block_piece *block_piece_wait(struct block_device *d, size_t want)
{
	struct block_piece *p;

	wait_event_uninterruptible(&pool.wait, (p = block_piece_get(d, want)) != NULL);
	return p;
}

void block_piece_put(struct block_device *d, struct block_piece *p)
{
	if (p->is_reserve) {
		spin_lock(&d->lock);
		d->reserve_used = false;
		spin_unlock(&d->lock);
	} else {
		unsigned order = p->order;

		destroy(p);
		give_back(order);
	}
	waitqueue_wake_all(&pool.wait, 0);
}

int block_reserve_init(struct block_device *d)
{
	d->reserve = make(RESERVE_ORDER);
	if (!d->reserve)
		return -ENOMEM;
	d->reserve->is_reserve = true;
	return 0;
}

void block_reserve_free(struct block_device *d)
{
	destroy(d->reserve);
	d->reserve = NULL;
}
