/*
 * Transfers of programs: any bytes, cut into requests that a device can do, several of them in
 * flight at once.
 *
 * Writes, discards and zeroing of overlapping sectors wait for each other, first come first served,
 * from the read of a sector that is changed in part to the end of its write. Reads wait for nobody.
 */
#include <asm/errno.h>
#include "dev/block_internal.h"
#include "lib/string.h"

#define IN_FLIGHT 8u /* requests of one call */

/* A call under way, on the stack of its thread. */
struct call {
	struct block_device *d;
	struct uio *u;
	enum block_op op;
	uint64_t pos, end;  /* bytes not yet given to the device */
	struct list pieces; /* given to it, in order */
	unsigned npieces;
	size_t done;
	int error;   /* of the first piece that failed: what comes after counts no more */
	int refused; /* why the bytes from end on are not to be transferred */
	spinlock_t lock;
	struct waitqueue wait;
};

static void call_init(struct call *c, struct block_device *d, enum block_op op, struct uio *u,
		      uint64_t pos)
{
	*c = (struct call){.d = d, .u = u, .op = op, .pos = pos, .end = pos + u->left};
	list_init(&c->pieces);
	waitqueue_init(&c->wait);
}

static uint64_t round_down(uint64_t n, uint32_t unit)
{
	return n & ~(uint64_t)(unit - 1);
}

static uint64_t round_up(uint64_t n, uint32_t unit)
{
	return round_down(n + unit - 1, unit);
}

/* --- ranges that are being written --- */

struct block_range {
	struct list link;
	uint64_t start, end; /* bytes, whole sectors */
};

/* Nobody who came earlier writes there. */
static bool range_free(struct block_device *d, const struct block_range *r)
{
	bool is_free = true;

	spin_lock(&d->lock);
	list_for_each_entry (other, &d->ranges, struct block_range, link) {
		if (other == r)
			break;
		if (other->start < r->end && r->start < other->end) {
			is_free = false;
			break;
		}
	}
	spin_unlock(&d->lock);
	return is_free;
}

static void range_lock(struct block_device *d, struct block_range *r, uint64_t start, uint64_t end)
{
	r->start = round_down(start, d->logical);
	r->end = round_up(end, d->logical);
	spin_lock(&d->lock);
	list_add_tail(&d->ranges, &r->link);
	spin_unlock(&d->lock);
	if (!range_free(d, r))
		wait_event_uninterruptible(&d->ranges_wait, range_free(d, r));
}

static void range_unlock(struct block_device *d, struct block_range *r)
{
	spin_lock(&d->lock);
	list_remove(&r->link);
	spin_unlock(&d->lock);
	waitqueue_wake_all(&d->ranges_wait, 0);
}

/* --- pieces --- */

static void piece_done(struct block_request *r, int error)
{
	struct block_piece *p = container_of(r, struct block_piece, r);
	struct call *c = r->owner;

	/* Under the lock, as the caller may be gone as soon as it sees the piece finished. */
	spin_lock(&c->lock);
	p->error = error;
	p->finished = true;
	waitqueue_wake_all(&c->wait, 0);
	spin_unlock(&c->lock);
}

/* Gives n bytes of p's data from offset on to the device, for the sectors at pos. */
static void piece_submit(struct call *c, struct block_piece *p, enum block_op op, size_t offset,
			 uint64_t pos, size_t n)
{
	unsigned segments = 0;

	for (size_t at = offset; at < offset + n;) {
		size_t len = PAGE_SIZE - at % PAGE_SIZE;

		if (len > offset + n - at)
			len = offset + n - at;
		p->segments[segments++] =
		    (struct block_segment){virt_to_phys(p->data + at), (uint32_t)len};
		at += len;
	}
	p->r = (struct block_request){.op = op,
				      .sector = pos / BLOCK_SECTOR,
				      .sectors = n / BLOCK_SECTOR,
				      .segments = p->segments,
				      .nsegments = segments,
				      .done = piece_done,
				      .owner = c};
	list_init(&p->r.link);
	p->finished = false;
	block_submit(c->d, &p->r);
}

static int piece_wait(struct call *c, struct block_piece *p)
{
	wait_event_uninterruptible(&c->wait, __atomic_load_n(&p->finished, __ATOMIC_ACQUIRE));
	spin_lock(&c->lock); /* piece_done has let go of it */
	spin_unlock(&c->lock);
	return p->error;
}

/* Reads one sector into its place in p's data. */
static int read_sector(struct call *c, struct block_piece *p, uint64_t start, uint64_t sector)
{
	piece_submit(c, p, BLOCK_READ, sector - start, sector, c->d->logical);
	block_commit(c->d);
	return piece_wait(c, p);
}

/* Brings in what a write of [p->pos, p->pos + p->len) leaves of its first and last sector. */
static int read_edges(struct call *c, struct block_piece *p, uint64_t start)
{
	uint32_t size = c->d->logical;
	uint64_t end = p->pos + p->len, last = round_down(end, size);
	int err = 0;

	if (p->pos != start)
		err = read_sector(c, p, start, start);
	if (!err && end != last && (last != start || p->pos == start))
		err = read_sector(c, p, start, last);
	return err;
}

/* Fills p with what is to be written. A buffer that ends in a fault makes the write shorter, and so
 * does a last sector that cannot be read: then another sector is the last, and all is done again.
 * 0, -errno: nothing to be written. */
static int fill(struct call *c, struct block_piece *p, uint64_t start)
{
	for (;;) {
		int err = read_edges(c, p, start);
		uint64_t end = p->pos + p->len, last = round_down(end, c->d->logical);

		if (err && last != end && last > p->pos) {
			c->refused = err;
			c->end = last;
			p->len = (size_t)(last - p->pos);
			continue;
		}
		if (err)
			return err;
		size_t got = uio_get(c->u, p->data + (p->pos - start), p->len);

		if (got == p->len)
			return 0;
		if (!got)
			return -EFAULT;
		c->end = p->pos + got;
		uio_back(c->u, got);
		p->len = got;
	}
}

/* Gives the next piece of the call to the device, if there is memory for it. False: there is none
 * until a piece is retired. */
static bool next_piece(struct call *c)
{
	struct block_device *d = c->d;
	uint64_t start = round_down(c->pos, d->logical);
	uint64_t rest = round_up(c->end, d->logical) - start;
	size_t want = rest < SIZE_MAX ? (size_t)rest : SIZE_MAX;
	struct block_piece *p = block_piece_get(d, want);

	if (!p && c->npieces)
		return false;
	if (!p)
		p = block_piece_wait(d, want);
	uint64_t end = start + p->capacity;

	if (end >= c->end)
		end = c->end;
	else if (round_down(end, d->physical) > c->pos)
		end = round_down(end, d->physical); /* so that the next ones are aligned */
	p->pos = c->pos;
	p->len = (size_t)(end - c->pos);
	if (c->op == BLOCK_WRITE) {
		int err = fill(c, p, start);

		if (err) {
			c->refused = err;
			c->end = c->pos;
			block_piece_put(d, p);
			return true;
		}
		end = p->pos + p->len;
	}
	size_t n = (size_t)(round_up(end, d->logical) - start);

	c->pos = end;
	list_add_tail(&c->pieces, &p->link);
	c->npieces++;
	piece_submit(c, p, c->op, 0, start, n);
	return true;
}

/* Waits for the oldest piece, and counts what it has done. */
static void retire(struct call *c)
{
	struct block_piece *p = list_entry(c->pieces.next, struct block_piece, link);
	size_t skip = (size_t)(p->pos % c->d->logical), got = p->len;
	int err = piece_wait(c, p);

	if (!err && !c->error && c->op == BLOCK_READ) {
		got = uio_put(c->u, p->data + skip, p->len);
		if (got < p->len)
			err = -EFAULT;
	} else if (err) {
		got = 0;
	}
	if (!c->error) {
		c->done += got;
		c->error = err;
	}
	list_remove(&p->link);
	c->npieces--;
	block_piece_put(c->d, p);
}

static long run(struct call *c)
{
	uint64_t from = c->pos;

	while (c->npieces || (c->pos < c->end && !c->error)) {
		while (c->pos < c->end && !c->error && c->npieces < IN_FLIGHT)
			if (!next_piece(c))
				break;
		block_commit(c->d);
		if (c->npieces)
			retire(c);
	}
	if (c->op == BLOCK_WRITE && c->pos - from > c->done)
		uio_back(c->u, (size_t)(c->pos - from) - c->done);
	return c->done ? (long)c->done : c->error ? c->error : c->refused;
}

long block_read(struct block_device *d, struct uio *u, uint64_t pos)
{
	struct call c;

	call_init(&c, d, BLOCK_READ, u, pos);
	return run(&c);
}

static long write_range(struct block_device *d, struct uio *u, uint64_t pos)
{
	struct call c;

	call_init(&c, d, BLOCK_WRITE, u, pos);
	return run(&c);
}

long block_write(struct block_device *d, struct uio *u, uint64_t pos)
{
	struct block_range range;

	range_lock(d, &range, pos, pos + u->left);
	long done = write_range(d, u, pos);

	range_unlock(d, &range);
	return done;
}

/* --- commands without data --- */

#define COMMAND_MAX 0x400000u /* sectors of one: the length in bytes fits into 32 bits */

struct command {
	struct block_request r;
	bool finished;
	int error;
	spinlock_t lock;
	struct waitqueue wait;
};

static void command_done(struct block_request *r, int error)
{
	struct command *c = container_of(r, struct command, r);

	spin_lock(&c->lock);
	c->error = error;
	c->finished = true;
	waitqueue_wake_all(&c->wait, 0);
	spin_unlock(&c->lock);
}

static int command(struct block_device *d, enum block_op op, uint64_t sector, uint64_t sectors,
		   bool unmap)
{
	struct command c = {.r = {.op = op,
				  .sector = sector,
				  .sectors = sectors,
				  .unmap = unmap,
				  .done = command_done}};

	list_init(&c.r.link);
	waitqueue_init(&c.wait);
	block_submit(d, &c.r);
	block_commit(d);
	wait_event_uninterruptible(&c.wait, __atomic_load_n(&c.finished, __ATOMIC_ACQUIRE));
	spin_lock(&c.lock);
	spin_unlock(&c.lock);
	return c.error;
}

/*
 * A flush covers what was written before it began. So whoever comes while one is under way shares
 * the next with all who came meanwhile.
 */
int block_flush(struct block_device *d)
{
	if (!d->flush)
		return __atomic_load_n(&d->gone, __ATOMIC_ACQUIRE) ? -EIO : 0;
	spin_lock(&d->lock);
	uint64_t mine = d->flushing.started + 1;

	while (d->flushing.done < mine) {
		bool first = d->flushing.started == d->flushing.done;
		uint64_t number = first ? ++d->flushing.started : 0;

		spin_unlock(&d->lock);
		if (first) {
			int err = command(d, BLOCK_FLUSH, 0, 0, false);

			spin_lock(&d->lock);
			d->flushing.done = number;
			if (err)
				d->flushing.failed = number;
			spin_unlock(&d->lock);
			waitqueue_wake_all(&d->flushing.wait, 0);
		} else {
			wait_event_uninterruptible(
			    &d->flushing.wait,
			    __atomic_load_n(&d->flushing.done, __ATOMIC_ACQUIRE) ==
				    __atomic_load_n(&d->flushing.started, __ATOMIC_ACQUIRE) ||
				__atomic_load_n(&d->flushing.done, __ATOMIC_ACQUIRE) >= mine);
		}
		spin_lock(&d->lock);
	}
	int err = d->flushing.failed >= mine ? -EIO : 0;

	spin_unlock(&d->lock);
	return err;
}

/* op on [pos, pos + len), in parts of at most `most` sectors whose ends are multiples of unit. */
static int for_parts(struct block_device *d, enum block_op op, uint64_t pos, uint64_t len,
		     uint32_t most, uint32_t unit, bool unmap)
{
	uint64_t sector = pos / BLOCK_SECTOR, end = (pos + len) / BLOCK_SECTOR;
	int err = 0;

	unit /= BLOCK_SECTOR;
	if (!most || most > COMMAND_MAX)
		most = COMMAND_MAX;
	most -= most % (d->logical / BLOCK_SECTOR);
	while (sector < end && !err) {
		uint64_t n = end - sector;

		if (n > most) {
			n = most;
			if ((sector + n) % unit < n)
				n -= (sector + n) % unit;
		}
		err = command(d, op, sector, n, unmap);
		sector += n;
	}
	return err;
}

int block_discard(struct block_device *d, uint64_t pos, uint64_t len)
{
	struct block_range range;

	if (!d->discard)
		return -EOPNOTSUPP;
	range_lock(d, &range, pos, pos + len);
	int err = for_parts(d, BLOCK_DISCARD, pos, len, d->max_discard_sectors,
			    d->discard_granularity, false);

	range_unlock(d, &range);
	return err;
}

static int write_zeroes(struct block_device *d, uint64_t pos, uint64_t len)
{
	static uint8_t zeroes[PAGE_SIZE];
	struct uio_vec vec[16];

	while (len) {
		struct uio u;
		size_t n = 0;

		uio_init_kernel(&u, zeroes, 0);
		u.vec = vec;
		for (u.count = 0; u.count < sizeof vec / sizeof vec[0] && n < len; u.count++) {
			size_t part = len - n < PAGE_SIZE ? (size_t)(len - n) : PAGE_SIZE;

			vec[u.count] = (struct uio_vec){(uintptr_t)zeroes, part};
			n += part;
		}
		u.left = n;
		long done = write_range(d, &u, pos);

		if (done < 0)
			return (int)done;
		pos += (uint64_t)done;
		len -= (uint64_t)done;
	}
	return 0;
}

int block_zero(struct block_device *d, uint64_t pos, uint64_t len, bool unmap, bool fallback)
{
	struct block_range range;
	int err = -EOPNOTSUPP;

	range_lock(d, &range, pos, pos + len);
	if (d->write_zeroes)
		err = for_parts(d, BLOCK_WRITE_ZEROES, pos, len, d->max_zeroes_sectors, d->logical,
				unmap);
	if (err == -EOPNOTSUPP)
		d->write_zeroes = false; /* it said so, if not before */
	if (err == -EOPNOTSUPP && fallback)
		err = write_zeroes(d, pos, len);
	range_unlock(d, &range);
	return err;
}
