/* Names: mkdir(2), rmdir(2), mknod(2), link(2), symlink(2), readlink(2), unlink(2). */
#include <asm/errno.h>
#include <linux/fcntl.h>
#include "lib/string.h"
#include "mm/kmalloc.h"
#include "mm/uaccess.h"
#include "vfs/fdtable.h"
#include "vfs/namei.h"
#include "vfs/perm.h"

/* Enters a new inode (a reference, consumed; NULL: no memory) at w. tree_lock is held. */
static int add_entry(struct walk *w, struct inode *i)
{
	struct dentry *d = i ? dir_add(w->parent, w->name, i) : NULL;
	inode_put(i);
	if (!d)
		return -ENOSPC;
	dentry_put(d);
	inode_touch_mtime(w->parent->inode);
	return 0;
}

/* Makes a directory or special file. */
static long make_node(int dirfd, uintptr_t path, unsigned mode, uint64_t rdev)
{
	int err;
	char *name = getname(path, &err);
	if (!name)
		return err;
	struct walk w;
	spin_lock(&tree_lock);
	err = path_walk(&w, dirfd, name, WALK_PARENT);
	if (!err)
		err = check_create(&w);
	if (!err && w.trailing_slash && !S_ISDIR(mode))
		err = -ENOENT;
	if (!err) {
		struct inode *i = new_child(w.parent->inode, mode);
		if (i)
			i->rdev = rdev;
		err = add_entry(&w, i);
	}
	spin_unlock(&tree_lock);
	path_done(&w);
	putname(name);
	return err;
}

long sys_mkdirat(int dirfd, uintptr_t path, unsigned mode)
{
	return make_node(dirfd, path, S_IFDIR | (mode & 01777), 0);
}

long sys_mkdir(uintptr_t path, unsigned mode)
{
	return sys_mkdirat(AT_FDCWD, path, mode);
}

long sys_mknodat(int dirfd, uintptr_t path, unsigned mode, unsigned dev)
{
	unsigned type = mode & S_IFMT;
	if (type == S_IFDIR)
		return -EPERM;
	if (type && type != S_IFREG && type != S_IFIFO && type != S_IFSOCK && type != S_IFCHR &&
	    type != S_IFBLK)
		return -EINVAL;
	bool device = type == S_IFCHR || type == S_IFBLK;
	return make_node(dirfd, path, (type ? type : S_IFREG) | (mode & 07777), device ? dev : 0);
}

long sys_mknod(uintptr_t path, unsigned mode, unsigned dev)
{
	return sys_mknodat(AT_FDCWD, path, mode, dev);
}

long sys_symlinkat(uintptr_t target, int dirfd, uintptr_t path)
{
	int err;
	char *text = getname(target, &err);
	if (!text)
		return err;
	char *name = getname(path, &err);
	if (!name || !*text) {
		putname(text);
		putname(name);
		return err ? err : -ENOENT;
	}
	struct walk w;
	spin_lock(&tree_lock);
	err = path_walk(&w, dirfd, name, WALK_PARENT);
	if (!err)
		err = check_create(&w);
	if (!err && w.trailing_slash)
		err = -ENOENT;
	if (!err) {
		struct inode *i = new_child(w.parent->inode, S_IFLNK);
		size_t n = strlen(text) + 1;
		if (i) {
			i->mode = S_IFLNK | 0777;
			i->target = kmalloc(n);
			if (i->target) {
				memcpy(i->target, text, n);
			} else {
				inode_put(i);
				i = NULL;
			}
		}
		err = add_entry(&w, i);
	}
	spin_unlock(&tree_lock);
	path_done(&w);
	putname(text);
	putname(name);
	return err;
}

long sys_symlink(uintptr_t target, uintptr_t path)
{
	return sys_symlinkat(target, AT_FDCWD, path);
}

static int link_inode(struct inode *i, int dirfd, const char *name)
{
	struct walk w;
	spin_lock(&tree_lock);
	int err = path_walk(&w, dirfd, name, WALK_PARENT);
	if (!err)
		err = w.dentry || w.last != LAST_NAME		? -EEXIST
		      : w.trailing_slash			? -ENOENT
		      : w.parent->inode->super != i->super	? -EXDEV
		      : inode_is(i, S_IFDIR) || i->super->fixed ? -EPERM
		      : !i->nlink && !i->linkable		? -ENOENT
								: check_create(&w);
	if (!err)
		err = add_entry(&w, inode_get(i));
	spin_unlock(&tree_lock);
	path_done(&w);
	if (!err)
		inode_touch_ctime(i);
	return err;
}

long sys_linkat(int old_dirfd, uintptr_t old, int new_dirfd, uintptr_t new, unsigned flags)
{
	if (flags & ~(unsigned)(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	struct inode *i;
	unsigned how = (flags & AT_EMPTY_PATH) |
		       (flags & AT_SYMLINK_FOLLOW ? 0 : (unsigned)AT_SYMLINK_NOFOLLOW);
	int err = lookup_inode(old_dirfd, old, how, &i, NULL);
	if (err)
		return err;
	char *name = getname(new, &err);
	if (name)
		err = link_inode(i, new_dirfd, name);
	putname(name);
	inode_put(i);
	return err;
}

long sys_link(uintptr_t old, uintptr_t new)
{
	return sys_linkat(AT_FDCWD, old, AT_FDCWD, new, 0);
}

static int check_unlink(const struct walk *w)
{
	if (w->last != LAST_NAME)
		return -EISDIR;
	if (!w->dentry)
		return -ENOENT;
	bool dir = inode_is(w->dentry->inode, S_IFDIR);
	if (w->trailing_slash)
		return dir ? -EISDIR : -ENOTDIR;
	if (w->parent->inode->super->fixed)
		return -EPERM;
	int err = inode_may_remove(w->parent->inode, w->dentry->inode);
	return err ? err : dir ? -EISDIR : 0;
}

static int check_rmdir(const struct walk *w)
{
	if (w->last != LAST_NAME)
		return w->last == LAST_DOT ? -EINVAL : w->last == LAST_DOTDOT ? -ENOTEMPTY : -EBUSY;
	if (!w->dentry)
		return -ENOENT;
	if (!inode_is(w->dentry->inode, S_IFDIR))
		return -ENOTDIR;
	if (w->parent->inode->super->fixed)
		return -EPERM;
	if (w->dentry->inode->super != w->parent->inode->super)
		return -EBUSY; /* where another file system is mounted */
	int err = inode_may_remove(w->parent->inode, w->dentry->inode);
	return err ? err : dir_is_empty(w->dentry->inode) ? 0 : -ENOTEMPTY;
}

static long remove_at(int dirfd, uintptr_t path, bool directory)
{
	int err;
	char *name = getname(path, &err);
	if (!name)
		return err;
	struct walk w;
	struct inode *i = NULL;
	spin_lock(&tree_lock);
	err = path_walk(&w, dirfd, name, WALK_PARENT);
	if (!err)
		err = directory ? check_rmdir(&w) : check_unlink(&w);
	if (!err) {
		i = inode_get(w.dentry->inode);
		inode_touch_ctime(i);
		dir_remove(w.dentry);
		inode_touch_mtime(w.parent->inode);
	}
	spin_unlock(&tree_lock);
	path_done(&w);
	inode_put(i); /* the data of a big file goes without the lock */
	putname(name);
	return err;
}

long sys_unlinkat(int dirfd, uintptr_t path, int flags)
{
	if (flags & ~AT_REMOVEDIR)
		return -EINVAL;
	return remove_at(dirfd, path, flags & AT_REMOVEDIR);
}

long sys_unlink(uintptr_t path)
{
	return remove_at(AT_FDCWD, path, false);
}

long sys_rmdir(uintptr_t path)
{
	return remove_at(AT_FDCWD, path, true);
}

/* A link's text: its length, at most size, without NUL. */
static long link_text(struct inode *i, char *buf, size_t size)
{
	if (i->dynlink)
		return i->dynlink->text(i, buf, size);
	size_t n = strlen(i->target);
	if (n > size)
		n = size;
	memcpy(buf, i->target, n);
	return (long)n;
}

long sys_readlinkat(int dirfd, uintptr_t path, uintptr_t buf, int size)
{
	if (size <= 0)
		return -EINVAL;
	struct inode *i;
	int err = lookup_inode(dirfd, path, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH, &i, NULL);
	if (err)
		return err;
	char first = 0;
	long n = -EINVAL;
	char *text = inode_is(i, S_IFLNK) ? kmalloc(PATH_MAX) : NULL;
	if (text) {
		n = link_text(i, text, size < PATH_MAX ? (size_t)size : PATH_MAX);
		if (n > 0 && copy_to_user(buf, text, (size_t)n))
			n = -EFAULT;
		kfree(text);
	} else if (inode_is(i, S_IFLNK)) {
		n = -ENOMEM;
	} else if (!copy_from_user(&first, path, 1) && !first) {
		n = -ENOENT; /* an empty path must mean a link that was opened with O_PATH */
	}
	inode_put(i);
	return n;
}

long sys_readlink(uintptr_t path, uintptr_t buf, int size)
{
	return sys_readlinkat(AT_FDCWD, path, buf, size);
}
