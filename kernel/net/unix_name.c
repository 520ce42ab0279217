/*
 * Names of AF_UNIX sockets, unix(7) "Address format": pathnames, which are socket files in the
 * tree, and abstract names, which each type has of its own. Lock order: net_lock -> tree_lock.
 */
#include <asm/errno.h>
#include <linux/un.h>
#include "lib/random.h"
#include "lib/string.h"
#include "mm/kmalloc.h"
#include "net/unix_internal.h"
#include "vfs/fdtable.h"
#include "vfs/namei.h"
#include "vfs/perm.h"
#include "vfs/regfile.h"

#define BUCKETS	    256
#define PATH_OFFSET ((unsigned)offsetof(struct sockaddr_un, sun_path))
#define AUTO_NAMES  (1u << 20) /* five hexadecimal digits */

static struct list names[BUCKETS];

void unix_name_init(void)
{
	for (unsigned i = 0; i < BUCKETS; i++)
		list_init(&names[i]);
}

static struct list *bucket_of_inode(const struct inode *i)
{
	return &names[i->ino % BUCKETS];
}

/* FNV-1a over the bytes. */
static struct list *bucket_of_name(const struct unix_addr *a, int type)
{
	uint32_t h = 2166136261u ^ (uint32_t)type;
	for (unsigned i = 0; i < a->len - PATH_OFFSET; i++)
		h = (h ^ (uint8_t)a->name.sun_path[i]) * 16777619u;
	return &names[(h ^ h >> 16) % BUCKETS];
}

void unix_addr_put(struct unix_addr *a)
{
	if (!a || --a->refs)
		return;
	inode_put(a->inode);
	dentry_put(a->dentry);
	kfree(a);
}

/* The address as it is to be kept: a path ends with a NUL, which counts. */
static int addr_new(const struct __kernel_sockaddr_storage *from, unsigned len,
		    struct unix_addr **out)
{
	struct unix_addr *a;
	if (len <= PATH_OFFSET || len > sizeof(struct sockaddr_un) || from->ss_family != AF_UNIX)
		return -EINVAL;
	a = kzalloc(sizeof *a);
	if (!a)
		return -ENOMEM;
	a->refs = 1;
	memcpy(&a->name, from, len);
	a->len = len;
	if (a->name.sun_path[0])
		a->len =
		    PATH_OFFSET + 1 + (unsigned)strnlen(a->name.sun_path, sizeof a->name.sun_path);
	*out = a;
	return 0;
}

/* The path of a, terminated even if it fills the array. */
static void path_of(const struct unix_addr *a, char path[UNIX_PATH_MAX + 1])
{
	memcpy(path, a->name.sun_path, UNIX_PATH_MAX);
	path[UNIX_PATH_MAX] = '\0';
}

static struct unix_sock *find_abstract(const struct unix_addr *a, int type)
{
	struct list *bucket = bucket_of_name(a, type);
	list_for_each_entry (u, bucket, struct unix_sock, name_link)
		if (!u->addr->inode && u->so.type == type && u->addr->len == a->len &&
		    !memcmp(u->addr->name.sun_path, a->name.sun_path, a->len - PATH_OFFSET))
			return u;
	return NULL;
}

static struct unix_sock *find_inode(const struct inode *i)
{
	list_for_each_entry (u, bucket_of_inode(i), struct unix_sock, name_link)
		if (u->addr->inode == i)
			return u;
	return NULL;
}

/* Makes the socket file. */
static int create_file(struct unix_addr *a)
{
	char path[UNIX_PATH_MAX + 1];
	struct walk w;
	path_of(a, path);
	spin_lock(&tree_lock);
	int err = path_walk(&w, AT_FDCWD, path, WALK_PARENT);
	if (!err)
		err = check_create(&w);
	if (!err && w.trailing_slash)
		err = -ENOENT;
	if (!err) {
		a->inode = new_child(w.parent->inode, S_IFSOCK | 0777);
		a->dentry = a->inode ? dir_add(w.parent, w.name, a->inode) : NULL;
		if (a->dentry)
			inode_touch_mtime(w.parent->inode);
		else
			err = -ENOSPC;
	}
	spin_unlock(&tree_lock);
	path_done(&w);
	return err == -EEXIST ? -EADDRINUSE : err;
}

/* Takes the file back that create_file made. */
static void remove_file(struct unix_addr *a)
{
	spin_lock(&tree_lock);
	if (a->dentry->linked)
		dir_remove(a->dentry);
	spin_unlock(&tree_lock);
}

static void enter(struct unix_sock *u, struct unix_addr *a)
{
	u->addr = a;
	list_add_tail(a->inode ? bucket_of_inode(a->inode) : bucket_of_name(a, u->so.type),
		      &u->name_link);
}

int unix_bind(struct socket *so, const struct __kernel_sockaddr_storage *name, unsigned len)
{
	struct unix_sock *u = unix_of(so);
	struct unix_addr *a;
	if (len == PATH_OFFSET && name->ss_family == AF_UNIX)
		return unix_autobind(u);
	int err = addr_new(name, len, &a);
	if (err)
		return err;
	if (a->name.sun_path[0]) {
		err = create_file(a);
		if (!err && u->addr) {
			remove_file(a);
			err = -EINVAL;
		}
	} else if (u->addr) {
		err = -EINVAL;
	} else if (find_abstract(a, so->type)) {
		err = -EADDRINUSE;
	}
	if (err)
		unix_addr_put(a);
	else
		enter(u, a);
	return err;
}

int unix_autobind(struct unix_sock *u)
{
	if (u->addr)
		return 0;
	struct unix_addr *a = kzalloc(sizeof *a);
	if (!a)
		return -ENOMEM;
	a->refs = 1;
	a->name.sun_family = AF_UNIX;
	a->len = PATH_OFFSET + 6;
	uint32_t first;
	random_bytes(&first, sizeof first);
	for (uint32_t i = 0; i < AUTO_NAMES; i++) {
		ksnprintf(a->name.sun_path + 1, 6, "%05x", (first + i) % AUTO_NAMES);
		if (!find_abstract(a, u->so.type)) {
			enter(u, a);
			return 0;
		}
	}
	kfree(a);
	return -ENOSPC;
}

int unix_autobind_for_cred(struct unix_sock *u)
{
	return u->so.passcred ? unix_autobind(u) : 0;
}

void unix_unbind(struct unix_sock *u)
{
	list_remove(&u->name_link);
}

void unix_inherit_name(struct unix_sock *u, struct unix_sock *from)
{
	u->addr = from->addr;
	if (u->addr)
		u->addr->refs++;
}

/* A pathname's socket. */
static int lookup_path(const struct unix_addr *a, int type, struct unix_sock **out)
{
	char path[UNIX_PATH_MAX + 1];
	struct walk w;
	struct inode *i = NULL;
	path_of(a, path);
	spin_lock(&tree_lock);
	int err = path_walk(&w, AT_FDCWD, path, WALK_FOLLOW);
	if (!err)
		i = inode_get(w.dentry->inode);
	spin_unlock(&tree_lock);
	path_done(&w);
	if (err)
		return err;
	err = inode_may(i, MAY_WRITE, false);
	if (!err) {
		*out = inode_is(i, S_IFSOCK) ? find_inode(i) : NULL;
		if (!*out)
			err = -ECONNREFUSED;
		else if ((*out)->so.type != type)
			err = -EPROTOTYPE;
		else
			inode_touch_atime(i);
	}
	inode_put(i);
	return err;
}

int unix_lookup(struct unix_sock *u, const struct __kernel_sockaddr_storage *name, unsigned len,
		struct unix_sock **out)
{
	struct unix_addr *a;
	*out = NULL;
	int err = addr_new(name, len, &a);
	if (err)
		return err;
	if (a->name.sun_path[0]) {
		err = lookup_path(a, u->so.type, out);
	} else {
		*out = find_abstract(a, u->so.type);
		if (!*out)
			err = -ECONNREFUSED;
	}
	unix_addr_put(a);
	if (err)
		*out = NULL;
	else
		unix_get(*out);
	return err;
}

static unsigned copy_name(struct __kernel_sockaddr_storage *to, const struct unix_addr *a)
{
	/* One byte longer than a sockaddr_un when a path fills that. */
	memset(to, 0, sizeof *to);
	to->ss_family = AF_UNIX;
	if (!a)
		return PATH_OFFSET;
	memcpy(to, &a->name, a->len < sizeof a->name ? a->len : sizeof a->name);
	return a->len;
}

int unix_getname(struct socket *so, struct __kernel_sockaddr_storage *a, bool peer)
{
	struct unix_sock *u = unix_of(so);
	if (peer)
		u = u->peer;
	if (!u)
		return -ENOTCONN;
	return (int)copy_name(a, u->addr);
}

void unix_put_name(struct socket_msg *m, const struct unix_sock *u)
{
	m->name_len = u->addr ? copy_name(&m->name, u->addr) : 0;
}

int unix_addr_format(const struct unix_addr *a, char *buf, size_t size)
{
	unsigned n = a->len - PATH_OFFSET;
	if (a->inode)
		n--; /* the NUL */
	if (n >= size)
		n = (unsigned)size - 1;
	for (unsigned i = 0; i < n; i++)
		buf[i] = a->name.sun_path[i] ? a->name.sun_path[i] : '@';
	buf[n] = '\0';
	return (int)n;
}

int unix_open_name(struct unix_sock *u)
{
	if (!u->addr)
		return -ENOENT;
	if (!u->addr->dentry)
		return -EINVAL;
	struct file *f = file_new(&path_ops, O_PATH, u->addr->inode, u->addr->dentry, NULL);
	return f ? fd_install_or_put(f, true) : -ENOMEM;
}
