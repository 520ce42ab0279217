/*
 * Block devices in the tree: /dev/NAME, /sys/block/NAME (sysfs-block of Linux's Documentation/ABI;
 * there these are links into /sys/devices, here the directories themselves), /proc/partitions and
 * /proc/diskstats (Documentation/admin-guide/iostats.rst).
 */
#include <asm/errno.h>
#include "dev/block_file.h"
#include "dev/block_internal.h"
#include "time/clock.h"
#include "vfs/path.h"
#include "vfs/textbuf.h"
#include "vfs/tree.h"

#define NODES_MEMORY 64u /* pages that making all nodes of a device takes at the very most */
#define MS	     1000000u

static uint64_t device_number(const struct block_device *d)
{
	return (uint64_t)d->major << 8 | (d->minor & 0xff) | (uint64_t)(d->minor & 0xfff00) << 12;
}

enum attribute {
	SIZE,
	RO,
	DEV,
	STAT,
	INFLIGHT,
	SERIAL,
	DISKSEQ,
	ALIGNMENT_OFFSET,
	REMOVABLE,
	HIDDEN,
	RANGE,
	EXT_RANGE,
	LOGICAL,
	HW_SECTOR,
	PHYSICAL,
	IO_MIN,
	IO_OPT,
	MAX_KB,
	MAX_HW_KB,
	MAX_SEGMENTS,
	MAX_SEGMENT_SIZE,
	ROTATIONAL,
	DISCARD_GRANULARITY,
	DISCARD_MAX,
	DISCARD_MAX_HW,
	DISCARD_ZEROES,
	ZEROES_MAX,
	READ_AHEAD,
	WRITE_CACHE,
	FUA,
	DMA_ALIGNMENT,
	SCHEDULER,
	ZONED,
	ATTRIBUTES
};

static const char *const names[ATTRIBUTES] = {
    [SIZE] = "size",
    [RO] = "ro",
    [DEV] = "dev",
    [STAT] = "stat",
    [INFLIGHT] = "inflight",
    [SERIAL] = "serial",
    [DISKSEQ] = "diskseq",
    [ALIGNMENT_OFFSET] = "alignment_offset",
    [REMOVABLE] = "removable",
    [HIDDEN] = "hidden",
    [RANGE] = "range",
    [EXT_RANGE] = "ext_range",
    [LOGICAL] = "queue/logical_block_size",
    [HW_SECTOR] = "queue/hw_sector_size",
    [PHYSICAL] = "queue/physical_block_size",
    [IO_MIN] = "queue/minimum_io_size",
    [IO_OPT] = "queue/optimal_io_size",
    [MAX_KB] = "queue/max_sectors_kb",
    [MAX_HW_KB] = "queue/max_hw_sectors_kb",
    [MAX_SEGMENTS] = "queue/max_segments",
    [MAX_SEGMENT_SIZE] = "queue/max_segment_size",
    [ROTATIONAL] = "queue/rotational",
    [DISCARD_GRANULARITY] = "queue/discard_granularity",
    [DISCARD_MAX] = "queue/discard_max_bytes",
    [DISCARD_MAX_HW] = "queue/discard_max_hw_bytes",
    [DISCARD_ZEROES] = "queue/discard_zeroes_data",
    [ZEROES_MAX] = "queue/write_zeroes_max_bytes",
    [READ_AHEAD] = "queue/read_ahead_kb",
    [WRITE_CACHE] = "queue/write_cache",
    [FUA] = "queue/fua",
    [DMA_ALIGNMENT] = "queue/dma_alignment",
    [SCHEDULER] = "queue/scheduler",
    [ZONED] = "queue/zoned",
};

/* The 17 numbers that sysfs (in columns) and /proc/diskstats share; nothing is ever merged. */
static void show_stat(struct textbuf *t, struct block_device *d, int width)
{
	spin_lock(&d->lock);
	const struct block_counter *op = d->stats.op, r = op[BLOCK_READ], x = op[BLOCK_DISCARD],
				   f = op[BLOCK_FLUSH], z = op[BLOCK_WRITE_ZEROES];
	struct block_counter w = op[BLOCK_WRITE];
	uint64_t in_flight = d->stats.in_flight, busy = d->stats.busy_ns;

	if (in_flight)
		busy += clock_monotonic() - d->stats.busy_since;
	spin_unlock(&d->lock);
	w.requests += z.requests; /* as Linux counts */
	w.sectors += z.sectors;
	w.ns += z.ns;
	const uint64_t numbers[] = {
	    r.requests,
	    0,
	    r.sectors,
	    r.ns / MS,
	    w.requests,
	    0,
	    w.sectors,
	    w.ns / MS,
	    in_flight,
	    busy / MS,
	    (r.ns + w.ns + x.ns + f.ns) / MS,
	    x.requests,
	    0,
	    x.sectors,
	    x.ns / MS,
	    f.requests,
	    f.ns / MS,
	};

	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
		text_printf(t, "%s%*lu", i || !width ? " " : "", width, (unsigned long)numbers[i]);
	text_printf(t, "\n");
}

static uint64_t number(const struct block_device *d, enum attribute which)
{
	uint64_t whole = UINT32_MAX / BLOCK_SECTOR * BLOCK_SECTOR;

	switch (which) {
	case SIZE:
		return d->sectors;
	case RO:
		return block_is_readonly(d);
	case DISKSEQ:
		return d->sequence;
	case ALIGNMENT_OFFSET:
		return d->alignment_offset;
	case REMOVABLE:
		return d->removable;
	case RANGE:
	case EXT_RANGE:
		return 1;
	case LOGICAL:
	case HW_SECTOR:
		return d->logical;
	case PHYSICAL:
		return d->physical;
	case IO_MIN:
		return d->io_min;
	case IO_OPT:
		return d->io_opt;
	case MAX_KB:
	case MAX_HW_KB:
		return block_piece_max(d) / 1024;
	case MAX_SEGMENTS:
		return d->max_segments;
	case MAX_SEGMENT_SIZE:
		return PAGE_SIZE;
	case ROTATIONAL:
		return d->rotational;
	case DISCARD_GRANULARITY:
		return d->discard ? d->discard_granularity : 0;
	case DISCARD_MAX:
	case DISCARD_MAX_HW:
		return !d->discard		? 0
		       : d->max_discard_sectors ? (uint64_t)d->max_discard_sectors * BLOCK_SECTOR
						: whole;
	case ZEROES_MAX:
		return !d->write_zeroes	       ? 0
		       : d->max_zeroes_sectors ? (uint64_t)d->max_zeroes_sectors * BLOCK_SECTOR
					       : whole;
	case READ_AHEAD:
		return d->read_ahead / 2;
	case FUA:
		return d->fua;
	case DMA_ALIGNMENT:
		return BLOCK_SECTOR - 1;
	default:
		return 0;
	}
}

static int show(struct textbuf *t, long arg)
{
	unsigned which = (unsigned)(arg % ATTRIBUTES);
	uint64_t wanted = (uint64_t)arg / ATTRIBUTES;
	struct block_device *d = block_find((unsigned)(wanted >> 32), (unsigned)wanted);

	if (!d || d->gone)
		return -ENODEV;
	switch (which) {
	case DEV:
		text_printf(t, "%u:%u\n", d->major, d->minor);
		break;
	case STAT:
		show_stat(t, d, 8);
		break;
	case INFLIGHT: /* reads and writes are not told apart */
		text_printf(t, "%8u %8u\n", 0u, d->stats.in_flight);
		break;
	case SERIAL:
		text_printf(t, "%s", d->serial);
		break;
	case WRITE_CACHE:
		text_printf(t, "%s\n", d->flush ? "write back" : "write through");
		break;
	case SCHEDULER:
		text_printf(t, "[none]\n");
		break;
	case ZONED:
		text_printf(t, "none\n");
		break;
	default:
		text_printf(t, "%lu\n", (unsigned long)number(d, (enum attribute)which));
	}
	return 0;
}

static const struct textfile attribute_text = {.show = show};

int block_nodes_add(struct block_device *d)
{
	char path[80], target[48];
	uint64_t id = (uint64_t)d->major << 32 | d->minor;

	ksnprintf(path, sizeof path, "/dev/%s", d->name);
	struct dentry *there = path_lookup_kernel(path);

	if (there) {
		dentry_put(there);
		return -EEXIST;
	}
	if (page_available() < NODES_MEMORY)
		return -ENOMEM;
	tree_add(&super_devtmpfs, path, S_IFBLK | 0600)->rdev = device_number(d);
	for (unsigned i = 0; i < ATTRIBUTES; i++) {
		if (i == SERIAL && !d->serial[0])
			continue;
		ksnprintf(path, sizeof path, "/sys/block/%s/%s", d->name, names[i]);
		tree_text(&super_sysfs, path, 0444, &attribute_text, (long)(id * ATTRIBUTES + i));
	}
	ksnprintf(target, sizeof target, "../../block/%s", d->name);
	ksnprintf(path, sizeof path, "/sys/class/block/%s", d->name);
	tree_symlink(&super_sysfs, path, target);
	ksnprintf(path, sizeof path, "/sys/dev/block/%u:%u", d->major, d->minor);
	tree_symlink(&super_sysfs, path, target);
	return 0;
}

void block_nodes_remove(struct block_device *d)
{
	char path[48];

	ksnprintf(path, sizeof path, "/dev/%s", d->name);
	struct dentry *node = path_lookup_kernel(path);
	bool ours = node && inode_is(node->inode, S_IFBLK) && node->inode->rdev == device_number(d);

	dentry_put(node);
	if (ours)
		tree_remove(path);
	ksnprintf(path, sizeof path, "/sys/block/%s", d->name);
	tree_remove(path);
	ksnprintf(path, sizeof path, "/sys/class/block/%s", d->name);
	tree_remove(path);
	ksnprintf(path, sizeof path, "/sys/dev/block/%u:%u", d->major, d->minor);
	tree_remove(path);
}

static int show_partitions(struct textbuf *t, long arg)
{
	(void)arg;
	if (block_next(NULL))
		text_printf(t, "major minor  #blocks  name\n\n");
	for (struct block_device *d = block_next(NULL); d; d = block_next(d))
		if (!d->gone && d->sectors)
			text_printf(t, "%4u  %7u %10lu %s\n", d->major, d->minor,
				    (unsigned long)(d->sectors / 2), d->name);
	return 0;
}

static int show_diskstats(struct textbuf *t, long arg)
{
	(void)arg;
	for (struct block_device *d = block_next(NULL); d; d = block_next(d)) {
		if (d->gone)
			continue;
		text_printf(t, "%4u %7u %s", d->major, d->minor, d->name);
		show_stat(t, d, 0);
	}
	return 0;
}

void block_sysfs_init(void)
{
	static const struct textfile partitions = {.show = show_partitions},
				     diskstats = {.show = show_diskstats};

	tree_text(&super_proc, "/proc/partitions", 0444, &partitions, 0);
	tree_text(&super_proc, "/proc/diskstats", 0444, &diskstats, 0);
	dentry_put(tree_mkdir(&super_sysfs, "/sys/block", 0755));
	dentry_put(tree_mkdir(&super_sysfs, "/sys/class/block", 0755));
	dentry_put(tree_mkdir(&super_sysfs, "/sys/dev/block", 0755));
}
