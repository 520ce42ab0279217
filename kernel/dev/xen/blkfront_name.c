/* dev/xen/blkfront.h: names and numbers of disks. */
#include "dev/xen/blkfront.h"
#include <asm/errno.h>
#include "lib/printk.h"
#include "lib/string.h"

#define EXTENDED	    (1u << 28)
#define PARTITIONS	    16u	 /* minors of a disk, */
#define EXTENDED_PARTITIONS 256u /* and of one with an extended number */

/* Majors of Linux (Documentation/admin-guide/devices.txt). */
#define IDE0 3u
#define IDE1 22u
#define SD0  8u
#define SD1  65u  /* to 71 */
#define SD8  128u /* to 135 */

/* "a" to "z", "aa", ...: disk n. Returns the end. */
static char *put_letters(char *to, unsigned n)
{
	char letters[8];
	unsigned count = 0;

	for (;; n = n / 26 - 1) {
		letters[count++] = (char)('a' + n % 26);
		if (n < 26)
			break;
	}
	while (count)
		*to++ = letters[--count];
	*to = '\0';
	return to;
}

/* Short numbers, as "major << 8 | minor": the disk, and the minor of XENVBD that it gets. */
static bool translate(uint32_t vdev, unsigned *disk, unsigned *minor)
{
	unsigned major = vdev >> 8, low = vdev & 0xff, base;

	if (major == IDE0 || major == IDE1) {
		/* Two disks each, of 64 minors; their partitions have no place here. */
		if (low >= 128)
			return false;
		*disk = low / 64 + (major == IDE1 ? 2 : 0);
		*minor = *disk * PARTITIONS;
		return true;
	}
	if (major == BLKFRONT_MAJOR || major == SD0)
		base = 0;
	else if (major >= SD1 && major < SD1 + 7)
		base = (major - SD1 + 1) * 16;
	else if (major >= SD8 && major < SD8 + 8)
		base = (major - SD8 + 8) * 16;
	else
		return false;
	*disk = base + low / PARTITIONS;
	*minor = base * PARTITIONS + low;
	return true;
}

int blkfront_name(uint32_t vdev, char name[16], unsigned *minor)
{
	unsigned disk, partition;
	char *end;

	if (vdev & EXTENDED) {
		*minor = vdev & (EXTENDED - 1);
		/* Linux has 20 bits for them. */
		if (vdev >= 2 * EXTENDED || *minor >> 20)
			return -ENODEV;
		disk = *minor / EXTENDED_PARTITIONS;
		partition = *minor % EXTENDED_PARTITIONS;
	} else {
		if (vdev > 0xffff || !translate(vdev, &disk, minor))
			return -ENODEV;
		partition = *minor % PARTITIONS;
	}
	strlcpy(name, "xvd", 16);
	end = put_letters(name + 3, disk);
	if (partition)
		ksnprintf(end, (size_t)(name + 16 - end), "%u", partition);
	return 0;
}
