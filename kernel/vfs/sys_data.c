/* File data as a whole: truncate(2), fallocate(2), fsync(2), sendfile(2), copy_file_range(2),
 * posix_fadvise(2), readahead(2). */
#include <asm/errno.h>
#include <asm/signal.h>
#include <linux/fadvise.h>
#include <linux/falloc.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
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
	if (!f->can_write)
		return -EBADF;
	if (inode_is(f->inode, S_IFIFO))
		return -ESPIPE;
	if (inode_is(f->inode, S_IFDIR))
		return -EISDIR;
	if (!d)
		return -ENODEV;
	if (mode & ~(unsigned)(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE))
		return -EOPNOTSUPP;
	if ((mode & FALLOC_FL_PUNCH_HOLE) && !(mode & FALLOC_FL_KEEP_SIZE))
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

/* Durability: what lies in memory is as durable as it gets, on tmpfs too. */

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
	return 0;
}

long sys_sync_file_range(int fd, int64_t offset, int64_t n, unsigned flags)
{
	if ((flags & ~7u) || offset < 0 || n < 0 || offset > INT64_MAX - n)
		return -EINVAL;
	struct file *f = fd_get(fd);
	if (!f)
		return -EBADF;
	bool seekable = inode_is(f->inode, S_IFREG) || inode_is(f->inode, S_IFDIR);
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
	long err = regular_data(f) ? 0 : -EINVAL;
	file_put(f);
	return err;
}

/* Copying between files. */

/* Moves up to n bytes from in (regular) at *pos to out (at *out_pos, NULL: its own position). */
static long copy(struct file *in, uint64_t *pos, struct file *out, uint64_t *out_pos, size_t n)
{
	struct filedata *d = regular_data(in);
	long done = 0;
	while (n) {
		size_t len;
		const void *data = filedata_pin(d, *pos, &len);
		if (len > n)
			len = n;
		long got = 0;
		if (len) {
			struct uio u;
			uio_init_kernel(&u, (void *)(uintptr_t)data, len);
			got = out->ops->poll ? -EAGAIN : file_write(out, &u, out_pos);
		}
		filedata_unpin(d);
		if (len && out->ops->poll) {
			/* This may wait, and data stays pinned only where nothing waits. */
			uint8_t buf[1024];
			if (len > sizeof buf)
				len = sizeof buf;
			struct uio u;
			uio_init_kernel(&u, buf, len);
			got = filedata_read(d, &u, *pos);
			if (got > 0) {
				uio_init_kernel(&u, buf, (size_t)got);
				got = file_write(out, &u, NULL);
			}
		}
		if (got <= 0)
			return done ? done : got;
		*pos += (uint64_t)got;
		done += got;
		n -= (size_t)got;
		if ((size_t)got < len)
			break;
	}
	return done;
}

static long send(struct file *out, struct file *in, uintptr_t offset, size_t n)
{
	int64_t at = (int64_t)in->pos;
	if (!in->can_read || !out->can_write)
		return -EBADF;
	if (offset && copy_from_user(&at, offset, sizeof at))
		return -EFAULT;
	if (at < 0 || !regular_data(in) || !out->ops->write ||
	    (atomic_load(&out->flags) & O_APPEND))
		return -EINVAL;
	uint64_t pos = (uint64_t)at;
	if (n > UIO_MAXBYTES)
		n = UIO_MAXBYTES;
	long done = copy(in, &pos, out, NULL, n);
	if (done > 0 && !offset)
		in->pos = pos;
	at = (int64_t)pos;
	if (done > 0 && offset && copy_to_user(offset, &at, sizeof at))
		return -EFAULT;
	return done;
}

long sys_sendfile(int out_fd, int in_fd, uintptr_t offset, size_t n)
{
	struct file *in = fd_get(in_fd), *out = fd_get(out_fd);
	long r = in && out ? send(out, in, offset, n) : -EBADF;
	file_put(in);
	file_put(out);
	return r;
}

static int get_offset(uintptr_t ptr, struct file *f, int64_t *pos)
{
	if (!ptr)
		*pos = (int64_t)f->pos;
	else if (copy_from_user(pos, ptr, sizeof *pos))
		return -EFAULT;
	return *pos < 0 ? -EINVAL : 0;
}

static long copy_range(struct file *in, uintptr_t in_off, struct file *out, uintptr_t out_off,
		       size_t n)
{
	if (inode_is(in->inode, S_IFDIR) || inode_is(out->inode, S_IFDIR))
		return -EISDIR;
	struct filedata *from = regular_data(in), *to = regular_data(out);
	if (!from || !to)
		return -EINVAL;
	if (!in->can_read || !out->can_write || (atomic_load(&out->flags) & O_APPEND))
		return -EBADF;
	int64_t from_at, to_at;
	int err = get_offset(in_off, in, &from_at);
	if (!err)
		err = get_offset(out_off, out, &to_at);
	if (err)
		return err;
	uint64_t size = filedata_size(from);
	if (n > UIO_MAXBYTES)
		n = UIO_MAXBYTES;
	if ((uint64_t)from_at >= size)
		n = 0;
	else if (n > size - (uint64_t)from_at)
		n = (size_t)(size - (uint64_t)from_at);
	if (from == to && n && from_at < to_at + (int64_t)n && to_at < from_at + (int64_t)n)
		return -EINVAL; /* the ranges overlap */
	uint64_t src = (uint64_t)from_at, dst = (uint64_t)to_at;
	long done = copy(in, &src, out, &dst, n);
	if (done <= 0)
		return done;
	if (!in_off)
		in->pos = src;
	if (!out_off)
		out->pos = dst;
	if ((in_off && copy_to_user(in_off, &src, sizeof src)) ||
	    (out_off && copy_to_user(out_off, &dst, sizeof dst)))
		return -EFAULT;
	return done;
}

long sys_copy_file_range(int in_fd, uintptr_t in_off, int out_fd, uintptr_t out_off, size_t n,
			 unsigned flags)
{
	if (flags)
		return -EINVAL;
	struct file *in = fd_get(in_fd), *out = fd_get(out_fd);
	long r = in && out ? copy_range(in, in_off, out, out_off, n) : -EBADF;
	file_put(in);
	file_put(out);
	return r;
}
