#include "vfs/perm.h"
#include <asm/errno.h>
#include "sys/process_ids.h"
#include "vfs/inode.h"

int inode_may(const struct inode *i, unsigned what, bool real)
{
	unsigned uid = real ? process_ids.uid : process_ids.fsuid;
	unsigned gid = real ? process_ids.gid : process_ids.fsgid;
	if (!uid) {
		bool runnable = inode_is(i, S_IFDIR) || (i->mode & 0111);
		return (what & MAY_EXEC) && !runnable ? -EACCES : 0;
	}
	unsigned bits = i->mode;
	if (i->uid == uid)
		bits >>= 6;
	else if (i->gid == gid)
		bits >>= 3;
	return (what & ~bits & 7) ? -EACCES : 0;
}

int inode_owned(const struct inode *i)
{
	return !process_ids.fsuid || process_ids.fsuid == i->uid ? 0 : -EPERM;
}

int inode_may_remove(const struct inode *dir, const struct inode *victim)
{
	int err = inode_may(dir, MAY_WRITE | MAY_EXEC, false);
	if (!err && (dir->mode & S_ISVTX) && inode_owned(dir) && inode_owned(victim))
		err = -EPERM;
	return err;
}
