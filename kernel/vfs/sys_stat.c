/* stat(2), statx(2), statfs(2), access(2). */
#include <asm/errno.h>
#include <asm/stat.h>
#include <asm/statfs.h>
#include <linux/fcntl.h>
#include "dev/block_file.h"
#include "vfs/modes.h"
#include "lib/string.h"
#include "mm/page.h"
#include "mm/uaccess.h"
#include "vfs/fdtable.h"
#include "vfs/namei.h"
#include "vfs/perm.h"

#define STATX_WAYS (AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_STATX_SYNC_TYPE)

static uint64_t size_of(struct inode *i)
{
	switch (i->mode & S_IFMT) {
	case S_IFREG:
		return i->is_text ? 0 : filedata_size(&i->data);
	case S_IFDIR:
		return i->super->pseudo ? 0 : i->dir.count * 20ul; /* as tmpfs counts */
	case S_IFLNK:
		return i->target ? strlen(i->target) : 0;
	default:
		return 0;
	}
}

static uint64_t blocks_of(struct inode *i)
{
	return inode_is(i, S_IFREG) && !i->is_text ? filedata_blocks(&i->data) : 0;
}

static void fill_stat(struct inode *i, struct stat *st)
{
	memset(st, 0, sizeof *st);
	st->st_dev = i->super->dev;
	st->st_size = (long)size_of(i);
	st->st_blocks = (long)blocks_of(i);
	st->st_blksize = PAGE_SIZE;
	spin_lock(&i->lock);
	st->st_ino = i->ino;
	st->st_nlink = i->nlink;
	st->st_mode = i->mode;
	st->st_uid = i->uid;
	st->st_gid = i->gid;
	st->st_rdev = i->rdev;
	st->st_atime = (unsigned long)i->atime.sec;
	st->st_atime_nsec = i->atime.nsec;
	st->st_mtime = (unsigned long)i->mtime.sec;
	st->st_mtime_nsec = i->mtime.nsec;
	st->st_ctime = (unsigned long)i->ctime.sec;
	st->st_ctime_nsec = i->ctime.nsec;
	spin_unlock(&i->lock);
}

static long stat_at(int dirfd, uintptr_t path, unsigned flags, uintptr_t buf)
{
	struct inode *i;
	struct stat st;
	if (flags & ~(unsigned)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT))
		return -EINVAL;
	int err = lookup_inode(dirfd, path, flags, &i, NULL);
	if (err)
		return err;
	fill_stat(i, &st);
	inode_put(i);
	return copy_to_user(buf, &st, sizeof st);
}

long sys_stat(uintptr_t path, uintptr_t buf)
{
	return stat_at(AT_FDCWD, path, 0, buf);
}

long sys_lstat(uintptr_t path, uintptr_t buf)
{
	return stat_at(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, buf);
}

long sys_newfstatat(int dirfd, uintptr_t path, uintptr_t buf, int flags)
{
	return stat_at(dirfd, path, (unsigned)flags, buf);
}

long sys_fstat(int fd, uintptr_t buf)
{
	struct stat st;
	struct file *f = fd_get_path(fd);
	if (!f)
		return -EBADF;
	fill_stat(f->inode, &st);
	file_put(f);
	return copy_to_user(buf, &st, sizeof st);
}

static struct statx_timestamp timestamp(struct stamp t)
{
	return (struct statx_timestamp){.tv_sec = t.sec, .tv_nsec = t.nsec};
}

long sys_statx(int dirfd, uintptr_t path, unsigned flags, unsigned mask, uintptr_t buf)
{
	struct inode *i;
	struct statx x = {.stx_mask = STATX_BASIC_STATS | STATX_BTIME};
	if (mask & STATX__RESERVED)
		return -EINVAL;
	if ((flags & ~(unsigned)STATX_WAYS) || (flags & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE)
		return -EINVAL;
	int err = lookup_inode(dirfd, path, flags, &i, NULL);
	if (err)
		return err;
	x.stx_size = size_of(i);
	x.stx_blocks = blocks_of(i);
	x.stx_blksize = PAGE_SIZE;
	spin_lock(&i->lock);
	x.stx_nlink = i->nlink;
	x.stx_uid = i->uid;
	x.stx_gid = i->gid;
	x.stx_mode = (uint16_t)i->mode;
	x.stx_ino = i->ino;
	x.stx_atime = timestamp(i->atime);
	x.stx_btime = timestamp(i->btime);
	x.stx_ctime = timestamp(i->ctime);
	x.stx_mtime = timestamp(i->mtime);
	x.stx_rdev_major = (uint32_t)(i->rdev >> 8 & 0xfff);
	x.stx_rdev_minor = (uint32_t)((i->rdev & 0xff) | (i->rdev >> 12 & 0xfff00));
	x.stx_dev_minor = i->super->dev;
	spin_unlock(&i->lock);
	if ((mask & STATX_DIOALIGN) && inode_is(i, S_IFBLK) &&
	    block_direct_alignment(i, &x.stx_dio_mem_align, &x.stx_dio_offset_align))
		x.stx_mask |= STATX_DIOALIGN;
	inode_put(i);
	return copy_to_user(buf, &x, sizeof x);
}

static long put_statfs(const struct super *s, uintptr_t buf)
{
	struct statfs st;
	memset(&st, 0, sizeof st);
	st.f_type = s->magic;
	st.f_bsize = PAGE_SIZE;
	st.f_frsize = PAGE_SIZE;
	st.f_namelen = NAME_MAX;
	st.f_fsid.val[0] = (int)s->dev;
	if (!s->pseudo) {
		st.f_bfree = st.f_bavail = (long)filedata_pages_free();
		st.f_blocks = st.f_bfree + (long)filedata_pages_used();
		/* Inodes take memory too: as many as there are free pages. */
		st.f_files = st.f_blocks;
		st.f_ffree = st.f_bfree;
	}
	return copy_to_user(buf, &st, sizeof st);
}

long sys_statfs(uintptr_t path, uintptr_t buf)
{
	struct inode *i;
	int err = lookup_inode(AT_FDCWD, path, 0, &i, NULL);
	if (err)
		return err;
	const struct super *s = i->super;
	inode_put(i);
	return put_statfs(s, buf);
}

long sys_fstatfs(int fd, uintptr_t buf)
{
	struct file *f = fd_get_path(fd);
	if (!f)
		return -EBADF;
	const struct super *s = f->inode->super;
	file_put(f);
	return put_statfs(s, buf);
}

static long access_at(int dirfd, uintptr_t path, unsigned mode, unsigned flags)
{
	struct inode *i;
	if (mode & ~(MAY_READ | MAY_WRITE | MAY_EXEC))
		return -EINVAL;
	if (flags & ~(unsigned)(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	/* AT_EACCESS and AT_REMOVEDIR share a value. */
	int err = lookup_inode(dirfd, path, flags, &i, NULL);
	if (err)
		return err;
	err = inode_may(i, mode, !(flags & AT_EACCESS));
	inode_put(i);
	return err;
}

long sys_access(uintptr_t path, unsigned mode)
{
	return access_at(AT_FDCWD, path, mode, 0);
}

long sys_faccessat(int dirfd, uintptr_t path, unsigned mode)
{
	return access_at(dirfd, path, mode, 0);
}

long sys_faccessat2(int dirfd, uintptr_t path, unsigned mode, unsigned flags)
{
	return access_at(dirfd, path, mode, flags);
}
