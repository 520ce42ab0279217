/* File data as a whole: truncate(2), fallocate(2), fsync(2), posix_fadvise(2), readahead(2). */
#include <asm/errno.h>
#include <asm/signal.h>
#include <linux/fadvise.h>
#include <linux/falloc.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include "dev/block_file.h"
#include "mm/uaccess.h"
#include "sched/thread.h"
#include "sys/rlimit.h"
#include "vfs/fdtable.h"
#include "vfs/namei.h"
#include "vfs/perm.h"
#include "vfs/regfile.h"

static long truncate(struct inode *i, int64_t size)
{
	if (inode_is(i, S_IFDIR))
		return -EISDIR;
	if (!inode_is(i, S_IFREG) || i->is_text)
		return -EINVAL;
	if ((uint64_t)size > rlimit_get(RLIMIT_FSIZE)) {
		siginfo_t info = {.si_signo = SIGXFSZ, .si_code = SI_USER};
		signal_send_thread(current, SIGXFSZ, &info);
		return -EFBIG;
	}
	int err = filedata_truncate(&i->data, (uint64_t)size);
	if (!err)
		inode_touch_mtime(i);
	return err;
}

long sys_truncate(uintptr_t path, int64_t size)
{
	struct inode *i;
	if (size < 0)
		return -EINVAL;
	long err = lookup_inode(AT_FDCWD, path, 0, &i, NULL);
	if (err)
		return err;
	err = inode_is(i, S_IFDIR) ? -EISDIR : inode_may(i, MAY_WRITE, false);
	if (!err)
		err = truncate(i, size);
	inode_put(i);
	return err;
}

long sys_ftruncate(int fd, int64_t size)
{
	if (size < 0)
		return -EINVAL;
	struct file *f = fd_get(fd);
	if (!f)
		return -EBADF;
	long err = f->can_write && regular_data(f) ? truncate(f->inode, size) : -EINVAL;
	file_put(f);
	return err;
}

static long allocate(struct file *f, unsigned mode, uint64_t offset, uint64_t len)
{
	struct filedata *d = regular_data(f);
	const unsigned both = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE;
	if ((mode & both) == both)
		return -EOPNOTSUPP;
	if ((mode & FALLOC_FL_PUNCH_HOLE) && !(mode & FALLOC_FL_KEEP_SIZE))
		return -EOPNOTSUPP;
	if (!f->can_write)
		return -EBADF;
	if (inode_is(f->inode, S_IFIFO))
		return -ESPIPE;
	if (inode_is(f->inode, S_IFDIR))
		return -EISDIR;
	if (inode_is(f->inode, S_IFBLK))
		return f->ops->fallocate ? f->ops->fallocate(f, mode, offset, len) : -EOPNOTSUPP;
	if (!d)
		return -ENODEV;
	if (mode & ~(unsigned)(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE))
		return -EOPNOTSUPP;
	int err;
	if (mode & FALLOC_FL_PUNCH_HOLE)
		err = filedata_punch(d, offset, len);
	else if (offset + len > rlimit_get(RLIMIT_FSIZE))
		err = -EFBIG;
	else
		err = filedata_allocate(d, offset, len, mode & FALLOC_FL_KEEP_SIZE);
	if (!err)
		inode_touch_mtime(f->inode);
	return err;
}

long sys_fallocate(int fd, int mode, int64_t offset, int64_t len)
{
	if (offset < 0 || len <= 0)
		return -EINVAL;
	if ((uint64_t)len > FILE_MAX_SIZE || (uint64_t)offset > FILE_MAX_SIZE - (uint64_t)len)
		return -EFBIG;
	struct file *f = fd_get(fd);
	if (!f)
		return -EBADF;
	long err = allocate(f, (unsigned)mode, (uint64_t)offset, (uint64_t)len);
	file_put(f);
	return err;
}

/* Durability: what lies in memory is as durable as it gets, on tmpfs too; disks are flushed. */

static long sync_file(int fd, bool any)
{
	struct file *f = fd_get(fd);
	if (!f)
		return -EBADF;
	long err = any ? 0 : f->ops->fsync ? f->ops->fsync(f) : -EINVAL;
	file_put(f);
	return err;
}

long sys_fsync(int fd)
{
	return sync_file(fd, false);
}

long sys_fdatasync(int fd)
{
	return sync_file(fd, false);
}

long sys_syncfs(int fd)
{
	return sync_file(fd, true);
}

long sys_sync(void)
{
	block_sync_all();
	return 0;
}

long sys_sync_file_range(int fd, int64_t offset, int64_t n, unsigned flags)
{
	if ((flags & ~7u) || offset < 0 || n < 0 || offset > INT64_MAX - n)
		return -EINVAL;
	struct file *f = fd_get(fd);
	if (!f)
		return -EBADF;
	bool seekable = inode_is(f->inode, S_IFREG) || inode_is(f->inode, S_IFDIR) ||
			inode_is(f->inode, S_IFBLK);
	file_put(f);
	return seekable ? 0 : -ESPIPE;
}

/* Advice that nothing needs: all data is in memory. Bad advice is refused as Linux does. */

long sys_fadvise64(int fd, int64_t offset, int64_t len, int advice)
{
	(void)offset;
	struct file *f = fd_get(fd);
	if (!f)
		return -EBADF;
	long err = inode_is(f->inode, S_IFIFO)						  ? -ESPIPE
		   : len < 0 || advice < POSIX_FADV_NORMAL || advice > POSIX_FADV_NOREUSE ? -EINVAL
											  : 0;
	file_put(f);
	return err;
}

long sys_readahead(int fd, int64_t offset, size_t count)
{
	(void)offset, (void)count;
	struct file *f = fd_get(fd);
	if (!f || !f->can_read) {
		file_put(f);
		return -EBADF;
	}
	long err = regular_data(f) || inode_is(f->inode, S_IFBLK) ? 0 : -EINVAL;
	file_put(f);
	return err;
}
