/*
 * Files: the calls that boot makes. The parts:
 *
 *   file.h fdtable.h uio.h      open files, descriptors, transfers
 *   inode.h filedata.h path.h   the tree in memory: inodes, names, data, path walk
 *   cpio.c unpack.c             the image's files and the boot module
 *   devfs.c procfs_*.c          /dev, /proc, /sys; etcfiles.c the default /etc
 *   pipe.c eventfd.c epoll.c poll.c timerfd.c   things to wait for
 *   sys_*.c                     the system calls
 */
#pragma once

/*
 * Builds the tree: root, cpio archives (image section, then the boot module, whose RAM is handed
 * back where nothing uses it), /dev, /proc, /sys, default /etc files, /tmp; enters the start
 * directory (cmdline.cwd) and opens descriptors 0, 1 and 2 on the console. Called once, when
 * kmalloc, clocks and the console work. Ends the machine with a message if the archives are broken.
 */
void vfs_init(void);
