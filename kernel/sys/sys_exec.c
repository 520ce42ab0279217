/*
 * execve(2): a file is looked up and refused as on Linux, and what could be run is of no format
 * that this kernel can run (ENOEXEC): the image is the one program.
 */
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/stat.h>
#include "sys/sys_misc.h"
#include "vfs/path.h"
#include "vfs/perm.h"

static long execute(int dirfd, uintptr_t path, unsigned walk_flags)
{
	struct dentry *d;
	int r = path_lookup(dirfd, path, walk_flags, &d);

	if (r)
		return r;
	if (!inode_is(d->inode, S_IFREG) || inode_may(d->inode, MAY_EXEC, false))
		r = -EACCES;
	else
		r = -ENOEXEC;
	dentry_put(d);
	return r;
}

long sys_execve(uintptr_t path, uintptr_t argv, uintptr_t envp)
{
	(void)argv;
	(void)envp;
	return execute(AT_FDCWD, path, WALK_FOLLOW);
}

long sys_execveat(int dirfd, uintptr_t path, uintptr_t argv, uintptr_t envp, int flags)
{
	(void)argv;
	(void)envp;
	if (flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW))
		return -EINVAL;
	return execute(dirfd, path,
		       (flags & AT_EMPTY_PATH ? WALK_EMPTY : 0) |
			   (flags & AT_SYMLINK_NOFOLLOW ? 0 : WALK_FOLLOW));
}
