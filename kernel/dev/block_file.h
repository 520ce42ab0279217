/* What the rest of the kernel calls of block devices (dev/block.h). */
#pragma once

struct dentry;
struct file;
struct inode;

/* Opens a node of type S_IFBLK. -ENXIO (no such device, or gone), -EBUSY (O_EXCL), -ENOMEM. */
int block_open(struct inode *i, struct dentry *dentry, unsigned flags, struct file **out);
/* Flushes every device: sync(2), and the orderly end of the machine. */
void block_sync_all(void);
/* /proc/partitions, /proc/diskstats, /sys/block: once, at boot, before the first device. */
void block_sysfs_init(void);
