#include "vfs/inode.h"
#include <asm/errno.h>
#include "lib/string.h"
#include "mm/kmalloc.h"

spinlock_t tree_lock = SPINLOCK_INIT;
struct dentry *tree_root;

static uint32_t hash_name(const char *s)
{
	uint32_t h = 2166136261u; /* FNV-1a */
	for (; *s; s++)
		h = (h ^ (uint8_t)*s) * 16777619u;
	return h;
}

static char *copy_name(const char *s)
{
	size_t n = strlen(s) + 1;
	char *copy = kmalloc(n);
	if (copy)
		memcpy(copy, s, n);
	return copy;
}

static struct dentry **find(struct dir *dir, const char *name, uint32_t hash)
{
	struct dentry **p = &dir->buckets[hash & (dir->nbuckets - 1)];
	while (*p && ((*p)->hash != hash || strcmp((*p)->name, name) != 0))
		p = &(*p)->bucket_next;
	return p;
}

struct dentry *dir_lookup(struct dentry *at, const char *name)
{
	struct inode *i = at->inode;
	if (i->dir.nbuckets) {
		struct dentry *d = *find(&i->dir, name, hash_name(name));
		if (d)
			return dentry_get(d);
	}
	if (!i->dyndir)
		return NULL;
	/* A passing name: not entered in the tree, gone when its last user is. */
	struct inode *made = i->dyndir->lookup(i, name);
	struct dentry *d = made ? kzalloc(sizeof *d) : NULL;
	if (d)
		d->name = copy_name(name);
	if (!d || !d->name) {
		kfree(d);
		inode_put(made);
		return NULL;
	}
	atomic_store(&d->refs, 1);
	list_init(&d->sibling);
	d->parent = dentry_get(at);
	d->inode = made;
	d->linked = true;
	if (inode_is(made, S_IFDIR) && !made->dir.dentry)
		made->dir.dentry = d;
	return d;
}

static void grow_buckets(struct dir *dir)
{
	unsigned n = dir->nbuckets ? dir->nbuckets * 4 : 8;
	struct dentry **b = kzalloc(n * sizeof *b);
	if (!b)
		return; /* longer chains, or dir_add fails for want of any */
	for (unsigned i = 0; i < dir->nbuckets; i++) {
		struct dentry *next;
		for (struct dentry *d = dir->buckets[i]; d; d = next) {
			next = d->bucket_next;
			d->bucket_next = b[d->hash & (n - 1)];
			b[d->hash & (n - 1)] = d;
		}
	}
	kfree(dir->buckets);
	dir->buckets = b;
	dir->nbuckets = n;
}

/* Room for one more; false when there is not even a first table. */
static bool make_room(struct dir *dir)
{
	if (dir->count >= dir->nbuckets)
		grow_buckets(dir);
	return dir->nbuckets != 0;
}

static void attach(struct dentry *d, struct dentry *parent)
{
	struct dir *dir = &parent->inode->dir;
	struct dentry **bucket = &dir->buckets[d->hash & (dir->nbuckets - 1)];
	d->bucket_next = *bucket;
	*bucket = d;
	d->cookie = ++dir->next_cookie;
	list_add_tail(&dir->entries, &d->sibling);
	dir->count++;
	if (inode_is(d->inode, S_IFDIR))
		parent->inode->nlink++;
}

static void detach(struct dentry *d)
{
	struct inode *i = d->parent->inode;
	*find(&i->dir, d->name, d->hash) = d->bucket_next;
	list_remove(&d->sibling);
	i->dir.count--;
	if (inode_is(d->inode, S_IFDIR))
		i->nlink--;
}

struct dentry *dir_add(struct dentry *parent, const char *name, struct inode *inode)
{
	if (!make_room(&parent->inode->dir))
		return NULL;
	struct dentry *d = kzalloc(sizeof *d);
	if (d)
		d->name = copy_name(name);
	if (!d || !d->name) {
		kfree(d);
		return NULL;
	}
	atomic_store(&d->refs, 2); /* the tree's and the caller's */
	d->hash = hash_name(name);
	d->parent = dentry_get(parent);
	d->inode = inode_get(inode);
	d->linked = true;
	attach(d, parent);
	inode->nlink++;
	if (inode_is(inode, S_IFDIR)) {
		inode->nlink++; /* its own "." */
		inode->dir.dentry = d;
	}
	return d;
}

struct dentry *dentry_unlinked(struct inode *inode, const char *name)
{
	struct dentry *d = kzalloc(sizeof *d);
	if (d)
		d->name = copy_name(name);
	if (!d || !d->name) {
		kfree(d);
		return NULL;
	}
	atomic_store(&d->refs, 1);
	list_init(&d->sibling);
	d->inode = inode_get(inode);
	d->parent = dentry_get(tree_root);
	return d;
}

void dir_remove(struct dentry *d)
{
	assert(d->linked);
	detach(d);
	d->linked = false;
	d->inode->nlink--;
	if (inode_is(d->inode, S_IFDIR))
		d->inode->nlink--;
	dentry_put(d);
}

int dir_move(struct dentry *d, struct dentry *to, const char *name)
{
	char *copy = copy_name(name);
	if (!copy || !make_room(&to->inode->dir)) {
		kfree(copy);
		return -ENOMEM;
	}
	detach(d);
	struct dentry *old_parent = d->parent;
	kfree(d->name);
	d->name = copy;
	d->hash = hash_name(copy);
	d->parent = dentry_get(to);
	attach(d, to);
	dentry_put(old_parent);
	return 0;
}

int dir_exchange(struct dentry *a, struct dentry *b)
{
	if (!make_room(&a->parent->inode->dir) || !make_room(&b->parent->inode->dir))
		return -ENOMEM;
	detach(a);
	detach(b);
	struct dentry *parent = a->parent;
	char *name = a->name;
	uint32_t hash = a->hash;
	a->parent = b->parent;
	a->name = b->name;
	a->hash = b->hash;
	b->parent = parent;
	b->name = name;
	b->hash = hash;
	attach(a, a->parent);
	attach(b, b->parent);
	return 0;
}

bool dir_is_empty(const struct inode *dir)
{
	return dir->dir.count == 0 && !dir->dyndir;
}

struct dentry *dir_next(struct inode *dir, uint64_t pos)
{
	list_for_each_entry (d, &dir->dir.entries, struct dentry, sibling)
		if (d->cookie > pos)
			return d;
	return NULL;
}

bool dentry_is_below(const struct dentry *d, const struct dentry *ancestor)
{
	for (;; d = d->parent) {
		if (d == ancestor)
			return true;
		if (d->parent == d)
			return false;
	}
}

long dentry_path(struct dentry *d, char *buf, size_t size)
{
	static const char deleted[] = " (deleted)";
	size_t at = size;
	if (size < 2)
		return -ENAMETOOLONG;
	buf[--at] = '\0';
	if (!d->linked) {
		if (at < sizeof deleted - 1)
			return -ENAMETOOLONG;
		at -= sizeof deleted - 1;
		memcpy(buf + at, deleted, sizeof deleted - 1);
	}
	if (d->parent == d && at > 0)
		buf[--at] = '/';
	for (; d->parent != d; d = d->parent) {
		size_t n = strlen(d->name);
		if (at < n + 1)
			return -ENAMETOOLONG;
		at -= n;
		memcpy(buf + at, d->name, n);
		buf[--at] = '/';
	}
	size_t length = size - at - 1;
	memmove(buf, buf + at, length + 1);
	return (long)length;
}
