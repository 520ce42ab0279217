/* What the calls that name files share. */
#pragma once
#include <stdint.h>
#include "vfs/path.h"

/*
 * The inode that (dirfd, path, AT_* flags) means, a reference in *out. AT_SYMLINK_NOFOLLOW and
 * AT_EMPTY_PATH are honoured, other flags are the caller's to check. *dentry (may be NULL) gets its
 * name, or NULL.
 */
int lookup_inode(int dirfd, uintptr_t path, unsigned flags, struct inode **out,
		 struct dentry **dentry);

/* A new inode that the program makes in dir, whose mode is masked by umask and which inherits the
 * group of a set-group-ID directory. NULL when memory is out. */
struct inode *new_child(struct inode *dir, unsigned mode);

/* May an entry be made at w (walked with WALK_PARENT)? 0, -EEXIST, -ENOENT, -EACCES, or the file
 * system's own answer. */
int check_create(const struct walk *w);
