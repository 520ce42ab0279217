/*
 * Inodes (files, whatever their names) and dentries (names, in a tree that lies in memory as a
 * whole). Reference counted both. A dentry that is in the tree has one reference for that, and
 * holds its inode and its parent; so an unlinked file lives until its last user lets go.
 *
 * Locks: tree_lock guards every name, parent, child list, directory content and link count. It is
 * never held while the program's memory is touched. inode.lock guards mode, owner and times.
 */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <linux/limits.h>
#include "vfs/modes.h"
#include "lib/list.h"
#include "lib/spinlock.h"
#include "vfs/file.h"
#include "vfs/filedata.h"

struct textbuf;
struct pipe;

/* A moment as utimensat(2) can set it, before 1970 included. */
struct stamp {
	int64_t sec;
	uint32_t nsec;
};

/* A kind of file system, for st_dev, statfs and what may be done in it. */
struct super {
	const char *name; /* "tmpfs" */
	uint32_t magic;	  /* f_type */
	uint32_t dev;	  /* minor of st_dev; major is 0 */
	bool fixed;	  /* nothing can be created or removed by the program */
	int fixed_errno;  /* what such an attempt answers */
	bool pseudo;	  /* sizes and times mean nothing */
};

extern const struct super super_tmpfs, super_devtmpfs, super_proc, super_sysfs, super_pipefs,
    super_anon, super_shm;

/* Makes a fresh text each time the file is opened; store (NULL: read-only) gets what was written.
 */
struct textfile {
	int (*show)(struct textbuf *t, long arg);
	int (*store)(const char *text, size_t n, long arg);
};

/* A directory whose content is made when looked at (/proc/self/fd). */
struct dyndir {
	/* The entry's inode, a new reference; NULL if there is none. */
	struct inode *(*lookup)(struct inode *dir, const char *name);
	/* The entry after the cookie *pos (0 at first), which is advanced; false at the end. */
	bool (*next)(struct inode *dir, uint64_t *pos, char name[NAME_MAX + 1], uint64_t *ino,
		     unsigned *type);
};

/* A symbolic link made when looked at. */
struct dynlink {
	/* The text, as readlink gives it: its length (at most size), or -errno. */
	long (*text)(struct inode *link, char *buf, size_t size);
	/* Where it leads if not by its text: a dentry, a new reference. NULL function: by text. */
	struct dentry *(*follow)(struct inode *link);
};

struct dir {
	struct list entries; /* dentry.sibling, in the order of their cookies */
	struct dentry **buckets;
	unsigned nbuckets; /* power of two, or 0 */
	unsigned count;
	uint64_t next_cookie;
	struct dentry *dentry; /* the only name of a directory; not a reference */
};

struct inode {
	_Atomic int refs;
	const struct super *super;
	uint64_t ino;
	spinlock_t lock;
	uint32_t mode; /* type and permissions */
	uint32_t nlink;
	uint32_t uid, gid;
	uint64_t rdev;
	struct stamp atime, mtime, ctime, btime;
	const struct file_ops *ops; /* of character devices and special files */
	long arg;		    /* for textfile, dyndir, dynlink */
	const char *name;	    /* of anonymous files: "[eventfd]" */
	struct flock_list *locks;   /* flock(2) and fcntl(2) locks (locks.c) */
	union {
		struct filedata data;
		struct dir dir;
		char *target; /* of a symbolic link */
		struct pipe *pipe;
		const struct textfile *text;
	};
	bool is_text;  /* text is used, not data */
	bool linkable; /* O_TMPFILE: linkat(2) may give it a first name */
	const struct dyndir *dyndir;
	const struct dynlink *dynlink;
};

struct dentry {
	_Atomic int refs;
	struct dentry *parent; /* a reference; itself for the root */
	struct inode *inode;   /* a reference */
	char *name;
	uint32_t hash;
	bool linked; /* is in the tree */
	struct list sibling;
	struct dentry *bucket_next;
	uint64_t cookie; /* position in the directory, for readdir */
};

extern spinlock_t tree_lock;
extern struct dentry *tree_root;

#define inode_is(i, type) (((i)->mode & S_IFMT) == (type))

/* A new inode of the type in mode, nlink 0, one reference. NULL when memory is out. */
struct inode *inode_new(const struct super *super, uint32_t mode);
static inline struct inode *inode_get(struct inode *i)
{
	atomic_fetch_add_explicit(&i->refs, 1, memory_order_relaxed);
	return i;
}
void inode_put(struct inode *i);

struct stamp stamp_now(void);
/* Marks content or attributes as changed now. */
void inode_touch_mtime(struct inode *i); /* mtime and ctime */
void inode_touch_ctime(struct inode *i);
void inode_touch_atime(struct inode *i); /* relatime, as Linux mounts by default */

static inline struct dentry *dentry_get(struct dentry *d)
{
	atomic_fetch_add_explicit(&d->refs, 1, memory_order_relaxed);
	return d;
}
void dentry_put(struct dentry *d);

/* The following need tree_lock. */

/* Finds name in a directory: a new reference, or NULL. Not for "." and "..". */
struct dentry *dir_lookup(struct dentry *dir, const char *name);
/* Puts inode into dir under name: adds a link. A new reference to the dentry, or NULL (memory). The
 * name must be free. */
struct dentry *dir_add(struct dentry *dir, const char *name, struct inode *inode);
/* A dentry for a file that has no name in the tree: shown as "/name (deleted)". NULL: no memory. */
struct dentry *dentry_unlinked(struct inode *inode, const char *name);
/* Takes a name out of its directory: removes a link. */
void dir_remove(struct dentry *d);
/* Moves a dentry to another directory and name, which must be free. -ENOMEM changes nothing. */
int dir_move(struct dentry *d, struct dentry *to, const char *name);
/* Swaps two dentries' places. -ENOMEM changes nothing. */
int dir_exchange(struct dentry *a, struct dentry *b);
bool dir_is_empty(const struct inode *dir);
/* The entry with the smallest cookie above pos, NULL at the end (no reference). */
struct dentry *dir_next(struct inode *dir, uint64_t pos);
/* True if d is or lies below ancestor. */
bool dentry_is_below(const struct dentry *d, const struct dentry *ancestor);
/* The path of d from the root; "(unreachable)" and " (deleted)" as Linux. Returns its length
 * without NUL or -ENAMETOOLONG. */
long dentry_path(struct dentry *d, char *buf, size_t size);
