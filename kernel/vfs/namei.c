#include "vfs/namei.h"
#include <asm/errno.h>
#include "mm/page.h"
#include "sys/process_ids.h"
#include "vfs/fdtable.h"
#include "vfs/perm.h"
#include "vfs/sys_files.h"

static int from_descriptor(int fd, struct inode **out, struct dentry **dentry)
{
	struct file *f = fd_get_path(fd);
	if (!f)
		return -EBADF;
	*out = inode_get(f->inode);
	if (dentry)
		*dentry = f->dentry ? dentry_get(f->dentry) : NULL;
	file_put(f);
	return 0;
}

int lookup_inode(int dirfd, uintptr_t path, unsigned flags, struct inode **out,
		 struct dentry **dentry)
{
	int err;
	/* A null path with AT_EMPTY_PATH is the descriptor, as since Linux 6.11. */
	if (!path && (flags & AT_EMPTY_PATH) && dirfd != AT_FDCWD)
		return from_descriptor(dirfd, out, dentry);
	char *name = getname(path, &err);
	if (!name)
		return err;
	if (!*name && (flags & AT_EMPTY_PATH) && dirfd != AT_FDCWD) {
		putname(name);
		return from_descriptor(dirfd, out, dentry);
	}
	struct walk w;
	unsigned how = (flags & AT_SYMLINK_NOFOLLOW ? 0 : WALK_FOLLOW) |
		       (flags & AT_EMPTY_PATH ? WALK_EMPTY : 0);
	spin_lock(&tree_lock);
	err = path_walk(&w, dirfd, name, how);
	if (!err) {
		*out = inode_get(w.dentry->inode);
		if (dentry)
			*dentry = dentry_get(w.dentry);
	}
	spin_unlock(&tree_lock);
	path_done(&w);
	putname(name);
	return err;
}

struct inode *new_child(struct inode *dir, unsigned mode)
{
	/* Names may use half of what data leaves: a full disk must not end the machine. */
	if (page_available() < page_total() / 32)
		return NULL;
	struct inode *i = inode_new(dir->super, mode & ~process_umask);
	if (!i)
		return NULL;
	i->uid = process_ids.fsuid;
	i->gid = process_ids.fsgid;
	if (dir->mode & S_ISGID) {
		i->gid = dir->gid;
		if (S_ISDIR(mode))
			i->mode |= S_ISGID;
	}
	return i;
}

int check_create(const struct walk *w)
{
	const struct inode *dir = w->parent->inode;
	if (w->dentry || w->last != LAST_NAME)
		return -EEXIST;
	if (dir->super->fixed)
		return dir->super->fixed_errno;
	if (!w->parent->linked)
		return -ENOENT;
	return inode_may(dir, MAY_WRITE | MAY_EXEC, false);
}
