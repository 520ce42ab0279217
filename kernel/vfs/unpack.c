#include "vfs/unpack.h"
#include <asm/errno.h>
#include "lib/printk.h"
#include "lib/string.h"
#include "mm/kmalloc.h"
#include "vfs/cpio.h"
#include "vfs/path.h"

#define MKDEV(major, minor) (((uint64_t)(major)&0xfff) << 8 | ((minor)&0xff))

/* Files with several names: the inode made for the first. */
struct link {
	struct link *next;
	uint32_t ino, dev_major, dev_minor;
	struct inode *inode; /* a reference */
};

static char error_text[160];

static int fail(const char **error, const char *name, const char *why, int err)
{
	ksnprintf(error_text, sizeof error_text, "%.80s: %s", name, why);
	*error = error_text;
	return err;
}

/* The entry's name without leading "/", "./" and trailing "/"; absolute. NULL: it leads upwards or
 * is too long. out has PATH_MAX bytes. */
static char *clean_name(const char *name, char *out)
{
	size_t n = 0;
	while (*name) {
		const char *end = name;
		while (*end && *end != '/')
			end++;
		size_t part = (size_t)(end - name);
		if (part == 2 && name[0] == '.' && name[1] == '.')
			return NULL;
		if (part && !(part == 1 && name[0] == '.')) {
			if (part > NAME_MAX || n + part + 2 > PATH_MAX)
				return NULL;
			out[n++] = '/';
			memcpy(out + n, name, part);
			n += part;
		}
		name = *end ? end + 1 : end;
	}
	out[n] = '\0';
	return out;
}

/* Makes the directories above the last component, where they are missing. tree_lock is held. */
static int make_parents(char *path)
{
	for (char *slash = *path ? strchr(path + 1, '/') : NULL; slash;
	     slash = strchr(slash + 1, '/')) {
		struct walk w;
		*slash = '\0';
		int err = path_walk(&w, AT_FDCWD, path, WALK_PARENT | WALK_FOLLOW);
		if (!err && !w.dentry) {
			struct inode *i = inode_new(w.parent->inode->super, S_IFDIR | 0755);
			if (i)
				w.dentry = dir_add(w.parent, w.name, i);
			inode_put(i);
			if (!w.dentry)
				err = -ENOMEM;
		}
		path_done(&w);
		*slash = '/';
		if (err)
			return err;
	}
	return 0;
}

static void set_attributes(struct inode *i, const struct cpio_entry *e)
{
	i->mode = e->mode & (S_IFMT | 07777);
	i->uid = e->uid;
	i->gid = e->gid;
	i->mtime = i->ctime = i->atime = (struct stamp){e->mtime, 0};
}

static struct inode *new_inode(const struct super *s, const struct cpio_entry *e,
			       struct backing *backing)
{
	struct inode *i = inode_new(s, e->mode & (S_IFMT | 07777));
	if (!i)
		return NULL;
	if (inode_is(i, S_IFREG) && e->size) {
		filedata_set_backing(&i->data, e->data, e->size, backing);
	} else if (inode_is(i, S_IFLNK)) {
		i->target = kmalloc(e->size + 1ul);
		if (!i->target) {
			inode_put(i);
			return NULL;
		}
		memcpy(i->target, e->data, e->size);
		i->target[e->size] = '\0';
	}
	i->rdev = MKDEV(e->rdev_major, e->rdev_minor);
	set_attributes(i, e);
	return i;
}

static struct link *find_link(struct link *l, const struct cpio_entry *e)
{
	for (; l; l = l->next)
		if (l->ino == e->ino && l->dev_major == e->dev_major &&
		    l->dev_minor == e->dev_minor)
			return l;
	return NULL;
}

/* The inode for the entry: a new one, or that of its other names. A reference, or NULL. */
static struct inode *inode_for(struct link **links, const struct super *s,
			       const struct cpio_entry *e, struct backing *backing)
{
	bool linked = e->nlink > 1 && S_ISREG(e->mode);
	struct link *l = linked ? find_link(*links, e) : NULL;
	if (l) {
		/* The data comes with one of the names, in newc usually the last. */
		if (e->size && !l->inode->data.size)
			filedata_set_backing(&l->inode->data, e->data, e->size, backing);
		return inode_get(l->inode);
	}
	struct inode *i = new_inode(s, e, backing);
	l = i && linked ? kmalloc(sizeof *l) : NULL;
	if (l) {
		*l = (struct link){*links, e->ino, e->dev_major, e->dev_minor, inode_get(i)};
		*links = l;
	}
	return i;
}

/* Enters one entry. tree_lock is held. */
static int enter(char *path, const struct cpio_entry *e, struct backing *backing,
		 struct link **links, const char **error)
{
	struct walk w;
	int err = make_parents(path);
	if (err)
		return fail(error, path, "its directory cannot be made", err);
	err = path_walk(&w, AT_FDCWD, *path ? path : "/", WALK_PARENT);
	if (err) {
		path_done(&w);
		return fail(error, path, "its place cannot be found", err);
	}
	bool is_dir = S_ISDIR(e->mode);
	if (w.dentry && is_dir && inode_is(w.dentry->inode, S_IFDIR)) {
		set_attributes(w.dentry->inode, e);
	} else if (w.dentry && (is_dir || inode_is(w.dentry->inode, S_IFDIR)) &&
		   !(inode_is(w.dentry->inode, S_IFLNK) && is_dir)) {
		err = fail(error, path, "a directory and a file have this name", -EEXIST);
	} else if (!(w.dentry && is_dir)) { /* a directory over a link to one: the link stays */
		struct inode *i = inode_for(links, w.parent->inode->super, e, backing);
		if (i && w.dentry)
			dir_remove(w.dentry);
		struct dentry *d = i ? dir_add(w.parent, w.name, i) : NULL;
		if (!d)
			err = fail(error, path, "no memory for it", -ENOMEM);
		dentry_put(d);
		inode_put(i);
	}
	path_done(&w);
	return err;
}

static bool known_type(uint32_t mode)
{
	return S_ISREG(mode) || S_ISDIR(mode) || S_ISLNK(mode) || S_ISCHR(mode) || S_ISBLK(mode) ||
	       S_ISFIFO(mode) || S_ISSOCK(mode);
}

int unpack_cpio(const void *archive, size_t n, struct backing *backing, const char **error)
{
	static const char internal[] = "/.unigornel";
	struct cpio c;
	struct cpio_entry e;
	struct link *links = NULL;
	char *path = kmalloc(PATH_MAX);
	int err = path ? 0 : -ENOMEM;
	*error = "no memory";
	cpio_open(&c, archive, n);
	while (!err) {
		int more = cpio_next(&c, &e);
		if (more < 0) {
			err = more;
			*error = c.error;
		}
		if (more <= 0)
			break;
		if (!clean_name(e.name, path))
			err = fail(error, e.name, "such a name cannot be unpacked", -EINVAL);
		else if (!known_type(e.mode) ||
			 (S_ISLNK(e.mode) &&
			  (!e.size || e.size >= PATH_MAX || memchr(e.data, 0, e.size))))
			err = fail(error, e.name, "it is of no type a file can have", -EINVAL);
		else if (strncmp(path, internal, sizeof internal - 1) == 0 &&
			 (path[sizeof internal - 1] == '/' || !path[sizeof internal - 1]))
			continue; /* for the kernel, docs/image.md */
		if (!err) {
			spin_lock(&tree_lock);
			err = enter(path, &e, backing, &links, error);
			spin_unlock(&tree_lock);
		}
	}
	while (links) {
		struct link *l = links;
		links = l->next;
		inode_put(l->inode);
		kfree(l);
	}
	kfree(path);
	return err;
}
