/* chmod(2), chown(2), utimensat(2) and their relatives; extended attributes. */
#include <asm/errno.h>
#include <linux/fcntl.h>
#include "mm/uaccess.h"
#include "sys/process_ids.h"
#include "vfs/fdtable.h"
#include "vfs/namei.h"
#include "vfs/perm.h"

#define UTIME_NOW  ((1l << 30) - 1)
#define UTIME_OMIT ((1l << 30) - 2)

static long change_mode(struct inode *i, unsigned mode)
{
	if (i->super->fixed)
		return -EPERM;
	if (inode_is(i, S_IFLNK))
		return -EOPNOTSUPP;
	int err = inode_owned(i);
	if (err)
		return err;
	/* Who is not in the file's group may not make it set-group-ID. */
	if (process_ids.fsuid && process_ids.fsgid != i->gid)
		mode &= ~(unsigned)S_ISGID;
	spin_lock(&i->lock);
	i->mode = (i->mode & S_IFMT) | (mode & 07777);
	spin_unlock(&i->lock);
	inode_touch_ctime(i);
	return 0;
}

static long chmod_at(int dirfd, uintptr_t path, unsigned mode, unsigned flags)
{
	struct inode *i;
	if (flags & ~(unsigned)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	long err = lookup_inode(dirfd, path, flags, &i, NULL);
	if (err)
		return err;
	err = change_mode(i, mode);
	inode_put(i);
	return err;
}

long sys_chmod(uintptr_t path, unsigned mode)
{
	return chmod_at(AT_FDCWD, path, mode, 0);
}

long sys_fchmodat(int dirfd, uintptr_t path, unsigned mode)
{
	return chmod_at(dirfd, path, mode, 0);
}

long sys_fchmodat2(int dirfd, uintptr_t path, unsigned mode, unsigned flags)
{
	return chmod_at(dirfd, path, mode, flags);
}

long sys_fchmod(int fd, unsigned mode)
{
	struct file *f = fd_get(fd);
	if (!f)
		return -EBADF;
	long err = change_mode(f->inode, mode);
	file_put(f);
	return err;
}

static long change_owner(struct inode *i, unsigned uid, unsigned gid)
{
	const unsigned keep = ~0u;
	if (i->super->fixed)
		return -EPERM;
	if (process_ids.fsuid) {
		bool mine = process_ids.fsuid == i->uid;
		if ((uid != keep && (!mine || uid != i->uid)) ||
		    (gid != keep && (!mine || (gid != i->gid && gid != process_ids.fsgid))))
			return -EPERM;
	}
	spin_lock(&i->lock);
	if (uid != keep)
		i->uid = uid;
	if (gid != keep)
		i->gid = gid;
	if (!inode_is(i, S_IFDIR)) {
		i->mode &= ~(unsigned)S_ISUID;
		if (i->mode & S_IXGRP)
			i->mode &= ~(unsigned)S_ISGID;
	}
	spin_unlock(&i->lock);
	inode_touch_ctime(i);
	return 0;
}

long sys_fchownat(int dirfd, uintptr_t path, unsigned uid, unsigned gid, int flags)
{
	struct inode *i;
	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	long err = lookup_inode(dirfd, path, (unsigned)flags, &i, NULL);
	if (err)
		return err;
	err = change_owner(i, uid, gid);
	inode_put(i);
	return err;
}

long sys_chown(uintptr_t path, unsigned uid, unsigned gid)
{
	return sys_fchownat(AT_FDCWD, path, uid, gid, 0);
}

long sys_lchown(uintptr_t path, unsigned uid, unsigned gid)
{
	return sys_fchownat(AT_FDCWD, path, uid, gid, AT_SYMLINK_NOFOLLOW);
}

long sys_fchown(int fd, unsigned uid, unsigned gid)
{
	struct file *f = fd_get(fd);
	if (!f)
		return -EBADF;
	long err = change_owner(f->inode, uid, gid);
	file_put(f);
	return err;
}

/* One of the two times: what is asked in (seconds, nanoseconds or UTIME_*). */
struct asked {
	int64_t sec, nsec;
};

static void set_time(struct stamp *t, const struct asked *a, struct stamp now)
{
	if (a->nsec == UTIME_NOW)
		*t = now;
	else if (a->nsec != UTIME_OMIT)
		*t = (struct stamp){a->sec, (uint32_t)a->nsec};
}

static long change_times(struct inode *i, const struct asked a[2])
{
	bool both_now = a[0].nsec == UTIME_NOW && a[1].nsec == UTIME_NOW;
	if (a[0].nsec == UTIME_OMIT && a[1].nsec == UTIME_OMIT)
		return 0;
	if (i->super->fixed)
		return -EPERM;
	/* Setting both to now needs no more than write permission. */
	if (inode_owned(i)) {
		if (!both_now)
			return -EPERM;
		if (inode_may(i, MAY_WRITE, false))
			return -EACCES;
	}
	struct stamp now = stamp_now();
	spin_lock(&i->lock);
	set_time(&i->atime, &a[0], now);
	set_time(&i->mtime, &a[1], now);
	i->ctime = now;
	spin_unlock(&i->lock);
	return 0;
}

static bool good_nsec(int64_t nsec)
{
	return nsec == UTIME_NOW || nsec == UTIME_OMIT || (nsec >= 0 && nsec < 1000000000);
}

/* path 0: dirfd itself. */
static long times_at(int dirfd, uintptr_t path, const struct asked a[2], unsigned flags)
{
	struct inode *i;
	long err;
	if (!path && dirfd != AT_FDCWD) {
		if (flags)
			return -EINVAL;
		struct file *f = fd_get(dirfd);
		if (!f)
			return -EBADF;
		i = inode_get(f->inode);
		file_put(f);
		err = 0;
	} else {
		err = lookup_inode(dirfd, path, flags, &i, NULL);
	}
	if (err)
		return err;
	err = change_times(i, a);
	inode_put(i);
	return err;
}

long sys_utimensat(int dirfd, uintptr_t path, uintptr_t times, int flags)
{
	struct asked a[2] = {{0, UTIME_NOW}, {0, UTIME_NOW}};
	if (times && copy_from_user(a, times, sizeof a))
		return -EFAULT;
	if (!good_nsec(a[0].nsec) || !good_nsec(a[1].nsec))
		return -EINVAL;
	if (a[0].nsec == UTIME_OMIT && a[1].nsec == UTIME_OMIT)
		return 0;
	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	return times_at(dirfd, path, a, (unsigned)flags);
}

/* struct timeval: microseconds. */
static long times_micro(int dirfd, uintptr_t path, uintptr_t times)
{
	struct asked a[2] = {{0, UTIME_NOW}, {0, UTIME_NOW}};
	if (times) {
		if (copy_from_user(a, times, sizeof a))
			return -EFAULT;
		for (int i = 0; i < 2; i++) {
			if (a[i].nsec < 0 || a[i].nsec >= 1000000)
				return -EINVAL;
			a[i].nsec *= 1000;
		}
	}
	return times_at(dirfd, path, a, 0);
}

long sys_utimes(uintptr_t path, uintptr_t times)
{
	return times_micro(AT_FDCWD, path, times);
}

long sys_futimesat(int dirfd, uintptr_t path, uintptr_t times)
{
	return times_micro(dirfd, path, times);
}

long sys_utime(uintptr_t path, uintptr_t times)
{
	struct asked a[2] = {{0, UTIME_NOW}, {0, UTIME_NOW}};
	int64_t sec[2];
	if (times) {
		if (copy_from_user(sec, times, sizeof sec))
			return -EFAULT;
		for (int i = 0; i < 2; i++)
			a[i] = (struct asked){sec[i], 0};
	}
	return times_at(AT_FDCWD, path, a, 0);
}

/* Extended attributes: none are kept, as on a tmpfs built without them. */

static long no_xattr(uintptr_t path, unsigned flags, long answer)
{
	struct inode *i;
	long err = lookup_inode(AT_FDCWD, path, flags, &i, NULL);
	if (err)
		return err;
	inode_put(i);
	return answer;
}

static long no_fxattr(int fd, long answer)
{
	struct file *f = fd_get(fd);
	if (!f)
		return -EBADF;
	file_put(f);
	return answer;
}

long sys_setxattr(uintptr_t path)
{
	return no_xattr(path, 0, -EOPNOTSUPP);
}

long sys_lsetxattr(uintptr_t path)
{
	return no_xattr(path, AT_SYMLINK_NOFOLLOW, -EOPNOTSUPP);
}

long sys_fsetxattr(int fd)
{
	return no_fxattr(fd, -EOPNOTSUPP);
}

long sys_getxattr(uintptr_t path)
{
	return no_xattr(path, 0, -EOPNOTSUPP);
}

long sys_lgetxattr(uintptr_t path)
{
	return no_xattr(path, AT_SYMLINK_NOFOLLOW, -EOPNOTSUPP);
}

long sys_fgetxattr(int fd)
{
	return no_fxattr(fd, -EOPNOTSUPP);
}

long sys_listxattr(uintptr_t path)
{
	return no_xattr(path, 0, 0);
}

long sys_llistxattr(uintptr_t path)
{
	return no_xattr(path, AT_SYMLINK_NOFOLLOW, 0);
}

long sys_flistxattr(int fd)
{
	return no_fxattr(fd, 0);
}

long sys_removexattr(uintptr_t path)
{
	return no_xattr(path, 0, -EOPNOTSUPP);
}

long sys_lremovexattr(uintptr_t path)
{
	return no_xattr(path, AT_SYMLINK_NOFOLLOW, -EOPNOTSUPP);
}

long sys_fremovexattr(int fd)
{
	return no_fxattr(fd, -EOPNOTSUPP);
}
