#include "vfs/tree.h"
#include <asm/errno.h>
#include <linux/magic.h>
#include "lib/string.h"
#include "mm/kmalloc.h"
#include "mm/oom.h"
#include "vfs/path.h"

#define PROC_MAGIC 0x9fa0 /* linux/magic.h: PROC_SUPER_MAGIC */

const struct super super_tmpfs = {.name = "tmpfs", .magic = TMPFS_MAGIC, .dev = 20};
const struct super super_devtmpfs = {.name = "devtmpfs", .magic = TMPFS_MAGIC, .dev = 5};
const struct super super_proc = {.name = "proc",
				 .magic = PROC_MAGIC,
				 .dev = 21,
				 .fixed = true,
				 .fixed_errno = -ENOENT,
				 .pseudo = true};
const struct super super_sysfs = {.name = "sysfs",
				  .magic = SYSFS_MAGIC,
				  .dev = 22,
				  .fixed = true,
				  .fixed_errno = -EPERM,
				  .pseudo = true};
const struct super super_pipefs = {.name = "pipefs", .magic = PIPEFS_MAGIC, .dev = 12};
const struct super super_anon = {.name = "anon_inodefs", .magic = ANON_INODE_FS_MAGIC, .dev = 13};
const struct super super_shm = {.name = "tmpfs", .magic = TMPFS_MAGIC, .dev = 23};

static void need(const void *p)
{
	if (!p)
		oom_end("the file tree", PAGE_SIZE);
}

/* The directory above path's last component, made if need be; *name: that component. A reference.
 */
static struct dentry *parent_of(const struct super *s, const char *path, const char **name)
{
	const char *slash = strrchr(path, '/');
	*name = slash + 1;
	if (slash == path)
		return dentry_get(tree_root);
	char *up = kmalloc((size_t)(slash - path) + 1);
	need(up);
	memcpy(up, path, (size_t)(slash - path));
	up[slash - path] = '\0';
	struct dentry *d = tree_mkdir(s, up, 0755);
	kfree(up);
	return d;
}

static struct dentry *add(const struct super *s, const char *path, uint32_t mode)
{
	const char *name;
	struct dentry *parent = parent_of(s, path, &name);
	struct inode *i = inode_new(s, mode);
	need(i);
	spin_lock(&tree_lock);
	struct dentry *d = dir_add(parent, name, i);
	spin_unlock(&tree_lock);
	need(d);
	inode_put(i);
	dentry_put(parent);
	return d;
}

struct dentry *tree_mkdir(const struct super *s, const char *path, uint32_t mode)
{
	struct dentry *d = path_lookup_kernel(path);
	return d ? d : add(s, path, S_IFDIR | mode);
}

struct inode *tree_add(const struct super *s, const char *path, uint32_t mode)
{
	struct dentry *d = add(s, path, mode);
	dentry_put(d); /* the tree has its own reference */
	return d->inode;
}

void tree_symlink(const struct super *s, const char *path, const char *target)
{
	size_t n = strlen(target) + 1;
	char *copy = kmalloc(n);
	need(copy);
	memcpy(copy, target, n);
	tree_add(s, path, S_IFLNK | 0777)->target = copy;
}

void tree_text(const struct super *s, const char *path, uint32_t mode, const struct textfile *text,
	       long arg)
{
	struct inode *i = tree_add(s, path, S_IFREG | mode);
	i->is_text = true;
	i->text = text;
	i->arg = arg;
}

void tree_default_file(const char *path, const char *text)
{
	struct dentry *d = path_lookup_kernel(path);
	if (d) {
		dentry_put(d);
		return;
	}
	struct inode *i = tree_add(&super_tmpfs, path, S_IFREG | 0644);
	filedata_set_backing(&i->data, text, strlen(text), NULL);
}

/* tree_lock is held. Depth is bounded by what the kernel itself has made. */
static void remove_below(struct dentry *d)
{
	struct dentry *child;

	if (!inode_is(d->inode, S_IFDIR))
		return;
	while ((child = dir_next(d->inode, 0)) != NULL) {
		dentry_get(child);
		remove_below(child);
		dir_remove(child);
		dentry_put(child);
	}
}

void tree_remove(const char *path)
{
	const char *name = strrchr(path, '/') + 1;
	size_t n = (size_t)(name - path);
	char up[128]; /* the kernel's own paths are short */

	strlcpy(up, path, n + 1 < sizeof up ? n + 1 : sizeof up);
	struct dentry *dir = path_lookup_kernel(up), *d = NULL;

	if (!dir)
		return;
	spin_lock(&tree_lock);
	if (inode_is(dir->inode, S_IFDIR))
		d = dir_lookup(dir, name);
	if (d) {
		remove_below(d);
		dir_remove(d);
		dentry_put(d);
	}
	spin_unlock(&tree_lock);
	dentry_put(dir);
}
