/* Directories made when looked at: /proc/1/fd, /proc/1/fdinfo, /proc/1/task. */
#include <asm/errno.h>
#include "lib/printk.h"
#include "lib/string.h"
#include "sched/thread.h"
#include "sys/process_ids.h"
#include "vfs/fdtable.h"
#include "vfs/procfs.h"
#include "vfs/textbuf.h"
#include "vfs/tree.h"

/* A decimal number without leading zeroes, or -1. */
static int parse_number(const char *s)
{
	int64_t v = 0;
	if (!*s || (s[0] == '0' && s[1]))
		return -1;
	for (; *s; s++) {
		if (*s < '0' || *s > '9' || v > INT32_MAX / 10)
			return -1;
		v = v * 10 + (*s - '0');
	}
	return v <= INT32_MAX ? (int)v : -1;
}

static void name_of(struct file *f, char *buf, size_t size)
{
	struct inode *i = f->inode;
	unsigned long ino = i->ino;
	if (f->dentry) {
		spin_lock(&tree_lock);
		if (dentry_path(f->dentry, buf, size) < 0)
			strlcpy(buf, "(too long)", size);
		spin_unlock(&tree_lock);
	} else if (inode_is(i, S_IFIFO)) {
		ksnprintf(buf, size, "pipe:[%lu]", ino);
	} else if (inode_is(i, S_IFSOCK)) {
		ksnprintf(buf, size, "socket:[%lu]", ino);
	} else {
		ksnprintf(buf, size, "anon_inode:%s", i->name ? i->name : "[file]");
	}
}

static long fd_text(struct inode *link, char *buf, size_t size)
{
	char path[PATH_MAX];
	struct file *f = fd_get_path((int)link->arg);
	if (!f)
		return -ENOENT;
	name_of(f, path, sizeof path);
	file_put(f);
	size_t n = strlen(path);
	if (n > size)
		n = size;
	memcpy(buf, path, n);
	return (long)n;
}

/* Opening the link opens the file itself anew. tree_lock is held. */
static struct dentry *fd_follow(struct inode *link)
{
	struct file *f = fd_get_path((int)link->arg);
	if (!f)
		return NULL;
	struct dentry *d = f->dentry ? dentry_get(f->dentry) : dentry_unlinked(f->inode, "fd");
	file_put(f);
	return d;
}

static const struct dynlink fd_link = {.text = fd_text, .follow = fd_follow};

static int show_fdinfo(struct textbuf *t, long fd)
{
	struct file *f = fd_get_path((int)fd);
	if (!f)
		return -ENOENT;
	unsigned flags = atomic_load(&f->flags) | (fd_get_cloexec((int)fd) > 0 ? O_CLOEXEC : 0);
	text_printf(t, "pos:\t%lu\nflags:\t0%o\nmnt_id:\t%u\nino:\t%lu\n", (unsigned long)f->pos,
		    flags, f->inode->super->dev, (unsigned long)f->inode->ino);
	file_put(f);
	return 0;
}

static const struct textfile fdinfo_text = {.show = show_fdinfo};

#define INFO 1 /* arg of the directory: fdinfo, not fd */

static struct inode *fd_lookup(struct inode *dir, const char *name)
{
	int fd = parse_number(name);
	struct file *f = fd < 0 ? NULL : fd_get_path(fd);
	if (!f)
		return NULL;
	bool info = dir->arg == INFO;
	uint32_t mode = info ? S_IFREG | 0400u
			     : S_IFLNK | (f->can_read ? 0500u : 0) | (f->can_write ? 0300u : 0);
	file_put(f);
	struct inode *i = inode_new(dir->super, mode);
	if (!i)
		return NULL;
	i->nlink = 1;
	i->ino = dir->ino << 24 | (unsigned)fd;
	i->arg = fd;
	if (info) {
		i->is_text = true;
		i->text = &fdinfo_text;
	} else {
		i->dynlink = &fd_link;
	}
	return i;
}

static bool fd_next_entry(struct inode *dir, uint64_t *pos, char name[NAME_MAX + 1], uint64_t *ino,
			  unsigned *type)
{
	int fd = *pos < FD_MAX ? fd_next((int)*pos) : -1;
	if (fd < 0)
		return false;
	*pos = (uint64_t)fd + 1;
	ksnprintf(name, NAME_MAX + 1, "%d", fd);
	*ino = dir->ino << 24 | (unsigned)fd;
	*type = dir->arg == INFO ? S_IFREG : S_IFLNK;
	return true;
}

static const struct dyndir fd_dir = {.lookup = fd_lookup, .next = fd_next_entry};

/* /proc/1/task/TID: a few texts. */

static const struct {
	const char *name;
	uint32_t mode;
	const struct textfile *text;
} task_files[] = {
    {"comm", 0644, &proc_comm_text},
    {"stat", 0444, &proc_stat_text},
    {"status", 0444, &proc_status_text},
};

static struct inode *task_file_lookup(struct inode *dir, const char *name)
{
	for (unsigned k = 0; k < sizeof task_files / sizeof task_files[0]; k++) {
		if (strcmp(name, task_files[k].name) != 0)
			continue;
		struct inode *i = inode_new(dir->super, S_IFREG | task_files[k].mode);
		if (!i)
			return NULL;
		i->nlink = 1;
		i->ino = dir->ino << 4 | (k + 1);
		i->is_text = true;
		i->text = task_files[k].text;
		i->arg = dir->arg;
		return i;
	}
	return NULL;
}

static bool task_file_next(struct inode *dir, uint64_t *pos, char name[NAME_MAX + 1], uint64_t *ino,
			   unsigned *type)
{
	if (*pos >= sizeof task_files / sizeof task_files[0])
		return false;
	strlcpy(name, task_files[*pos].name, NAME_MAX + 1);
	*ino = dir->ino << 4 | (*pos + 1);
	*type = S_IFREG;
	(*pos)++;
	return true;
}

static const struct dyndir task_files_dir = {.lookup = task_file_lookup, .next = task_file_next};

static struct inode *task_lookup(struct inode *dir, const char *name)
{
	int tid = parse_number(name);
	struct thread *t = tid > 0 ? thread_find(tid) : NULL;
	if (!t)
		return NULL;
	thread_put(t);
	struct inode *i = inode_new(dir->super, S_IFDIR | 0555);
	if (!i)
		return NULL;
	i->nlink = 2;
	i->ino = dir->ino << 24 | (unsigned)tid;
	i->arg = tid;
	i->dyndir = &task_files_dir;
	return i;
}

static bool task_next(struct inode *dir, uint64_t *pos, char name[NAME_MAX + 1], uint64_t *ino,
		      unsigned *type)
{
	int best = 0;
	spin_lock(&threads_lock);
	list_for_each_entry (t, &threads_all, struct thread, all_link)
		if ((uint64_t)t->tid > *pos && (!best || t->tid < best))
			best = t->tid;
	spin_unlock(&threads_lock);
	if (!best)
		return false;
	*pos = (uint64_t)best;
	ksnprintf(name, NAME_MAX + 1, "%d", best);
	*ino = dir->ino << 24 | (unsigned)best;
	*type = S_IFDIR;
	return true;
}

static const struct dyndir task_dir = {.lookup = task_lookup, .next = task_next};

static void add_dir(const char *path, const struct dyndir *content, long arg)
{
	struct dentry *d = tree_mkdir(&super_proc, path, content == &task_dir ? 0555 : 0500);
	d->inode->dyndir = content;
	d->inode->arg = arg;
	dentry_put(d);
}

void proc_fd_init(void)
{
	add_dir("/proc/1/fd", &fd_dir, 0);
	add_dir("/proc/1/fdinfo", &fd_dir, INFO);
	add_dir("/proc/1/task", &task_dir, 0);
}
