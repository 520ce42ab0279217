/* Open directories: getdents(2). The position is the cookie of the last entry given, so names that
 * are added or removed meanwhile disturb no others. */
#include <asm/errno.h>
#include <linux/fs.h>
#include "vfs/modes.h"
#include "lib/string.h"
#include "vfs/inode.h"
#include "vfs/regfile.h"

/* Positions 0 and 1 are "." and ".."; the entry with cookie c is at c + 1. */
#define FIRST_COOKIE 1

struct dirent64 {
	uint64_t ino;
	int64_t next; /* where the entry after this one is sought */
	uint16_t length;
	uint8_t type;
	char name[NAME_MAX + 1];
} __attribute__((packed));

struct entry {
	uint64_t ino, next;
	unsigned type; /* DT_* = S_IFMT bits >> 12 */
	char name[NAME_MAX + 1];
};

static void set_entry(struct entry *e, const struct inode *i, const char *name, uint64_t next)
{
	e->ino = i->ino;
	e->type = (i->mode & S_IFMT) >> 12;
	e->next = next;
	strlcpy(e->name, name, sizeof e->name);
}

/* The entry at or after pos. tree_lock is held. */
static bool next_entry(struct file *f, uint64_t pos, struct entry *e)
{
	struct inode *dir = f->inode;
	if (pos == 0) {
		set_entry(e, dir, ".", 1);
		return true;
	}
	if (pos == 1) {
		set_entry(e, f->dentry->parent->inode, "..", 2);
		return true;
	}
	uint64_t dynamic = 1ull << 62;
	if (pos < dynamic) {
		struct dentry *d = dir_next(dir, pos - 1 - FIRST_COOKIE);
		if (d) {
			set_entry(e, d->inode, d->name, d->cookie + 1 + FIRST_COOKIE);
			return true;
		}
		pos = dynamic;
	}
	if (!dir->dyndir)
		return false;
	uint64_t at = pos - dynamic;
	if (!dir->dyndir->next(dir, &at, e->name, &e->ino, &e->type))
		return false;
	e->type >>= 12;
	e->next = dynamic + at;
	return true;
}

/* One record at the cursor of u; false if it does not fit. *fault: it could not be stored. */
static bool put_entry(struct uio *u, const struct entry *e, bool old_format, bool *fault)
{
	struct dirent64 d = {.ino = e->ino, .next = (int64_t)e->next};
	size_t name = strlen(e->name), head = offsetof(struct dirent64, name);
	size_t n;
	if (old_format) {
		/* struct linux_dirent: no type before the name, but in the last byte. */
		n = (18 + name + 2 + 7) & ~7ul;
		char *p = (char *)&d + 18;
		memcpy(p, e->name, name);
		((char *)&d)[n - 1] = (char)e->type;
	} else {
		n = (head + name + 1 + 7) & ~7ul;
		d.type = (uint8_t)e->type;
		memcpy(d.name, e->name, name);
	}
	d.length = (uint16_t)n;
	if (n > u->left)
		return false;
	*fault = uio_put(u, &d, n) != n;
	return !*fault;
}

static long directory_getdents(struct file *f, struct uio *u, bool old_format)
{
	long done = 0;
	bool fault = false, first_too_long = false, removed = false;
	spin_lock(&f->lock);
	for (;;) {
		struct entry e;
		spin_lock(&tree_lock);
		removed = !f->dentry->linked;
		bool more = !removed && next_entry(f, f->pos, &e);
		spin_unlock(&tree_lock);
		if (!more)
			break;
		size_t before = u->left;
		if (!put_entry(u, &e, old_format, &fault)) {
			first_too_long = !done;
			break;
		}
		done += (long)(before - u->left);
		f->pos = e.next;
	}
	spin_unlock(&f->lock);
	inode_touch_atime(f->inode);
	if (done)
		return done;
	return removed ? -ENOENT : fault ? -EFAULT : first_too_long ? -EINVAL : 0;
}

static long directory_lseek(struct file *f, int64_t offset, int whence)
{
	return seek_within(f, offset, whence, INT64_MAX);
}

static long directory_fsync(struct file *f)
{
	(void)f;
	return 0;
}

const struct file_ops directory_ops = {
    .lseek = directory_lseek,
    .getdents = directory_getdents,
    .fsync = directory_fsync,
};
