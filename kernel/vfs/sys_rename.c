/* rename(2), renameat2(2). */
#include <asm/errno.h>
#include <linux/fs.h>
#include "vfs/namei.h"
#include "vfs/perm.h"

static bool is_dir(const struct dentry *d)
{
	return inode_is(d->inode, S_IFDIR);
}

/* The checks of rename(2), in Linux's order. tree_lock is held. */
static int check(const struct walk *old, const struct walk *new, unsigned flags)
{
	if (old->parent->inode->super != new->parent->inode->super)
		return -EXDEV;
	if (old->last != LAST_NAME)
		return -EBUSY;
	if (new->last != LAST_NAME)
		return flags & RENAME_NOREPLACE ? -EEXIST : -EBUSY;
	if (!old->dentry)
		return -ENOENT;
	if ((flags & RENAME_NOREPLACE) && new->dentry)
		return -EEXIST;
	if ((flags & RENAME_EXCHANGE) && !new->dentry)
		return -ENOENT;
	if ((flags & RENAME_EXCHANGE) && !is_dir(new->dentry) && new->trailing_slash)
		return -ENOTDIR;
	if (!is_dir(old->dentry) &&
	    (old->trailing_slash || (!(flags & RENAME_EXCHANGE) && new->trailing_slash)))
		return -ENOTDIR;
	if (dentry_is_below(new->parent, old->dentry))
		return -EINVAL;
	if (new->dentry && dentry_is_below(old->parent, new->dentry))
		return flags & RENAME_EXCHANGE ? -EINVAL : -ENOTEMPTY;
	if (new->dentry &&new->dentry->inode == old->dentry->inode)
		return 0;
	if (old->parent->inode->super->fixed)
		return -EPERM;
	if (!new->parent->linked)
		return -ENOENT;
	int err = inode_may_remove(old->parent->inode, old->dentry->inode);
	if (!err)
		err = new->dentry ? inode_may_remove(new->parent->inode, new->dentry->inode)
				  : inode_may(new->parent->inode, MAY_WRITE | MAY_EXEC, false);
	if (err)
		return err;
	const struct super *s = old->parent->inode->super;
	if (old->dentry->inode->super != s || (new->dentry &&new->dentry->inode->super != s))
		return -EBUSY; /* another file system is mounted there */
	if (!new->dentry || (flags & RENAME_EXCHANGE))
		return 0;
	if (is_dir(old->dentry) && !is_dir(new->dentry))
		return -ENOTDIR;
	if (!is_dir(old->dentry) && is_dir(new->dentry))
		return -EISDIR;
	return is_dir(new->dentry) && !dir_is_empty(new->dentry->inode) ? -ENOTEMPTY : 0;
}

static int move(struct walk *old, struct walk *new, unsigned flags)
{
	if (new->dentry &&new->dentry->inode == old->dentry->inode)
		return 0; /* two names of one file: nothing happens */
	int err;
	if (new->dentry) {
		/* The target takes the old place for a moment, so nothing can fail half-way. */
		err = dir_exchange(old->dentry, new->dentry);
		if (!err && !(flags & RENAME_EXCHANGE))
			dir_remove(new->dentry);
	} else {
		err = dir_move(old->dentry, new->parent, new->name);
	}
	if (err)
		return -ENOSPC;
	inode_touch_mtime(old->parent->inode);
	inode_touch_mtime(new->parent->inode);
	inode_touch_ctime(old->dentry->inode);
	if (new->dentry)
		inode_touch_ctime(new->dentry->inode);
	return 0;
}

long sys_renameat2(int old_dirfd, uintptr_t old_path, int new_dirfd, uintptr_t new_path,
		   unsigned flags)
{
	if (flags & ~(unsigned)(RENAME_NOREPLACE | RENAME_EXCHANGE))
		return -EINVAL;
	if ((flags & RENAME_NOREPLACE) && (flags & RENAME_EXCHANGE))
		return -EINVAL;
	int err;
	char *old_name = getname(old_path, &err);
	if (!old_name)
		return err;
	char *new_name = getname(new_path, &err);
	if (!new_name) {
		putname(old_name);
		return err;
	}
	struct walk old, new = {.parent = NULL};
	struct inode *replaced = NULL;
	spin_lock(&tree_lock);
	err = path_walk(&old, old_dirfd, old_name, WALK_PARENT);
	if (!err)
		err = path_walk(&new, new_dirfd, new_name, WALK_PARENT);
	if (!err)
		err = check(&old, &new, flags);
	if (!err) {
		replaced = new.dentry ? inode_get(new.dentry->inode) : NULL;
		err = move(&old, &new, flags);
	}
	spin_unlock(&tree_lock);
	path_done(&old);
	path_done(&new);
	inode_put(replaced);
	putname(old_name);
	putname(new_name);
	return err;
}

long sys_renameat(int old_dirfd, uintptr_t old_path, int new_dirfd, uintptr_t new_path)
{
	return sys_renameat2(old_dirfd, old_path, new_dirfd, new_path, 0);
}

long sys_rename(uintptr_t old_path, uintptr_t new_path)
{
	return sys_renameat2(AT_FDCWD, old_path, AT_FDCWD, new_path, 0);
}
