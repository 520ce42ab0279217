#include "vfs/inode.h"
#include "lib/string.h"
#include "mm/kmalloc.h"
#include "time/clock.h"
#include "vfs/locks.h"
#include "vfs/pipe.h"

static _Atomic uint64_t next_ino = 2; /* the root asks first and gets 2 */

struct inode *inode_new(const struct super *super, uint32_t mode)
{
	struct inode *i = kzalloc(sizeof *i);
	if (!i)
		return NULL;
	atomic_store(&i->refs, 1);
	i->super = super;
	i->ino = atomic_fetch_add(&next_ino, 1);
	i->mode = mode;
	i->atime = i->mtime = i->ctime = i->btime = stamp_now();
	if (S_ISREG(mode))
		filedata_init(&i->data);
	if (S_ISDIR(mode))
		list_init(&i->dir.entries);
	return i;
}

void inode_put(struct inode *i)
{
	if (!i || atomic_fetch_sub(&i->refs, 1) != 1)
		return;
	locks_free(i->locks);
	if (inode_is(i, S_IFREG) && !i->is_text)
		filedata_free(&i->data);
	else if (inode_is(i, S_IFDIR))
		kfree(i->dir.buckets);
	else if (inode_is(i, S_IFLNK))
		kfree(i->target);
	else if (inode_is(i, S_IFIFO) && i->pipe)
		pipe_free(i->pipe);
	kfree(i);
}

struct stamp stamp_now(void)
{
	uint64_t ns = clock_realtime();
	return (struct stamp){(int64_t)(ns / 1000000000u), (uint32_t)(ns % 1000000000u)};
}

void inode_touch_mtime(struct inode *i)
{
	struct stamp now = stamp_now();
	spin_lock(&i->lock);
	i->mtime = i->ctime = now;
	spin_unlock(&i->lock);
}

void inode_touch_ctime(struct inode *i)
{
	struct stamp now = stamp_now();
	spin_lock(&i->lock);
	i->ctime = now;
	spin_unlock(&i->lock);
}

static bool later_or_same(struct stamp a, struct stamp b)
{
	return a.sec > b.sec || (a.sec == b.sec && a.nsec >= b.nsec);
}

void inode_touch_atime(struct inode *i)
{
	struct stamp now = stamp_now();
	spin_lock(&i->lock);
	if (later_or_same(i->mtime, i->atime) || later_or_same(i->ctime, i->atime) ||
	    now.sec - i->atime.sec >= 24 * 60 * 60)
		i->atime = now;
	spin_unlock(&i->lock);
}

void dentry_put(struct dentry *d)
{
	while (d && atomic_fetch_sub(&d->refs, 1) == 1) {
		struct dentry *parent = d->parent;
		inode_put(d->inode);
		kfree(d->name);
		kfree(d);
		d = parent;
	}
}
