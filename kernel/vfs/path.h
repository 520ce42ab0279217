/*
 * Path walk: path_resolution(7). The caller holds tree_lock from the walk to the change it makes,
 * so what it found is still so; path_done drops the references. Nothing here touches the program's
 * memory: getname copies the string in first.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <linux/limits.h>
#include "vfs/inode.h"

#define WALK_FOLLOW    1u  /* follow a symbolic link in the last component */
#define WALK_PARENT    2u  /* the last component need not exist */
#define WALK_DIRECTORY 4u  /* the result must be a directory */
#define WALK_EMPTY     8u  /* AT_EMPTY_PATH: "" means the start itself */
#define WALK_CREATE    16u /* with PARENT: for O_CREAT; a slash after the name is -EISDIR */

enum walk_last { LAST_NAME, LAST_DOT, LAST_DOTDOT, LAST_ROOT };

struct walk {
	struct dentry *parent; /* directory of the last component; reference */
	struct dentry *dentry; /* what was found, NULL if nothing; reference */
	enum walk_last last;
	bool trailing_slash;
	char name[NAME_MAX + 1]; /* the last component (LAST_NAME) */
	char *link_text;	 /* internal */
};

/*
 * Walks path from dirfd (AT_FDCWD: the working directory). 0 with w filled; without WALK_PARENT
 * w->dentry is set. -ENOENT, -ENOTDIR, -ELOOP, -ENAMETOOLONG, -EBADF, -ENOMEM. path_done is called
 * in every case.
 */
int path_walk(struct walk *w, int dirfd, const char *path, unsigned flags);
void path_done(struct walk *w);

/* A path of the program; free with putname. -ENAMETOOLONG, -EFAULT, -ENOMEM (as *err). */
char *getname(uintptr_t path, int *err);
void putname(char *name);

/*
 * Walk and lock in one, for calls that only need the dentry: a reference in *out.
 */
int path_lookup(int dirfd, uintptr_t path, unsigned flags, struct dentry **out);
/* As above for a path in kernel memory, from the root. NULL if it is not there. */
struct dentry *path_lookup_kernel(const char *path);

/* The working directory (a reference for the caller) and the root that chroot set. */
struct dentry *cwd_get(void);
void cwd_set(struct dentry *d); /* takes a reference */
void root_set(struct dentry *d);
struct dentry *root_get(void);
