/* ioctl(2) on block devices: linux/fs.h, linux/hdreg.h; answers as Linux's block/ioctl.c. */
#include <asm/errno.h>
#include <linux/blkpg.h>
#include <linux/blkzoned.h>
#include <linux/fs.h>
#include <linux/hdreg.h>
#include "dev/block_internal.h"
#include "lib/string.h"
#include "mm/uaccess.h"
#include "sys/capability.h"
#include "vfs/file.h"

static long put_u16(uintptr_t arg, uint16_t v)
{
	return copy_to_user(arg, &v, sizeof v);
}

static long put_u32(uintptr_t arg, uint32_t v)
{
	return copy_to_user(arg, &v, sizeof v);
}

static long put_u64(uintptr_t arg, uint64_t v)
{
	return copy_to_user(arg, &v, sizeof v);
}

/* BLKDISCARD, BLKZEROOUT: two numbers, start and length in bytes. */
static long range_command(struct file *f, struct block_device *d, bool zero, uintptr_t arg)
{
	uint64_t range[2], size = block_bytes(d);

	if (!f->can_write)
		return -EBADF;
	if (!zero && !d->discard)
		return -EOPNOTSUPP;
	if (copy_from_user(range, arg, sizeof range))
		return -EFAULT;
	if (((range[0] | range[1]) & (d->logical - 1)) || !range[1] || range[0] >= size ||
	    range[1] > size - range[0])
		return -EINVAL;
	if (block_is_readonly(d))
		return -EPERM;
	return zero ? block_zero(d, range[0], range[1], false, true)
		    : block_discard(d, range[0], range[1]);
}

static long set_readonly(struct block_device *d, uintptr_t arg)
{
	int on;

	if (!process_capable(CAP_SYS_ADMIN))
		return -EACCES;
	if (copy_from_user(&on, arg, sizeof on))
		return -EFAULT;
	d->set_readonly = on;
	return 0;
}

static long set_block_size(struct block_device *d, uintptr_t arg)
{
	int size;

	if (!process_capable(CAP_SYS_ADMIN))
		return -EACCES;
	if (!arg)
		return -EINVAL;
	if (copy_from_user(&size, arg, sizeof size))
		return -EFAULT;
	if (size < (int)d->logical || size > (int)PAGE_SIZE || (size & (size - 1)))
		return -EINVAL;
	d->block_size = (uint32_t)size;
	return 0;
}

static long set_read_ahead(struct block_device *d, uintptr_t sectors)
{
	if (!process_capable(CAP_SYS_ADMIN))
		return -EACCES;
	sectors -= sectors % (PAGE_SIZE / BLOCK_SECTOR);
	d->read_ahead = sectors > UINT32_MAX ? UINT32_MAX : (uint32_t)sectors;
	return 0;
}

static long geometry(struct block_device *d, uintptr_t arg)
{
	struct hd_geometry g;
	unsigned heads = d->heads ? d->heads : 255;
	unsigned sectors = d->sectors_per_track ? d->sectors_per_track : 63;

	if (!arg)
		return -EINVAL;
	memset(&g, 0, sizeof g);
	g.heads = (unsigned char)heads;
	g.sectors = (unsigned char)sectors;
	g.cylinders = (unsigned short)(d->sectors / (heads * sectors));
	return copy_to_user(arg, &g, sizeof g);
}

static long flush_buffers(struct block_device *d)
{
	return process_capable(CAP_SYS_ADMIN) ? block_flush(d) : -EACCES;
}

/* No partitions are looked for: as Linux answers for disks that cannot have any. */
static long partitions(void)
{
	return process_capable(CAP_SYS_ADMIN) ? -EINVAL : -EACCES;
}

long block_ioctl(struct file *f, unsigned cmd, uintptr_t arg)
{
	struct block_device *d = block_of(f);

	if (d->gone)
		return cmd == BLKFLSBUF ? -EIO : -ENXIO;
	switch (cmd) {
	case BLKGETSIZE64:
		return put_u64(arg, block_bytes(d));
	case BLKGETSIZE:
		return put_u64(arg, d->sectors);
	case BLKSSZGET:
		return put_u32(arg, d->logical);
	case BLKPBSZGET:
		return put_u32(arg, d->physical);
	case BLKIOMIN:
		return put_u32(arg, d->io_min);
	case BLKIOOPT:
		return put_u32(arg, d->io_opt);
	case BLKALIGNOFF:
		return put_u32(arg, d->alignment_offset);
	case BLKSECTGET: {
		size_t most = block_piece_max(d) / BLOCK_SECTOR;

		return put_u16(arg, (uint16_t)(most > UINT16_MAX ? UINT16_MAX : most));
	}
	case BLKROTATIONAL:
		return put_u16(arg, d->rotational);
	case BLKDISCARDZEROES:
		return put_u32(arg, 0);
	case BLKGETZONESZ:
	case BLKGETNRZONES:
		return put_u32(arg, 0);
	case BLKGETDISKSEQ:
		return put_u64(arg, d->sequence);
	case BLKROGET:
		return put_u32(arg, block_is_readonly(d));
	case BLKROSET:
		return set_readonly(d, arg);
	case BLKBSZGET:
		return put_u32(arg, d->block_size);
	case BLKBSZSET:
		return set_block_size(d, arg);
	case BLKRAGET:
	case BLKFRAGET:
		return arg ? put_u64(arg, d->read_ahead) : -EINVAL;
	case BLKRASET:
	case BLKFRASET:
		return set_read_ahead(d, arg);
	case BLKFLSBUF:
		return flush_buffers(d);
	case BLKDISCARD:
		return range_command(f, d, false, arg);
	case BLKZEROOUT:
		return range_command(f, d, true, arg);
	case BLKSECDISCARD:
		return f->can_write ? -EOPNOTSUPP : -EBADF;
	case BLKRRPART:
	case BLKPG:
		return partitions();
	case HDIO_GETGEO:
		return geometry(d, arg);
	default:
		return -ENOTTY;
	}
}
