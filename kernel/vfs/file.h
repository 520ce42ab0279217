/*
 * Open files ("open file descriptions"): what a descriptor refers to. Regular files, directories,
 * devices, pipes, sockets, epoll instances ... each bring a table of functions.
 *
 * Ownership: reference counted. A descriptor holds one reference, so does a mapping and so does
 * every system call at work on the file; the last file_put calls ops->release.
 * Locks: file.lock guards pos (held over a read or write of a seekable file) and flags. The lock
 * order of all of vfs:
 *
 *   tree_lock -> fd table                         (never while touching the program's memory)
 *   epoll -> file.lock -> object (pipe, tty, inode.io) -> address space (a page fault) ->
 * inode.lock anything -> wait queue
 */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/fcntl.h>
#include <linux/eventpoll.h>
#include "lib/list.h"
#include "lib/spinlock.h"
#include "sched/wait.h"
#include "vfs/uio.h"

struct file;
struct inode;
struct dentry;

/* Calls that a kind of file does not have are NULL. pos is NULL for files that cannot seek. */
struct file_ops {
	/* Bytes done, 0 at the end, or -errno (-EAGAIN under O_NONBLOCK). Never 0 left in u, but
	 * for writes where empty_writes says that they mean something (an empty datagram). */
	long (*read)(struct file *f, struct uio *u, uint64_t *pos);
	long (*write)(struct file *f, struct uio *u, uint64_t *pos);
	/*
	 * EPOLL bits that hold now. *wq is the queue that is woken (with the bits) when that may
	 * have changed. A file without poll is always readable and writable and cannot be added to
	 * epoll.
	 */
	uint32_t (*poll)(struct file *f, struct waitqueue **wq);
	long (*ioctl)(struct file *f, unsigned cmd, uintptr_t arg); /* -ENOTTY: not mine */
	long (*lseek)(struct file *f, int64_t offset, int whence);
	/* Fills u with struct linux_dirent64; bytes, 0 at the end, -EINVAL: first entry too long.
	 */
	long (*getdents)(struct file *f, struct uio *u, bool old_format);
	long (*fsync)(struct file *f); /* NULL: -EINVAL */
	/* The page for mm/filemap.h; NULL: cannot be mapped (-ENODEV). */
	int (*map_page)(struct file *f, uint64_t pgoff, bool write, uint64_t *paddr);
	/* fallocate(2), f being writable, the range sane: linux/falloc.h. NULL: -EOPNOTSUPP. */
	long (*fallocate)(struct file *f, unsigned mode, uint64_t offset, uint64_t len);
	void (*release)(struct file *f);
	bool empty_writes;
	/* read and write sleep: they lock the file's own position themselves, where pos is NULL. */
	bool own_position;
};

struct file {
	_Atomic int refs;
	_Atomic unsigned flags;	  /* O_ACCMODE, O_APPEND, O_NONBLOCK ... as F_GETFL shows them */
	bool can_read, can_write; /* neither with O_PATH */
	const struct file_ops *ops;
	struct inode *inode;   /* never NULL: what fstat tells; a reference */
	struct dentry *dentry; /* where it was opened; a reference; NULL if it has no name */
	spinlock_t lock;
	uint64_t pos;
	void *private;		 /* of ops */
	struct list epoll_items; /* epoll entries that watch this file (epoll.c) */
	int owner, owner_signal; /* F_SETOWN, F_SETSIG */
};

/* Seekable: has a position. Pipes, sockets and terminals have none (ESPIPE). */
#define file_nonblock(f) ((atomic_load(&(f)->flags) & O_NONBLOCK) != 0)

/*
 * A new open file, one reference, owned by the caller. Takes a reference to inode (NULL: a nameless
 * one of its own kind is made, "anon_inode:[name]") and to dentry. NULL when memory is out.
 */
struct file *file_new(const struct file_ops *ops, unsigned flags, struct inode *inode,
		      struct dentry *dentry, void *private);
/* As file_new for files that have neither name nor data: eventfd, epoll, timerfd, sockets. mode is
 * the file type that fstat shows (S_IFSOCK ..., 0 for none). */
struct file *file_new_anon(const struct file_ops *ops, unsigned flags, const char *name,
			   uint32_t mode, void *private);

static inline struct file *file_get(struct file *f)
{
	atomic_fetch_add_explicit(&f->refs, 1, memory_order_relaxed);
	return f;
}
void file_put(struct file *f);

/* Reads and writes with the checks of read(2): mode, limits. pos NULL: the file's own position. */
long file_read(struct file *f, struct uio *u, uint64_t *pos);
long file_write(struct file *f, struct uio *u, uint64_t *pos);
uint32_t file_poll(struct file *f, struct waitqueue **wq);
