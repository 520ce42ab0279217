/* dev/block.h: the list of devices, submission, counters. */
#include "dev/block.h"
#include <asm/errno.h>
#include "dev/block_internal.h"
#include "lib/printk.h"
#include "lib/string.h"
#include "time/clock.h"

#define READ_AHEAD 256u /* sectors, as Linux tells of its disks; nothing is read ahead here */

struct list block_devices = LIST_INIT(block_devices);
spinlock_t block_list_lock = SPINLOCK_INIT;
static uint64_t sequence;

void block_name(char name[16], const char *prefix, unsigned index)
{
	char letters[8];
	unsigned n = sizeof letters - 1;

	/* Digits from a to z, but without a zero: z is followed by aa. */
	letters[n] = '\0';
	do {
		letters[--n] = (char)('a' + index % 26);
		index /= 26;
	} while (index-- && n);
	ksnprintf(name, 16, "%s%s", prefix, letters + n);
}

struct block_device *block_find(unsigned major, unsigned minor)
{
	struct block_device *found = NULL;

	spin_lock(&block_list_lock);
	list_for_each_entry (d, &block_devices, struct block_device, link)
		if (d->major == major && d->minor == minor && !d->gone)
			found = d;
	spin_unlock(&block_list_lock);
	return found;
}

struct block_device *block_next(struct block_device *d)
{
	spin_lock(&block_list_lock);
	struct list *next = d ? d->link.next : block_devices.next;
	spin_unlock(&block_list_lock);
	return next == &block_devices ? NULL : list_entry(next, struct block_device, link);
}

uint64_t block_bytes(const struct block_device *d)
{
	return __atomic_load_n(&d->sectors, __ATOMIC_RELAXED) * BLOCK_SECTOR;
}

static bool sane_size(uint32_t size)
{
	return size >= BLOCK_SECTOR && size <= PAGE_SIZE && !(size & (size - 1));
}

/* The device's fields come from outside the machine, by way of the driver. */
static bool sane(struct block_device *d)
{
	if (!d->physical || d->physical < d->logical || (d->physical & (d->physical - 1)))
		d->physical = d->logical;
	if (!d->io_min)
		d->io_min = d->physical;
	if (d->discard_granularity < d->logical)
		d->discard_granularity = d->logical;
	if (d->max_segments > BLOCK_MAX_SEGMENTS)
		d->max_segments = BLOCK_MAX_SEGMENTS;
	return sane_size(d->logical) && d->max_segments && d->max_bytes >= d->logical &&
	       !(d->discard_granularity % BLOCK_SECTOR);
}

static uint64_t whole_sectors(const struct block_device *d, uint64_t sectors)
{
	const uint64_t most = INT64_MAX / BLOCK_SECTOR; /* bytes are signed */

	if (sectors > most)
		sectors = most;
	return sectors - sectors % (d->logical / BLOCK_SECTOR);
}

int block_register(struct block_device *d)
{
	int err = 0;

	if (!sane(d))
		return -EINVAL;
	d->lock = (spinlock_t)SPINLOCK_INIT;
	d->sectors = whole_sectors(d, d->sectors);
	d->block_size = PAGE_SIZE;
	d->read_ahead = READ_AHEAD;
	list_init(&d->ranges);
	waitqueue_init(&d->ranges_wait);
	waitqueue_init(&d->flushing.wait);
	/* One device at a time is registered, so nothing comes between. */
	spin_lock(&block_list_lock);
	list_for_each_entry (other, &block_devices, struct block_device, link)
		if (!other->gone && (!strcmp(other->name, d->name) ||
				     (other->major == d->major && other->minor == d->minor)))
			err = -EEXIST;
	spin_unlock(&block_list_lock);
	if (!err)
		err = block_reserve_init(d);
	if (err)
		return err;
	err = block_nodes_add(d);
	if (err) {
		block_reserve_free(d);
		return err;
	}
	spin_lock(&block_list_lock);
	d->sequence = ++sequence;
	list_add_tail(&block_devices, &d->link);
	spin_unlock(&block_list_lock);
	return 0;
}

void block_set_size(struct block_device *d, uint64_t sectors)
{
	uint64_t size = whole_sectors(d, sectors);

	if (__atomic_exchange_n(&d->sectors, size, __ATOMIC_RELAXED) != size)
		printk("unigornel: %s: now %llu sectors of 512 bytes\n", d->name,
		       (unsigned long long)size);
}

void block_remove(struct block_device *d)
{
	if (!__atomic_exchange_n(&d->gone, true, __ATOMIC_ACQ_REL))
		block_nodes_remove(d);
}

void block_submit(struct block_device *d, struct block_request *r)
{
	spin_lock(&d->lock);
	r->started = clock_monotonic();
	if (!d->stats.in_flight++)
		d->stats.busy_since = r->started;
	spin_unlock(&d->lock);
	if (__atomic_load_n(&d->gone, __ATOMIC_ACQUIRE))
		block_done(d, r, -EIO);
	else
		d->ops->submit(d, r);
}

void block_commit(struct block_device *d)
{
	if (d->ops->commit && !__atomic_load_n(&d->gone, __ATOMIC_ACQUIRE))
		d->ops->commit(d);
}

void block_done(struct block_device *d, struct block_request *r, int error)
{
	struct block_counter *c = &d->stats.op[r->op];

	spin_lock(&d->lock);
	uint64_t now = clock_monotonic();
	if (!--d->stats.in_flight)
		d->stats.busy_ns += now - d->stats.busy_since;
	c->requests++;
	c->ns += now - r->started;
	if (error)
		c->errors++;
	else
		c->sectors += r->sectors;
	spin_unlock(&d->lock);
	r->done(r, error);
}
