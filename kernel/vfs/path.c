#include "vfs/path.h"
#include <asm/errno.h>
#include "lib/string.h"
#include "mm/kmalloc.h"
#include "mm/uaccess.h"
#include "vfs/fdtable.h"
#include "vfs/perm.h"

#define MAX_LINKS 40

/* Guarded by tree_lock; NULL: the root. */
static struct dentry *cwd, *chroot_dir;

struct dentry *root_get(void)
{
	return dentry_get(chroot_dir ? chroot_dir : tree_root);
}

struct dentry *cwd_get(void)
{
	return dentry_get(cwd ? cwd : tree_root);
}

void cwd_set(struct dentry *d)
{
	struct dentry *old = cwd;
	cwd = dentry_get(d);
	dentry_put(old);
}

void root_set(struct dentry *d)
{
	struct dentry *old = chroot_dir;
	chroot_dir = dentry_get(d);
	dentry_put(old);
}

static bool is_root(const struct dentry *d)
{
	return d == (chroot_dir ? chroot_dir : tree_root) || d->parent == d;
}

static int start(struct walk *w, int dirfd, const char *path)
{
	if (path[0] == '/') {
		w->parent = root_get();
		return 0;
	}
	if (dirfd == AT_FDCWD) {
		w->parent = cwd_get();
		return 0;
	}
	struct file *f = fd_get_path(dirfd);
	if (!f)
		return -EBADF;
	int err = 0;
	if (f->dentry)
		w->parent = dentry_get(f->dentry);
	else
		err = -ENOTDIR;
	file_put(f);
	return err;
}

/* Makes next the directory the walk stands in. Takes over the reference. */
static void step_into(struct walk *w, struct dentry *next)
{
	dentry_put(w->parent);
	w->parent = next;
}

/*
 * Replaces the rest of the path by the link's target and that rest. Returns the new rest, NULL with
 * *err set. slash: the path ended in one after the link, which then belongs to the target.
 * *jumped: the link led to a dentry, which w->dentry now is.
 */
static const char *expand_link(struct walk *w, struct inode *link, const char *rest, bool slash,
			       bool *jumped, int *err)
{
	*jumped = false;
	if (link->dynlink && link->dynlink->follow) {
		struct dentry *to = link->dynlink->follow(link);
		if (!to) {
			*err = -ENOENT;
			return NULL;
		}
		dentry_put(w->dentry);
		w->dentry = to;
		*jumped = true;
		return rest;
	}
	size_t rest_len = strlen(rest);
	char *text = kmalloc(PATH_MAX + rest_len + 2);
	if (!text) {
		*err = -ENOMEM;
		return NULL;
	}
	long n;
	if (link->dynlink) {
		n = link->dynlink->text(link, text, PATH_MAX);
	} else {
		n = (long)strlcpy(text, link->target, PATH_MAX);
	}
	if (n < 0) {
		kfree(text);
		*err = (int)n;
		return NULL;
	}
	if (rest_len || slash) {
		text[n++] = '/';
		memcpy(text + n, rest, rest_len);
		n += (long)rest_len;
	}
	text[n] = '\0';
	kfree(w->link_text);
	w->link_text = text;
	dentry_put(w->dentry);
	w->dentry = NULL;
	if (text[0] == '/')
		step_into(w, root_get());
	return text;
}

int path_walk(struct walk *w, int dirfd, const char *path, unsigned flags)
{
	unsigned links = 0;
	*w = (struct walk){.last = LAST_ROOT};
	if (!*path && !(flags & WALK_EMPTY))
		return -ENOENT;
	int err = start(w, dirfd, path);
	if (err)
		return err;
	if (!*path) {
		w->dentry = dentry_get(w->parent);
		return 0;
	}
	for (;;) {
		while (*path == '/')
			path++;
		if (!*path) { /* only slashes, or the link led to "/" */
			w->last = LAST_ROOT;
			w->dentry = dentry_get(w->parent);
			break;
		}
		if (!inode_is(w->parent->inode, S_IFDIR))
			return -ENOTDIR;
		err = inode_may(w->parent->inode, MAY_EXEC, false);
		if (err)
			return err;
		const char *end = path;
		while (*end && *end != '/')
			end++;
		size_t n = (size_t)(end - path);
		if (n > NAME_MAX)
			return -ENAMETOOLONG;
		memcpy(w->name, path, n);
		w->name[n] = '\0';
		const char *rest = end;
		while (*rest == '/')
			rest++;
		bool last = !*rest, slash = last && *end == '/';
		if (last)
			w->trailing_slash = slash;
		if (slash && (flags & WALK_CREATE))
			return -EISDIR;
		struct dentry *at = w->parent;
		if (n == 1 && path[0] == '.') {
			w->last = LAST_DOT;
			w->dentry = dentry_get(at);
		} else if (n == 2 && path[0] == '.' && path[1] == '.') {
			w->last = LAST_DOTDOT;
			w->dentry = dentry_get(is_root(at) ? at : at->parent);
		} else {
			w->last = LAST_NAME;
			w->dentry = at->linked || at->parent == at ? dir_lookup(at, w->name) : NULL;
		}
		if (!w->dentry) {
			if (last && (flags & WALK_PARENT))
				return 0;
			return -ENOENT;
		}
		struct inode *i = w->dentry->inode;
		if (inode_is(i, S_IFLNK) && (!last || slash || (flags & WALK_FOLLOW))) {
			/* mkdir("link/") and the like look at the name, not through it. */
			if (last && slash && (flags & WALK_PARENT) && !(flags & WALK_FOLLOW))
				break;
			if (++links > MAX_LINKS)
				return -ELOOP;
			bool jumped;
			path = expand_link(w, i, rest, slash, &jumped, &err);
			if (!path)
				return err;
			if (!jumped)
				continue;
			if (last) {
				w->last = LAST_DOT; /* no name to create or remove */
				break;
			}
			step_into(w, w->dentry);
			w->dentry = NULL;
			continue;
		}
		if (last)
			break;
		step_into(w, w->dentry);
		w->dentry = NULL;
		path = rest;
	}
	/* With WALK_PARENT the caller judges what there is, in the order that its man page has. */
	if ((flags & WALK_DIRECTORY) || (w->trailing_slash && !(flags & WALK_PARENT)))
		return inode_is(w->dentry->inode, S_IFDIR) ? 0 : -ENOTDIR;
	return 0;
}

void path_done(struct walk *w)
{
	dentry_put(w->parent);
	dentry_put(w->dentry);
	kfree(w->link_text);
	w->parent = w->dentry = NULL;
	w->link_text = NULL;
}

char *getname(uintptr_t path, int *err)
{
	char *name = kmalloc(PATH_MAX);
	if (!name) {
		*err = -ENOMEM;
		return NULL;
	}
	long n = strncpy_from_user(name, path, PATH_MAX);
	if (n < 0) {
		kfree(name);
		*err = (int)n;
		return NULL;
	}
	*err = 0;
	return name;
}

void putname(char *name)
{
	kfree(name);
}

int path_lookup(int dirfd, uintptr_t path, unsigned flags, struct dentry **out)
{
	int err;
	char *name = getname(path, &err);
	if (!name)
		return err;
	struct walk w;
	spin_lock(&tree_lock);
	err = path_walk(&w, dirfd, name, flags);
	if (!err)
		*out = dentry_get(w.dentry);
	spin_unlock(&tree_lock);
	path_done(&w);
	putname(name);
	return err;
}

struct dentry *path_lookup_kernel(const char *path)
{
	struct walk w;
	struct dentry *d = NULL;
	spin_lock(&tree_lock);
	if (!path_walk(&w, AT_FDCWD, path, WALK_FOLLOW))
		d = dentry_get(w.dentry);
	spin_unlock(&tree_lock);
	path_done(&w);
	return d;
}
