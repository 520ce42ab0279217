/* dev/xen/blkfront.h: what the bus wants of the block frontend. */
#include "dev/xen/blkfront.h"
#include <asm/errno.h>
#include "lib/printk.h"
#include "lib/string.h"
#include "mm/kmalloc.h"
#include <xen/io/protocols.h>

#define MAX_SECTORS ((uint64_t)INT64_MAX / BLOCK_SECTOR) /* a file offset reaches them all */

static int complain(const struct xenbus_device *d, const char *what)
{
	printk("unigornel: %s: %s\n", d->dir, what);
	return -ENODEV;
}

/* A hundredth and a half of RAM, which is all it takes when many requests are under way. */
static unsigned pool_pages(void)
{
	size_t n = page_total() / 64;

	return n < 32 ? 32 : n > BLKFRONT_POOL_MAX ? BLKFRONT_POOL_MAX : (unsigned)n;
}

static bool is_disk(const struct xenbus_device *d)
{
	char *type;
	bool disk = true;

	if (!xs_read(XS_NONE, d->dir, "device-type", &type, NULL)) {
		disk = !strcmp(type, "disk");
		kfree(type);
	}
	return disk;
}

static int probe(struct xenbus_device *d)
{
	struct blkfront *b;
	uint64_t vdev;
	int err;

	if (!is_disk(d))
		return complain(d, "not a disk (devtype=cdrom?): ignored");
	vdev = xs_read_default(d->dir, "virtual-device", UINT32_MAX, d->id);
	b = kzalloc(sizeof *b);
	if (!b)
		return -ENOMEM;
	b->vdev = (uint32_t)vdev;
	b->handle = (uint16_t)d->id;
	b->disk.major = BLKFRONT_MAJOR;
	err = blkfront_name(b->vdev, b->disk.name, &b->disk.minor);
	if (err)
		complain(d, "no name for this number: use vdev=xvda and following");
	else
		err = blkfront_pool_init(&b->pool, pool_pages());
	if (err) {
		kfree(b);
		return err;
	}
	b->bus = d;
	list_init(&b->queue);
	list_init(&b->issued);
	b->disk.ops = &blkfront_ops;
	b->disk.driver = b;
	b->disk.max_segments = BLOCK_MAX_SEGMENTS;
	b->disk.max_bytes = BLOCK_MAX_SEGMENTS * (uint32_t)PAGE_SIZE;
	b->disk.logical = BLOCK_SECTOR;
	d->driver = b;
	return 0;
}

/* ---- Connecting ---- */

/* The ring's size as a power of two of pages: what both ends can. Two ways to say so exist. */
static unsigned ring_order(const struct xenbus_device *d)
{
	uint64_t pages = xs_read_default(d->backend, "max-ring-pages", UINT32_MAX, 1);
	uint64_t order = xs_read_default(d->backend, "max-ring-page-order", UINT32_MAX, 0);

	while (order < BLKFRONT_RING_ORDER && 2ull << order <= pages)
		order++;
	return order < BLKFRONT_RING_ORDER ? (unsigned)order : BLKFRONT_RING_ORDER;
}

static int write_ring(const struct xenbus_device *d, const struct blkfront_ring *r)
{
	int err = 0;

	if (!r->order) {
		/* From an earlier connection. */
		xs_rm(XS_NONE, d->dir, "ring-page-order");
		xs_rm(XS_NONE, d->dir, "num-ring-pages");
		return xs_printf(XS_NONE, d->dir, "ring-ref", "%u", r->refs[0]);
	}
	xs_rm(XS_NONE, d->dir, "ring-ref");
	err = xs_printf(XS_NONE, d->dir, "ring-page-order", "%u", r->order);
	if (!err)
		err = xs_printf(XS_NONE, d->dir, "num-ring-pages", "%u", 1u << r->order);
	for (unsigned i = 0; !err && i < 1u << r->order; i++) {
		char node[16];

		ksnprintf(node, sizeof node, "ring-ref%u", i);
		err = xs_printf(XS_NONE, d->dir, node, "%u", r->refs[i]);
	}
	return err;
}

static int write_nodes(const struct xenbus_device *d, const struct blkfront *b)
{
	int err = write_ring(d, &b->ring);

	if (!err)
		err = xs_printf(XS_NONE, d->dir, "event-channel", "%u", b->ring.port);
	if (!err)
		err = xs_write(XS_NONE, d->dir, "protocol", XEN_IO_PROTO_ABI_X86_64);
	if (!err)
		err = xs_write(XS_NONE, d->dir, "feature-persistent", "1");
	return err;
}

/* Everything of a connection, in any state of completion. */
static void close_connection(struct blkfront *b)
{
	struct blkfront_ring_memory m;

	if (b->ring.port)
		evtchn_close(b->ring.port);
	b->ring.port = 0;
	blkfront_pool_disconnect(&b->pool);
	blkfront_ring_end(&b->ring, &m);
	if (!blkfront_ring_free(&m))
		b->old[b->nold++] = m; /* connect has seen to it that there is room */
}

/* Frees the memory of former rings that the backend has unmapped by now. */
static void free_old(struct blkfront *b)
{
	unsigned n = b->nold;

	b->nold = 0;
	for (unsigned i = 0; i < n; i++)
		if (!blkfront_ring_free(&b->old[i]))
			b->old[b->nold++] = b->old[i];
}

static int open_connection(struct xenbus_device *d, struct blkfront *b)
{
	int err, port;

	b->max_segments =
	    (uint32_t)xs_read_default(d->backend, "feature-max-indirect-segments", UINT32_MAX, 0);
	if (b->max_segments > BLOCK_MAX_SEGMENTS)
		b->max_segments = BLOCK_MAX_SEGMENTS;
	err = blkfront_ring_init(&b->ring, ring_order(d), d->backend_domain);
	if (!err)
		err = blkfront_pool_connect(&b->pool, d->backend_domain);
	if (err)
		return err;
	port = xenbus_channel(d, blkfront_event, b);
	if (port < 0)
		return port;
	b->ring.port = (evtchn_port_t)port;
	return write_nodes(d, b);
}

static int connect(struct xenbus_device *d)
{
	struct blkfront *b = d->driver;
	int err;

	free_old(b);
	if (b->nold == BLKFRONT_OLD_RINGS)
		err = complain(d, "the backend keeps our memory: not connected again");
	else
		err = open_connection(d, b);
	if (!err) {
		spin_lock(&b->lock);
		b->state = BLKFRONT_AWAY;
		spin_unlock(&b->lock);
		return 0;
	}
	close_connection(b);
	/* Nothing says that it will be better the next time. */
	blkfront_stop(b, BLKFRONT_BROKEN);
	return err;
}

/* ---- Running ---- */

/* The size in sectors of 512 bytes, which is what all backends mean whatever "sector-size" is.
 * -ENODEV. */
static int read_size(const struct xenbus_device *d, uint32_t logical, uint64_t *sectors)
{
	int err = xs_read_number(XS_NONE, d->backend, "sectors", MAX_SECTORS, sectors);

	if (err)
		return complain(d, "the backend gives no size");
	*sectors -= *sectors % (logical / BLOCK_SECTOR);
	return 0;
}

static bool power_of_two(uint64_t n)
{
	return n && !(n & (n - 1));
}

static bool flag(const struct xenbus_device *d, const char *node)
{
	return xs_read_default(d->backend, node, 1, 0) == 1;
}

static void read_features(const struct xenbus_device *d, struct blkfront *b)
{
	struct block_device *disk = &b->disk;
	uint64_t info = xs_read_default(d->backend, "info", UINT32_MAX, 0);
	uint64_t granularity;

	disk->readonly = info & VDISK_READONLY;
	disk->removable = info & VDISK_REMOVABLE;
	b->barrier = flag(d, "feature-barrier");
	b->flush_op = flag(d, "feature-flush-cache") ? BLKIF_OP_FLUSH_DISKCACHE
		      : b->barrier		     ? BLKIF_OP_WRITE_BARRIER
						     : 0;
	disk->flush = b->flush_op != 0;
	disk->discard = flag(d, "feature-discard");
	granularity =
	    xs_read_default(d->backend, "discard-granularity", UINT32_MAX, disk->physical);
	if (!power_of_two(granularity) || granularity < disk->logical)
		granularity = disk->logical;
	disk->discard_granularity = disk->discard ? (uint32_t)granularity : 0;
	disk->max_discard_sectors =
	    disk->discard ? UINT32_MAX - UINT32_MAX % (disk->logical / BLOCK_SECTOR) : 0;
}

/* What the disk is, or is now. */
static int read_disk(const struct xenbus_device *d, struct blkfront *b)
{
	uint64_t logical = xs_read_default(d->backend, "sector-size", UINT32_MAX, BLOCK_SECTOR);
	uint64_t physical, info = xs_read_default(d->backend, "info", UINT32_MAX, 0), sectors;
	int err;

	if (info & VDISK_CDROM)
		return complain(d, "a CD-ROM: not used");
	if (logical != 512 && logical != 4096)
		return complain(d, "sectors of neither 512 nor 4096 bytes: not used");
	if (b->registered && logical != b->disk.logical)
		return complain(d, "came back with sectors of another size: not used");
	physical = xs_read_default(d->backend, "physical-sector-size", UINT32_MAX, logical);
	if (physical != 4096)
		physical = logical;
	err = read_size(d, (uint32_t)logical, &sectors);
	if (err)
		return err;
	b->disk.logical = (uint32_t)logical;
	b->disk.physical = (uint32_t)physical;
	read_features(d, b);
	if (!b->registered)
		b->disk.sectors = sectors;
	else if (sectors != b->disk.sectors)
		block_set_size(&b->disk, sectors);
	return 0;
}

static int ready(struct xenbus_device *d)
{
	struct blkfront *b = d->driver;
	int err = read_disk(d, b);

	if (!err) {
		blkfront_start(b);
		if (!b->registered)
			err = block_register(&b->disk);
		if (!err)
			b->registered = true;
		else
			printk("unigornel: %s: %s: cannot be registered (%d)\n", d->dir,
			       b->disk.name, err);
	}
	if (err)
		blkfront_stop(b, BLKFRONT_BROKEN);
	return err;
}

static void changed(struct xenbus_device *d)
{
	struct blkfront *b = d->driver;
	uint64_t sectors;

	if (!b->registered)
		return;
	if (!read_size(d, b->disk.logical, &sectors) && sectors != b->disk.sectors)
		block_set_size(&b->disk, sectors);
	/* Or its driver was replaced, so quickly that only the result was seen. The new one goes on
	 * with the ring, but events may have been lost between the two. */
	blkfront_event(b);
	spin_lock(&b->lock);
	if (b->state == BLKFRONT_RUNNING)
		evtchn_notify(b->ring.port);
	spin_unlock(&b->lock);
}

/* ---- The end ---- */

static void disconnect(struct xenbus_device *d)
{
	struct blkfront *b = d->driver;

	blkfront_stop(b, BLKFRONT_AWAY);
	close_connection(b);
}

/* The disk's structure stays, as files may be open on it. */
static void removed(struct xenbus_device *d)
{
	struct blkfront *b = d->driver;

	blkfront_stop(b, BLKFRONT_REMOVED);
	b->bus = NULL;
	d->driver = NULL;
	if (b->registered)
		block_remove(&b->disk);
	spin_lock(&b->lock);
	blkfront_pool_free(&b->pool);
	spin_unlock(&b->lock);
	free_old(b);
	for (unsigned i = 0; i < b->nold; i++)
		grant_leaked += 1u << b->old[i].order;
	if (!b->registered)
		kfree(b);
}

const struct xenbus_driver xen_blkfront = {
    .type = "vbd",
    .probe = probe,
    .connect = connect,
    .ready = ready,
    .disconnect = disconnect,
    .removed = removed,
    .changed = changed,
};
