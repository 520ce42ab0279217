/*
 * The virtio block device (virtio 1.2, section 5.2).
 *
 * A request takes a slot, whose header and status byte the device reads and writes; there are as
 * many slots as can be in the ring at once, and what finds none waits its turn. Nothing that the
 * device writes is believed but the status: data is the device's to say anyway.
 *
 * Lock: blk.lock guards the queue, slots and waiting requests. block_done is called without it.
 */
#include "dev/virtio/blk.h"
#include <asm/errno.h>
#include "dev/virtio/drivers.h"
#include "lib/printk.h"
#include "lib/string.h"
#include "mm/kmalloc.h"
#include "time/clock.h"

#define WANTED                                                                                     \
	(VIRTIO_BIT(VIRTIO_BLK_F_SIZE_MAX) | VIRTIO_BIT(VIRTIO_BLK_F_SEG_MAX) |                    \
	 VIRTIO_BIT(VIRTIO_BLK_F_GEOMETRY) | VIRTIO_BIT(VIRTIO_BLK_F_RO) |                         \
	 VIRTIO_BIT(VIRTIO_BLK_F_BLK_SIZE) | VIRTIO_BIT(VIRTIO_BLK_F_FLUSH) |                      \
	 VIRTIO_BIT(VIRTIO_BLK_F_TOPOLOGY) | VIRTIO_BIT(VIRTIO_BLK_F_CONFIG_WCE) |                 \
	 VIRTIO_BIT(VIRTIO_BLK_F_DISCARD) | VIRTIO_BIT(VIRTIO_BLK_F_WRITE_ZEROES))

#define FIELD(name) (unsigned)offsetof(struct virtio_blk_config, name)

#define VIRTBLK_MAJOR 254u /* dynamic on Linux: the first one it gives */
#define MINORS	      16u  /* of one disk: itself and its partitions */
#define QUEUE_SIZE    128u
#define SERIAL_NS     1000000000u /* how long a device may take to tell its name */
#define STATUS_NONE   0xffu	  /* what no device says */

static struct virtio_blk *blk_of(struct virtio_device *d)
{
	return d->driver;
}

/* --- requests --- */

static uint32_t type_of(enum block_op op)
{
	switch (op) {
	case BLOCK_READ:
		return VIRTIO_BLK_T_IN;
	case BLOCK_WRITE:
		return VIRTIO_BLK_T_OUT;
	case BLOCK_FLUSH:
		return VIRTIO_BLK_T_FLUSH;
	case BLOCK_DISCARD:
		return VIRTIO_BLK_T_DISCARD;
	default:
		return VIRTIO_BLK_T_WRITE_ZEROES;
	}
}

static int error_of(uint8_t status)
{
	return status == VIRTIO_BLK_S_OK ? 0 : status == VIRTIO_BLK_S_UNSUPP ? -EOPNOTSUPP : -EIO;
}

/* The data of r, which lies in one piece, as the device can take it. */
static unsigned data_segments(const struct virtio_blk *b, const struct block_request *r,
			      struct vq_segment *s)
{
	uint64_t at = r->nsegments ? r->segments[0].addr : 0, left = r->sectors * BLOCK_SECTOR;
	unsigned n = 0;

	while (left) {
		uint32_t len = left < b->size_max ? (uint32_t)left : b->size_max;

		s[n++] = (struct vq_segment){at, len};
		at += len;
		left -= len;
	}
	return n;
}

/* Puts r into the ring, with the lock held: 0, -ENOSPC (full), -EIO. */
static int start(struct virtio_blk *b, struct block_request *r)
{
	struct vq_segment s[VIRTQUEUE_MAX_SEGMENTS];
	unsigned out = 1, in = 0, n = 0;
	struct blk_slot *slot = b->free_slots;

	if (b->queue.broken)
		return -EIO;
	if (!slot)
		return -ENOSPC;
	bool data = r->op == BLOCK_READ || r->op == BLOCK_WRITE;
	bool range = r->op == BLOCK_DISCARD || r->op == BLOCK_WRITE_ZEROES;

	slot->header =
	    (struct virtio_blk_outhdr){.type = type_of(r->op), .sector = data ? r->sector : 0};
	slot->status = STATUS_NONE;
	slot->request = r;
	s[0] = (struct vq_segment){virt_to_phys(&slot->header), sizeof slot->header};
	if (range) {
		slot->range = (struct virtio_blk_discard_write_zeroes){
		    .sector = r->sector,
		    .num_sectors = (uint32_t)r->sectors,
		    .flags = r->op == BLOCK_WRITE_ZEROES && r->unmap && b->may_unmap
				 ? VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP
				 : 0};
		s[out++] = (struct vq_segment){virt_to_phys(&slot->range), sizeof slot->range};
	} else if (data) {
		n = data_segments(b, r, s + 1);
	}
	*(r->op == BLOCK_READ ? &in : &out) += n;
	s[out + in++] = (struct vq_segment){virt_to_phys(&slot->status), 1};
	int err = virtqueue_add(&b->queue, s, out, in, slot);

	if (!err)
		b->free_slots = slot->next;
	return err;
}

/* Starts what waits, as far as it fits. With the lock held. */
static void start_waiting(struct virtio_blk *b, struct list *failed)
{
	while (!list_empty(&b->waiting)) {
		struct block_request *r = list_entry(b->waiting.next, struct block_request, link);
		int err = start(b, r);

		if (err == -ENOSPC)
			return;
		list_remove(&r->link);
		if (err)
			list_add_tail(failed, &r->link);
	}
}

static void fail_all(struct virtio_blk *b, struct list *failed)
{
	while (!list_empty(failed)) {
		struct block_request *r = list_entry(failed->next, struct block_request, link);

		list_remove(&r->link);
		block_done(&b->disk, r, -EIO);
	}
}

static void submit(struct block_device *d, struct block_request *r)
{
	struct virtio_blk *b = d->driver;
	struct list failed = LIST_INIT(failed);

	spin_lock(&b->lock);
	list_add_tail(&b->waiting, &r->link);
	start_waiting(b, &failed);
	spin_unlock(&b->lock);
	fail_all(b, &failed);
}

static void commit(struct block_device *d)
{
	struct virtio_blk *b = d->driver;

	spin_lock(&b->lock);
	virtqueue_kick(&b->queue);
	spin_unlock(&b->lock);
}

static void free_slot(struct virtio_blk *b, struct blk_slot *slot)
{
	slot->request = NULL;
	slot->next = b->free_slots;
	b->free_slots = slot;
}

/* The next request that the device is done with, its slot free again. With the lock held. */
static struct block_request *finished(struct virtio_blk *b, int *error)
{
	struct block_request *r = NULL;
	struct blk_slot *slot;

	while (!r && (slot = virtqueue_get(&b->queue, NULL)) != NULL) {
		r = slot->request; /* NULL: read_serial has given up on it */
		*error = error_of(__atomic_load_n(&slot->status, __ATOMIC_RELAXED));
		free_slot(b, slot);
	}
	return r;
}

static bool interrupt(struct virtio_device *d)
{
	struct virtio_blk *b = blk_of(d);
	struct list failed = LIST_INIT(failed);
	struct block_request *r;
	bool found = false;
	int error;

	spin_lock(&b->lock);
	do {
		while ((r = finished(b, &error)) != NULL) {
			found = true;
			start_waiting(b, &failed);
			spin_unlock(&b->lock);
			block_done(&b->disk, r, error);
			spin_lock(&b->lock);
		}
	} while (virtqueue_enable_interrupts(&b->queue) && !b->queue.broken);
	virtqueue_kick(&b->queue);
	spin_unlock(&b->lock);
	fail_all(b, &failed);
	return found;
}

/* --- a device that lies --- */

/* Called wherever the lie was noticed, with the lock held or not: the rest is done later. */
static void on_broken(struct virtio_device *d)
{
	struct virtio_blk *b = blk_of(d);

	b->queue.broken = d->broken;
	timer_arm(&b->broken, clock_monotonic());
}

static void give_up(struct timer *t)
{
	struct virtio_blk *b = container_of(t, struct virtio_blk, broken);
	struct list failed = LIST_INIT(failed);
	struct blk_slot *slot;

	if (b->registered)
		block_remove(&b->disk);
	spin_lock(&b->lock);
	while ((slot = virtqueue_detach(&b->queue)) != NULL) {
		if (slot->request)
			list_add_tail(&failed, &slot->request->link);
		free_slot(b, slot);
	}
	start_waiting(b, &failed); /* all fail */
	spin_unlock(&b->lock);
	fail_all(b, &failed);
}

/* --- set-up --- */

static uint32_t power_of_two(uint32_t n, uint32_t fallback)
{
	return n >= BLOCK_SECTOR && n <= PAGE_SIZE && !(n & (n - 1)) ? n : fallback;
}

static uint64_t read_capacity(struct virtio_device *d)
{
	return virtio_config64(d, FIELD(capacity));
}

static void config_changed(struct virtio_device *d)
{
	struct virtio_blk *b = blk_of(d);

	if (b->registered)
		block_set_size(&b->disk, read_capacity(d));
}

/* What one request may have: data in at most seg_max pieces of size_max bytes (section 5.2.4). */
static int read_limits(struct virtio_blk *b)
{
	struct virtio_device *d = b->device;
	uint32_t segments =
	    virtio_has(d, VIRTIO_BLK_F_SEG_MAX) ? virtio_config32(d, FIELD(seg_max)) : 1;
	uint32_t most = VIRTQUEUE_MAX_SEGMENTS - 2; /* header and status */

	/* So that the largest fits into the ring when there is no memory for a table. */
	if (most > b->queue.size - 2u)
		most = b->queue.size - 2u;
	if (segments > most)
		segments = most;
	if (!segments)
		segments = 1;
	b->size_max = UINT32_MAX & ~(BLOCK_SECTOR - 1);
	if (virtio_has(d, VIRTIO_BLK_F_SIZE_MAX)) {
		b->size_max = virtio_config32(d, FIELD(size_max)) & ~(BLOCK_SECTOR - 1);
		if (!b->size_max)
			return -EINVAL;
	}
	uint64_t bytes = (uint64_t)segments * b->size_max;

	b->disk.max_bytes = bytes > UINT32_MAX ? UINT32_MAX : (uint32_t)bytes;
	b->disk.max_segments = BLOCK_MAX_SEGMENTS; /* they lie behind each other */
	return 0;
}

static void read_sizes(struct virtio_blk *b)
{
	struct virtio_device *d = b->device;
	struct block_device *k = &b->disk;
	uint32_t size = virtio_has(d, VIRTIO_BLK_F_BLK_SIZE) ? virtio_config32(d, FIELD(blk_size))
							     : BLOCK_SECTOR;

	k->logical = k->physical = power_of_two(size, BLOCK_SECTOR);
	k->sectors = read_capacity(d);
	k->rotational = true; /* as Linux takes it to be */
	if (virtio_has(d, VIRTIO_BLK_F_TOPOLOGY)) {
		unsigned exponent = virtio_config8(d, FIELD(physical_block_exp));

		if (exponent <= 8)
			k->physical = k->logical << exponent;
		k->alignment_offset = virtio_config8(d, FIELD(alignment_offset)) * k->logical;
		k->io_min = virtio_config16(d, FIELD(min_io_size)) * k->logical;
		uint64_t best = (uint64_t)virtio_config32(d, FIELD(opt_io_size)) * k->logical;

		k->io_opt = best > UINT32_MAX ? 0 : (uint32_t)best;
	}
	k->heads = 64; /* section 5.2.4 leaves it open: what Linux then shows */
	k->sectors_per_track = 32;
	if (virtio_has(d, VIRTIO_BLK_F_GEOMETRY)) {
		k->heads = virtio_config8(d, FIELD(geometry.heads));
		k->sectors_per_track = virtio_config8(d, FIELD(geometry.sectors));
	}
}

static void read_commands(struct virtio_blk *b)
{
	struct virtio_device *d = b->device;
	struct block_device *k = &b->disk;

	k->readonly = virtio_has(d, VIRTIO_BLK_F_RO);
	/* Section 5.2.6.2: without the field, a device that knows flush has a cache. */
	k->flush = virtio_has(d, VIRTIO_BLK_F_FLUSH);
	if (k->flush && virtio_has(d, VIRTIO_BLK_F_CONFIG_WCE))
		k->flush = virtio_config8(d, FIELD(wce));
	if (virtio_has(d, VIRTIO_BLK_F_DISCARD)) {
		uint32_t align = virtio_config32(d, FIELD(discard_sector_alignment));

		k->discard = true;
		k->max_discard_sectors = virtio_config32(d, FIELD(max_discard_sectors));
		if (align && align <= UINT32_MAX / BLOCK_SECTOR)
			k->discard_granularity = align * BLOCK_SECTOR;
	}
	if (virtio_has(d, VIRTIO_BLK_F_WRITE_ZEROES)) {
		k->write_zeroes = true;
		k->max_zeroes_sectors = virtio_config32(d, FIELD(max_write_zeroes_sectors));
		b->may_unmap = virtio_config8(d, FIELD(write_zeroes_may_unmap));
	}
}

static int make_slots(struct virtio_blk *b)
{
	/* Each takes at least two descriptors, or one that points at a table. */
	unsigned n = b->queue.size;

	b->slots = kzalloc(n * sizeof *b->slots);
	if (!b->slots)
		return -ENOMEM;
	while (n--) {
		b->slots[n].next = b->free_slots;
		b->free_slots = &b->slots[n];
	}
	return 0;
}

static void serial_done(struct virtio_blk *b, struct blk_slot *slot)
{
	if (slot->status == VIRTIO_BLK_S_OK) {
		memcpy(b->disk.serial, slot->id, VIRTIO_BLK_ID_BYTES);
		b->disk.serial[VIRTIO_BLK_ID_BYTES] = '\0';
	}
	for (char *p = b->disk.serial; *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
}

/* Asks for the serial number (section 5.2.6, VIRTIO_BLK_T_GET_ID) before anything else goes on. A
 * device that does not answer keeps the slot for ever. */
static void read_serial(struct virtio_blk *b)
{
	struct blk_slot *slot = b->free_slots;
	uint64_t deadline = clock_monotonic() + SERIAL_NS;

	slot->header = (struct virtio_blk_outhdr){.type = VIRTIO_BLK_T_GET_ID};
	slot->status = STATUS_NONE;
	const struct vq_segment s[] = {
	    {virt_to_phys(&slot->header), sizeof slot->header},
	    {virt_to_phys(slot->id), sizeof slot->id},
	    {virt_to_phys(&slot->status), 1},
	};

	if (virtqueue_add(&b->queue, s, 1, 2, slot))
		return;
	b->free_slots = slot->next;
	virtqueue_kick(&b->queue);
	/* Interrupts are not on yet for this queue: it is a few microseconds. */
	while (!virtqueue_more(&b->queue) && clock_monotonic() < deadline)
		__builtin_ia32_pause();
	if (virtqueue_get(&b->queue, NULL) != slot)
		return;
	serial_done(b, slot);
	free_slot(b, slot);
}

static const struct block_ops ops = {.submit = submit, .commit = commit};

static unsigned ndisks;

static int set_up(struct virtio_blk *b)
{
	int err = virtio_queue(b->device, &b->queue, 0, QUEUE_SIZE);

	if (!err && b->queue.size < 4)
		err = -EINVAL;
	if (!err)
		err = make_slots(b);
	if (!err)
		err = read_limits(b);
	if (err)
		return err;
	read_sizes(b);
	read_commands(b);
	b->disk.ops = &ops;
	b->disk.driver = b;
	b->disk.major = VIRTBLK_MAJOR;
	b->disk.minor = ndisks * MINORS;
	block_name(b->disk.name, "vd", ndisks);
	virtqueue_disable_interrupts(&b->queue);
	err = virtio_ready(b->device);
	if (err)
		return err;
	read_serial(b);
	err = b->queue.broken ? -EIO : block_register(&b->disk);
	if (!err)
		ndisks++;
	b->registered = !err;
	return err;
}

static int probe(struct virtio_device *d)
{
	struct virtio_blk *b = kzalloc(sizeof *b);

	if (!b)
		return -ENOMEM;
	b->device = d;
	list_init(&b->waiting);
	timer_setup(&b->broken, give_up);
	d->driver = b;
	int err = virtio_negotiate(d, WANTED, NULL);

	if (err) {
		kfree(b);
		return err;
	}
	d->interrupt = interrupt;
	d->config_changed = config_changed;
	d->on_broken = on_broken;
	err = set_up(b);
	if (!err) {
		virtqueue_enable_interrupts(&b->queue);
		return 0;
	}
	d->interrupt = NULL;
	d->config_changed = NULL;
	d->on_broken = NULL;
	timer_cancel(&b->broken);
	/* A device that does not even reset may write to the memory still: then it is lost. */
	if (virtio_reset(d)) {
		virtqueue_free(&b->queue);
		kfree(b->slots);
		kfree(b);
	}
	return err;
}

const struct virtio_driver virtio_blk_driver = {VIRTIO_ID_BLOCK, probe};
