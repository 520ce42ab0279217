/* open(2), openat2(2), creat(2), close(2). */
#include <asm/errno.h>
#include "dev/block_file.h"
#include "lib/printk.h"
#include "mm/uaccess.h"
#include "vfs/devfs.h"
#include "vfs/fdtable.h"
#include "vfs/namei.h"
#include "vfs/perm.h"
#include "vfs/pipe.h"
#include "vfs/regfile.h"
#include "vfs/sys_files.h"

_Atomic unsigned process_umask = 022;

static int new_file(const struct file_ops *ops, unsigned flags, struct dentry *d, struct file **out)
{
	*out = file_new(ops, flags, d->inode, d, NULL);
	return *out ? 0 : -ENOMEM;
}

static int open_regular(struct dentry *d, unsigned flags, struct file **out)
{
	struct inode *i = d->inode;
	if (i->is_text)
		return text_open(i, d, flags, out);
	int err = new_file(&regular_ops, flags, d, out);
	if (!err && (flags & O_TRUNC)) {
		err = filedata_truncate(&i->data, 0);
		if (!err)
			inode_touch_mtime(i);
		else
			file_put(*out);
	}
	return err;
}

int open_dentry(struct dentry *d, unsigned flags, struct file **out)
{
	struct inode *i = d->inode;
	if (flags & O_PATH)
		return new_file(&path_ops, flags & (O_PATH | O_DIRECTORY | O_NOFOLLOW), d, out);
	if (i->ops)
		return new_file(i->ops, flags, d, out);
	switch (i->mode & S_IFMT) {
	case S_IFDIR:
		if ((flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC)))
			return -EISDIR;
		return new_file(&directory_ops, flags, d, out);
	case S_IFREG:
		return open_regular(d, flags, out);
	case S_IFLNK:
		return -ELOOP; /* O_NOFOLLOW */
	case S_IFIFO:
		return pipe_open(i, d, flags, out);
	case S_IFCHR: {
		const struct file_ops *ops = device_ops(i->rdev);
		return ops ? new_file(ops, flags, d, out) : -ENXIO;
	}
	case S_IFBLK:
		return block_open(i, d, flags, out);
	default:
		return -ENXIO; /* sockets */
	}
}

/* The name is free: makes a regular file of it. tree_lock is held. */
static int create(struct walk *w, unsigned mode)
{
	const struct super *s = w->parent->inode->super;
	if (w->last != LAST_NAME || w->trailing_slash)
		return -EISDIR;
	if (s->fixed)
		return s->fixed_errno == -ENOENT ? -ENOENT : -EACCES;
	if (!w->parent->linked)
		return -ENOENT;
	int err = inode_may(w->parent->inode, MAY_WRITE | MAY_EXEC, false);
	if (err)
		return err;
	struct inode *i = new_child(w->parent->inode, S_IFREG | (mode & 07777));
	if (!i)
		return -ENOSPC;
	w->dentry = dir_add(w->parent, w->name, i);
	inode_put(i);
	if (!w->dentry)
		return -ENOSPC;
	inode_touch_mtime(w->parent->inode);
	return 0;
}

/* O_TMPFILE: a file without a name in the directory at path; linkat(2) can give it one. */
static int open_unnamed(int dirfd, const char *path, unsigned flags, unsigned mode,
			struct file **out)
{
	if ((flags & O_ACCMODE) == O_RDONLY)
		return -EINVAL;
	struct walk w;
	struct inode *dir = NULL;
	spin_lock(&tree_lock);
	int err = path_walk(&w, dirfd, path, WALK_FOLLOW | WALK_DIRECTORY);
	if (!err)
		dir = inode_get(w.dentry->inode);
	spin_unlock(&tree_lock);
	path_done(&w);
	if (err)
		return err;
	err = dir->super->fixed ? -EOPNOTSUPP : inode_may(dir, MAY_WRITE | MAY_EXEC, false);
	struct inode *i = err ? NULL : new_child(dir, S_IFREG | (mode & 07777));
	inode_put(dir);
	if (!i)
		return err ? err : -ENOSPC;
	i->linkable = !(flags & O_EXCL);
	char name[32];
	ksnprintf(name, sizeof name, "#%lu", (unsigned long)i->ino);
	struct dentry *d = dentry_unlinked(i, name);
	*out = d ? file_new(&regular_ops, flags, i, d, NULL) : NULL;
	dentry_put(d);
	inode_put(i);
	return *out ? 0 : -ENOMEM;
}

/* The permissions that opening so needs. */
static unsigned wanted(unsigned flags)
{
	static const unsigned by_mode[] = {MAY_READ, MAY_WRITE, MAY_READ | MAY_WRITE,
					   MAY_READ | MAY_WRITE};
	return by_mode[flags & O_ACCMODE] | (flags & O_TRUNC ? MAY_WRITE : 0);
}

int open_path(int dirfd, const char *path, unsigned flags, unsigned mode, struct file **out)
{
	if ((flags & __O_TMPFILE) && !(flags & O_PATH)) {
		if ((flags & O_TMPFILE) != O_TMPFILE || (flags & O_CREAT))
			return -EINVAL;
		return open_unnamed(dirfd, path, flags, mode, out);
	}
	if (flags & O_PATH)
		flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	if ((flags & O_CREAT) && (flags & O_DIRECTORY))
		return -EINVAL;
	unsigned how = 0;
	if (!(flags & O_NOFOLLOW) && (flags & (O_CREAT | O_EXCL)) != (O_CREAT | O_EXCL))
		how |= WALK_FOLLOW;
	if (flags & O_CREAT)
		how |= WALK_PARENT | WALK_CREATE;
	struct walk w;
	struct dentry *d = NULL;
	bool created = false;
	spin_lock(&tree_lock);
	int err = path_walk(&w, dirfd, path, how);
	if (!err && (flags & O_CREAT)) {
		if (!w.dentry) {
			err = create(&w, mode);
			created = true; /* with any access, whatever the mode says */
			flags &= ~(unsigned)(O_TRUNC | O_CREAT);
		} else if (flags & O_EXCL) {
			err = -EEXIST;
		} else if (w.trailing_slash) {
			err = -EISDIR;
		}
	}
	if (!err && (flags & O_DIRECTORY) && !inode_is(w.dentry->inode, S_IFDIR))
		err = -ENOTDIR;
	if (!err)
		d = dentry_get(w.dentry);
	spin_unlock(&tree_lock);
	path_done(&w);
	if (err)
		return err;
	if (!created && !(flags & O_PATH))
		err = inode_may(d->inode, wanted(flags), false);
	if (!err)
		err = open_dentry(d, flags, out);
	dentry_put(d);
	return err;
}

static long do_open(int dirfd, uintptr_t path, unsigned flags, unsigned mode)
{
	int err;
	char *name = getname(path, &err);
	if (!name)
		return err;
	struct file *f;
	err = open_path(dirfd, name, flags | ((flags & O_PATH) ? 0 : O_LARGEFILE), mode, &f);
	putname(name);
	if (err)
		return err;
	return fd_install_or_put(f, flags & O_CLOEXEC);
}

long sys_open(uintptr_t path, int flags, unsigned mode)
{
	return do_open(AT_FDCWD, path, (unsigned)flags, mode);
}

long sys_openat(int dirfd, uintptr_t path, int flags, unsigned mode)
{
	return do_open(dirfd, path, (unsigned)flags, mode);
}

long sys_creat(uintptr_t path, unsigned mode)
{
	return do_open(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

long sys_close(int fd)
{
	return fd_close(fd);
}
