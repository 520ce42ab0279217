/* What the rest of the kernel calls of block devices (dev/block.h). */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct dentry;
struct file;
struct inode;

/* Opens a node of type S_IFBLK. -ENXIO (no such device, or gone), -EBUSY (O_EXCL), -ENOMEM. */
int block_open(struct inode *i, struct dentry *dentry, unsigned flags, struct file **out);
/* What O_DIRECT on a node of type S_IFBLK wants: alignment of memory and of offsets. False: there
 * is no such device. */
bool block_direct_alignment(const struct inode *i, uint32_t *memory, uint32_t *offset);
/* Flushes every device: sync(2), and the orderly end of the machine. */
void block_sync_all(void);
/* /proc/partitions, /proc/diskstats, /sys/block: once, at boot, before the first device. */
void block_sysfs_init(void);
