/*
 * File descriptors: the one table of the one process. One spin lock inside; it is held only to
 * look at the table, never while a file is released.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "vfs/file.h"

#define FD_MAX (1u << 20) /* /proc/sys/fs/nr_open: no descriptor is higher */

/* The file of fd with a new reference for the caller; NULL: EBADF. O_PATH files are not found by
 * fd_get, as most calls refuse them. */
struct file *fd_get(int fd);
struct file *fd_get_path(int fd); /* O_PATH files too */
/* Gives f the lowest free descriptor that is >= min. On success the table owns the caller's
 * reference. Descriptor, -EMFILE, -ENOMEM, -EINVAL (min beyond the limit). */
int fd_install(struct file *f, int min, bool cloexec);
/* As fd_install; on failure the reference is dropped as well. */
int fd_install_or_put(struct file *f, bool cloexec);
/* Makes fd refer to f (a reference is taken), closing what it was. fd, -EBADF. */
int fd_replace(int fd, struct file *f, bool cloexec);
int fd_close(int fd); /* 0 or -EBADF */

int fd_get_cloexec(int fd); /* 0, 1, -EBADF */
int fd_set_cloexec(int fd, bool on);
/* The lowest open descriptor >= from, -1 if there is none. */
int fd_next(int from);
unsigned fd_count(void);
unsigned fd_table_size(void); /* slots allocated: FDSize of /proc/self/status */
