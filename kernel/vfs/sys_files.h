/* What the files of vfs that hold system calls share. */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct dentry;
struct file;
struct inode;

/* open(2) of what a walk found: a new open file, or -errno. flags as open's. */
int open_dentry(struct dentry *d, unsigned flags, struct file **out);
/* openat(2) for the kernel itself and the calls; path in kernel memory. */
int open_path(int dirfd, const char *path, unsigned flags, unsigned mode, struct file **out);

/* The permissions mask, umask(2). */
extern _Atomic unsigned process_umask;
