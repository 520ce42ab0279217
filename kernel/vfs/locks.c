#include "vfs/locks.h"
#include <asm/errno.h>
#include <linux/fs.h>
#include "mm/kmalloc.h"
#include "mm/uaccess.h"
#include "vfs/inode.h"

/* The program's struct flock. */
struct user_flock {
	int16_t type, whence;
	int64_t start, len;
	int32_t pid;
};

/* One lock. Whole-file locks of flock(2) and ranges of fcntl(2) do not see each other. */
struct held {
	struct list link;
	struct file *owner; /* NULL: the process (POSIX locks) */
	bool flock, exclusive;
	uint64_t start, end; /* inclusive */
};

struct flock_list {
	struct list locks;
	struct waitqueue wait;
};

static spinlock_t locks_lock = SPINLOCK_INIT;

#define F_UNLOCKED 2 /* F_UNLCK, as a type */

static struct flock_list *list_of(struct inode *i)
{
	if (i->locks)
		return i->locks;
	struct flock_list *l = kzalloc(sizeof *l);
	if (!l)
		return NULL;
	list_init(&l->locks);
	waitqueue_init(&l->wait);
	spin_lock(&locks_lock);
	if (!i->locks) {
		i->locks = l;
		l = NULL;
	}
	spin_unlock(&locks_lock);
	kfree(l);
	return i->locks;
}

void locks_free(struct flock_list *l)
{
	if (!l)
		return;
	list_for_each_entry_safe (h, &l->locks, struct held, link)
		kfree(h);
	kfree(l);
}

static struct held *find_conflict(struct flock_list *l, const struct held *want)
{
	list_for_each_entry (h, &l->locks, struct held, link)
		if (h->flock == want->flock && h->owner != want->owner &&
		    (h->exclusive || want->exclusive) && h->start <= want->end &&
		    want->start <= h->end)
			return h;
	return NULL;
}

/*
 * Removes want's range from what its owner holds; spare (may be NULL) becomes the second half where
 * a lock is split. Returns false if it was needed and not there. locks_lock is held.
 */
static bool cut(struct flock_list *l, const struct held *want, struct held **spare)
{
	list_for_each_entry_safe (h, &l->locks, struct held, link) {
		if (h->flock != want->flock || h->owner != want->owner || h->start > want->end ||
		    h->end < want->start)
			continue;
		if (h->start < want->start && h->end > want->end) {
			struct held *tail = *spare;
			if (!tail)
				return false;
			*spare = NULL;
			*tail = *h;
			tail->start = want->end + 1;
			h->end = want->start - 1;
			list_insert_after(&h->link, &tail->link);
		} else if (h->start < want->start) {
			h->end = want->start - 1;
		} else if (h->end > want->end) {
			h->start = want->end + 1;
		} else {
			list_remove(&h->link);
			kfree(h);
		}
	}
	return true;
}

/* Sets or (unlock) clears. -EAGAIN on conflict. */
static int apply(struct flock_list *l, const struct held *want, bool unlock)
{
	struct held *lock = unlock ? NULL : kmalloc(sizeof *lock);
	struct held *spare = kmalloc(sizeof *spare);
	if (!spare || (!lock && !unlock)) {
		kfree(lock);
		kfree(spare);
		return -ENOLCK;
	}
	int err = 0;
	spin_lock(&locks_lock);
	if (!unlock && find_conflict(l, want)) {
		err = -EAGAIN;
	} else {
		cut(l, want, &spare);
		if (lock) {
			*lock = *want;
			list_add_tail(&l->locks, &lock->link);
			lock = NULL;
		}
	}
	spin_unlock(&locks_lock);
	kfree(lock);
	kfree(spare);
	if (!err)
		waitqueue_wake_all(&l->wait, 0);
	return err;
}

static int apply_wait(struct flock_list *l, const struct held *want, bool unlock, bool wait)
{
	for (;;) {
		int err = apply(l, want, unlock);
		if (err != -EAGAIN || !wait)
			return err;
		err = wait_event(&l->wait, !find_conflict(l, want), WAIT_FOREVER);
		if (err)
			return err;
	}
}

long locks_flock(struct file *f, unsigned operation)
{
	unsigned what = operation & ~(unsigned)LOCK_NB;
	if (what != LOCK_SH && what != LOCK_EX && what != LOCK_UN)
		return -EINVAL;
	struct flock_list *l = list_of(f->inode);
	if (!l)
		return -ENOMEM;
	struct held want = {
	    .owner = f, .flock = true, .exclusive = what == LOCK_EX, .end = UINT64_MAX};
	return apply_wait(l, &want, what == LOCK_UN, !(operation & LOCK_NB));
}

static int to_range(struct file *f, const struct user_flock *u, struct held *want)
{
	int64_t base = 0, start, end;
	if (u->whence == SEEK_CUR)
		base = (int64_t)f->pos;
	else if (u->whence == SEEK_END)
		base = inode_is(f->inode, S_IFREG) && !f->inode->is_text
			   ? (int64_t)filedata_size(&f->inode->data)
			   : 0;
	else if (u->whence != SEEK_SET)
		return -EINVAL;
	if (__builtin_add_overflow(base, u->start, &start))
		return -EOVERFLOW;
	if (u->len > 0) {
		if (__builtin_add_overflow(start, u->len - 1, &end))
			return -EOVERFLOW;
	} else if (u->len < 0) {
		end = start - 1;
		if (__builtin_add_overflow(start, u->len, &start))
			return -EINVAL;
	} else {
		end = INT64_MAX;
	}
	if (start < 0)
		return -EINVAL;
	want->start = (uint64_t)start;
	want->end = (uint64_t)end;
	return 0;
}

static void tell(struct user_flock *u, const struct held *h)
{
	u->type = h->exclusive ? F_WRLCK : F_RDLCK;
	u->whence = SEEK_SET;
	u->start = (int64_t)h->start;
	u->len = h->end == INT64_MAX ? 0 : (int64_t)(h->end - h->start + 1);
	u->pid = h->owner ? -1 : 1;
}

long locks_fcntl(struct file *f, unsigned cmd, uintptr_t arg)
{
	bool ofd = cmd >= F_OFD_GETLK, get = cmd == F_GETLK || cmd == F_OFD_GETLK;
	bool wait = cmd == F_SETLKW || cmd == F_OFD_SETLKW;
	struct user_flock u;
	if (copy_from_user(&u, arg, sizeof u))
		return -EFAULT;
	if (ofd && u.pid)
		return -EINVAL;
	if (u.type != F_RDLCK && u.type != F_WRLCK && (u.type != F_UNLCK || get))
		return -EINVAL;
	struct held want = {.owner = ofd ? f : NULL, .exclusive = u.type == F_WRLCK};
	int err = to_range(f, &u, &want);
	if (err)
		return err;
	struct flock_list *l = list_of(f->inode);
	if (!l)
		return -ENOLCK;
	if (!get) {
		if ((u.type == F_RDLCK && !f->can_read) || (u.type == F_WRLCK && !f->can_write))
			return -EBADF;
		return apply_wait(l, &want, u.type == F_UNLCK, wait);
	}
	spin_lock(&locks_lock);
	struct held *h = find_conflict(l, &want);
	if (h)
		tell(&u, h);
	else
		u.type = F_UNLOCKED;
	spin_unlock(&locks_lock);
	return copy_to_user(arg, &u, sizeof u);
}

static void drop_all(struct file *f, struct file *owner, bool flock)
{
	struct flock_list *l = f->inode->locks;
	struct held all = {.owner = owner, .flock = flock, .end = UINT64_MAX};
	struct held *spare = NULL; /* nothing is split */
	if (!l)
		return;
	spin_lock(&locks_lock);
	cut(l, &all, &spare);
	spin_unlock(&locks_lock);
	waitqueue_wake_all(&l->wait, 0);
}

void locks_release_file(struct file *f)
{
	if (!f->inode->locks)
		return;
	drop_all(f, f, true);
	drop_all(f, f, false);
}

void locks_descriptor_closed(struct file *f)
{
	drop_all(f, NULL, false);
}
