/* read(2), write(2) and their vectored and positioned relatives; lseek(2). */
#include <asm/errno.h>
#include <linux/fs.h>
#include "mm/kmalloc.h"
#include "mm/uaccess.h"
#include "vfs/fdtable.h"
#include "vfs/regfile.h"

#define CURRENT UINT64_MAX /* at the file's own position */

static bool bad_range(uintptr_t buf, size_t n)
{
	return n && (buf >= USER_END || n > USER_END - buf);
}

/* A transfer at a given offset: only where there are offsets. */
static long transfer_at(struct file *f, bool write, struct uio *u, uint64_t pos)
{
	if (!f->ops->lseek)
		return -ESPIPE;
	return write ? file_write(f, u, &pos) : file_read(f, u, &pos);
}

static long transfer(int fd, bool write, struct uio *u)
{
	struct file *f = fd_get(fd);
	if (!f)
		return -EBADF;
	long n = write ? file_write(f, u, NULL) : file_read(f, u, NULL);
	file_put(f);
	return n;
}

static long single(int fd, bool write, uintptr_t buf, size_t n)
{
	struct uio u;
	if ((long)n < 0 || bad_range(buf, n)) {
		struct file *f = fd_get(fd);
		if (!f)
			return -EBADF;
		bool allowed = write ? f->can_write : f->can_read;
		file_put(f);
		return !allowed ? -EBADF : (long)n < 0 ? -EINVAL : -EFAULT;
	}
	uio_init(&u, buf, n);
	return transfer(fd, write, &u);
}

long sys_read(int fd, uintptr_t buf, size_t n)
{
	return single(fd, false, buf, n);
}

long sys_write(int fd, uintptr_t buf, size_t n)
{
	return single(fd, true, buf, n);
}

static long single_at(int fd, bool write, uintptr_t buf, size_t n, int64_t pos)
{
	struct uio u;
	if (pos < 0)
		return -EINVAL;
	struct file *f = fd_get(fd);
	if (!f)
		return -EBADF;
	long r = -EFAULT;
	if (!bad_range(buf, n)) {
		uio_init(&u, buf, n);
		r = transfer_at(f, write, &u, (uint64_t)pos);
	}
	file_put(f);
	return r;
}

long sys_pread64(int fd, uintptr_t buf, size_t n, int64_t pos)
{
	return single_at(fd, false, buf, n, pos);
}

long sys_pwrite64(int fd, uintptr_t buf, size_t n, int64_t pos)
{
	return single_at(fd, true, buf, n, pos);
}

static long vector(int fd, bool write, uintptr_t vec, size_t count, uint64_t pos, int flags)
{
	/* High priority means nothing. */
	const int known = RWF_HIPRI | RWF_DSYNC | RWF_SYNC | (write ? RWF_APPEND : 0);
	if (flags & ~known)
		return -EOPNOTSUPP;
	struct file *f = fd_get(fd);
	if (!f)
		return -EBADF;
	struct uio u;
	struct uio_vec *store;
	long r = (write ? f->can_write : f->can_read) ? 0 : -EBADF;
	if (!r)
		r = uio_init_user_vec(&u, vec, count, &store);
	if (!r) {
		if ((flags & RWF_APPEND) && regular_data(f)) {
			uint64_t at = 0;
			r = u.left ? regular_append(f, &u, &at) : 0;
			if (r > 0 && pos == CURRENT)
				f->pos = at;
		} else if (pos != CURRENT) {
			r = transfer_at(f, write, &u, pos);
		} else {
			r = write ? file_write(f, &u, NULL) : file_read(f, &u, NULL);
		}
		if (write && r > 0 && (flags & (RWF_DSYNC | RWF_SYNC)) && f->ops->fsync) {
			long err = f->ops->fsync(f);
			if (err)
				r = err;
		}
		kfree(store);
	}
	file_put(f);
	return r;
}

long sys_readv(int fd, uintptr_t vec, size_t count)
{
	return vector(fd, false, vec, count, CURRENT, 0);
}

long sys_writev(int fd, uintptr_t vec, size_t count)
{
	return vector(fd, true, vec, count, CURRENT, 0);
}

/* The high half of the offset counts on 32-bit machines only. */
long sys_preadv(int fd, uintptr_t vec, size_t count, int64_t low, int64_t high)
{
	(void)high;
	return low < 0 ? -EINVAL : vector(fd, false, vec, count, (uint64_t)low, 0);
}

long sys_pwritev(int fd, uintptr_t vec, size_t count, int64_t low, int64_t high)
{
	(void)high;
	return low < 0 ? -EINVAL : vector(fd, true, vec, count, (uint64_t)low, 0);
}

long sys_preadv2(int fd, uintptr_t vec, size_t count, int64_t low, int64_t high, int flags)
{
	(void)high;
	return low < -1 ? -EINVAL : vector(fd, false, vec, count, (uint64_t)low, flags);
}

long sys_pwritev2(int fd, uintptr_t vec, size_t count, int64_t low, int64_t high, int flags)
{
	(void)high;
	return low < -1 ? -EINVAL : vector(fd, true, vec, count, (uint64_t)low, flags);
}

long sys_lseek(int fd, int64_t offset, int whence)
{
	struct file *f = fd_get(fd);
	if (!f)
		return -EBADF;
	long r = f->ops->lseek ? f->ops->lseek(f, offset, whence) : -ESPIPE;
	file_put(f);
	return r;
}
