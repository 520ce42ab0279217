#include "vfs/file.h"
#include <asm/errno.h>
#include "lib/string.h"
#include "mm/filemap.h"
#include "mm/kmalloc.h"
#include "vfs/epoll.h"
#include "vfs/inode.h"
#include "vfs/locks.h"

struct file *file_new(const struct file_ops *ops, unsigned flags, struct inode *inode,
		      struct dentry *dentry, void *private)
{
	struct file *f = kzalloc(sizeof *f);
	if (!f)
		return NULL;
	unsigned mode = flags & O_ACCMODE;
	atomic_store(&f->refs, 1);
	atomic_store(&f->flags,
		     flags & ~(unsigned)(O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_CLOEXEC));
	f->can_read = !(flags & O_PATH) && mode != O_WRONLY;
	f->can_write = !(flags & O_PATH) && mode != O_RDONLY;
	f->ops = ops;
	f->inode = inode_get(inode);
	f->dentry = dentry ? dentry_get(dentry) : NULL;
	f->private = private;
	list_init(&f->epoll_items);
	return f;
}

struct file *file_new_anon(const struct file_ops *ops, unsigned flags, const char *name,
			   uint32_t mode, void *private)
{
	struct inode *i = inode_new(&super_anon, mode | S_IRUSR | S_IWUSR);
	if (!i)
		return NULL;
	i->nlink = 1;
	i->name = name;
	struct file *f = file_new(ops, flags, i, NULL, private);
	inode_put(i);
	return f;
}

void file_put(struct file *f)
{
	if (!f || atomic_fetch_sub(&f->refs, 1) != 1)
		return;
	if (!list_empty(&f->epoll_items))
		epoll_file_released(f);
	locks_release_file(f);
	if (f->ops->release)
		f->ops->release(f);
	inode_put(f->inode);
	dentry_put(f->dentry);
	kfree(f);
}

/* Reading and writing differ only in the function and the right to it. */
static long transfer(struct file *f, long (*fn)(struct file *, struct uio *, uint64_t *),
		     struct uio *u, uint64_t *pos)
{
	if (!fn)
		return inode_is(f->inode, S_IFDIR) ? -EISDIR : -EINVAL;
	if (!u->left)
		return 0;
	if (!f->ops->lseek)
		return fn(f, u, NULL);
	if (pos || f->ops->own_position)
		return fn(f, u, pos);
	spin_lock(&f->lock);
	long n = fn(f, u, &f->pos);
	spin_unlock(&f->lock);
	return n;
}

long file_read(struct file *f, struct uio *u, uint64_t *pos)
{
	return f->can_read ? transfer(f, f->ops->read, u, pos) : -EBADF;
}

long file_write(struct file *f, struct uio *u, uint64_t *pos)
{
	if (!f->can_write)
		return -EBADF;
	if (!u->left && f->ops->empty_writes)
		return f->ops->write(f, u, NULL);
	return transfer(f, f->ops->write, u, pos);
}

uint32_t file_poll(struct file *f, struct waitqueue **wq)
{
	*wq = NULL;
	if (!f->ops->poll)
		return EPOLLIN | EPOLLOUT | EPOLLRDNORM | EPOLLWRNORM;
	return f->ops->poll(f, wq);
}
