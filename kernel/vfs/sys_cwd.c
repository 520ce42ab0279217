/* getcwd(2), chdir(2), chroot(2), umask(2), getdents(2). */
#include <asm/errno.h>
#include <linux/limits.h>
#include "mm/kmalloc.h"
#include "mm/uaccess.h"
#include "sys/process_ids.h"
#include "vfs/fdtable.h"
#include "vfs/path.h"
#include "vfs/perm.h"
#include "vfs/sys_files.h"

long sys_getcwd(uintptr_t buf, size_t size)
{
	char *path = kmalloc(PATH_MAX);
	if (!path)
		return -ENOMEM;
	spin_lock(&tree_lock);
	struct dentry *d = cwd_get();
	long n = d->linked ? dentry_path(d, path, PATH_MAX) : -ENOENT;
	spin_unlock(&tree_lock);
	dentry_put(d);
	if (n >= 0) {
		n++;
		if ((size_t)n > size)
			n = -ERANGE;
		else if (copy_to_user(buf, path, (size_t)n))
			n = -EFAULT;
	}
	kfree(path);
	return n;
}

static long enter(struct dentry *d, bool as_root)
{
	int err = inode_is(d->inode, S_IFDIR) ? inode_may(d->inode, MAY_EXEC, false) : -ENOTDIR;
	if (!err && as_root && !process_privileged())
		err = -EPERM;
	if (!err) {
		spin_lock(&tree_lock);
		if (as_root)
			root_set(d);
		else
			cwd_set(d);
		spin_unlock(&tree_lock);
	}
	return err;
}

static long enter_path(uintptr_t path, bool as_root)
{
	struct dentry *d;
	long err = path_lookup(AT_FDCWD, path, WALK_FOLLOW | WALK_DIRECTORY, &d);
	if (err)
		return err;
	err = enter(d, as_root);
	dentry_put(d);
	return err;
}

long sys_chdir(uintptr_t path)
{
	return enter_path(path, false);
}

long sys_chroot(uintptr_t path)
{
	return enter_path(path, true);
}

long sys_fchdir(int fd)
{
	struct file *f = fd_get_path(fd);
	if (!f)
		return -EBADF;
	long err = f->dentry ? enter(f->dentry, false) : -ENOTDIR;
	file_put(f);
	return err;
}

long sys_umask(unsigned mask)
{
	return (long)atomic_exchange(&process_umask, mask & 0777);
}

static long getdents(int fd, uintptr_t buf, unsigned size, bool old_format)
{
	struct file *f = fd_get(fd);
	if (!f)
		return -EBADF;
	long n = -ENOTDIR;
	if (f->ops->getdents) {
		struct uio u;
		uio_init(&u, buf, size);
		n = f->ops->getdents(f, &u, old_format);
	}
	file_put(f);
	return n;
}

long sys_getdents64(int fd, uintptr_t buf, unsigned size)
{
	return getdents(fd, buf, size, false);
}

long sys_getdents(int fd, uintptr_t buf, unsigned size)
{
	return getdents(fd, buf, size, true);
}
