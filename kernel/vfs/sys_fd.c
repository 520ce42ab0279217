/* Calls on descriptors: dup(2), fcntl(2), ioctl(2), pipe(2), close_range(2), flock(2). */
#include <asm/errno.h>
#include <asm/ioctls.h>
#include <linux/close_range.h>
#include <linux/fs.h>
#include <linux/resource.h>
#include "mm/uaccess.h"
#include "sys/rlimit.h"
#include "vfs/fdtable.h"
#include "vfs/inode.h"
#include "vfs/locks.h"
#include "vfs/memfd.h"
#include "vfs/pipe.h"
#include "vfs/regfile.h"

#define SETTABLE (O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME | FASYNC)

static long dup_from(int fd, int min, bool cloexec)
{
	struct file *f = fd_get_path(fd);
	if (!f)
		return -EBADF;
	int r = fd_install(f, min, cloexec);
	if (r < 0)
		file_put(f);
	return r;
}

long sys_dup(int fd)
{
	long r = dup_from(fd, 0, false);
	return r == -EINVAL ? -EMFILE : r;
}

long sys_dup3(int from, int to, int flags)
{
	if ((flags & ~O_CLOEXEC) || from == to)
		return -EINVAL;
	struct file *f = fd_get_path(from);
	if (!f)
		return -EBADF;
	int r = fd_replace(to, f, flags & O_CLOEXEC);
	file_put(f);
	return r;
}

long sys_dup2(int from, int to)
{
	if (from != to)
		return sys_dup3(from, to, 0);
	struct file *f = fd_get_path(from);
	if (!f)
		return -EBADF;
	file_put(f);
	return to;
}

long sys_close_range(unsigned first, unsigned last, unsigned flags)
{
	if (flags & ~(unsigned)(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC))
		return -EINVAL;
	if (first > last)
		return -EINVAL;
	/* CLOSE_RANGE_UNSHARE: the table is nobody else's, when there is one thread; with more it
	 * would have to be split, which this kernel cannot. */
	if (flags & CLOSE_RANGE_UNSHARE)
		return -ENOMEM;
	for (long fd = first; fd < FD_MAX && (fd = fd_next((int)fd)) >= 0 && fd <= last; fd++) {
		if (flags & CLOSE_RANGE_CLOEXEC)
			fd_set_cloexec((int)fd, true);
		else
			fd_close((int)fd);
	}
	return 0;
}

static long set_flags(struct file *f, unsigned flags)
{
	if ((flags & FASYNC) && !(atomic_load(&f->flags) & FASYNC))
		return -ENOTTY; /* no SIGIO here */
	unsigned old = atomic_load(&f->flags);
	while (!atomic_compare_exchange_weak(&f->flags, &old,
					     (old & ~(unsigned)SETTABLE) | (flags & SETTABLE)))
		;
	return 0;
}

static long owner_ex(struct file *f, unsigned cmd, uintptr_t arg)
{
	struct {
		int type, pid;
	} o;
	if (cmd == F_GETOWN_EX) {
		o.type = F_OWNER_PID;
		o.pid = f->owner;
		return copy_to_user(arg, &o, sizeof o);
	}
	if (copy_from_user(&o, arg, sizeof o))
		return -EFAULT;
	if (o.type < F_OWNER_TID || o.type > F_OWNER_PGRP)
		return -EINVAL;
	f->owner = o.pid;
	return 0;
}

/* What an O_PATH descriptor may be asked. */
static bool path_allowed(unsigned cmd)
{
	return cmd == F_DUPFD || cmd == F_DUPFD_CLOEXEC || cmd == F_GETFD || cmd == F_SETFD ||
	       cmd == F_GETFL;
}

static long file_fcntl(struct file *f, unsigned cmd, uintptr_t arg)
{
	switch (cmd) {
	case F_GETFL:
		return (long)atomic_load(&f->flags);
	case F_SETFL:
		return set_flags(f, (unsigned)arg);
	case F_GETLK:
	case F_SETLK:
	case F_SETLKW:
	case F_OFD_GETLK:
	case F_OFD_SETLK:
	case F_OFD_SETLKW:
		return locks_fcntl(f, cmd, arg);
	case F_GETOWN:
		return f->owner;
	case F_SETOWN:
		f->owner = (int)arg;
		return 0;
	case F_GETOWN_EX:
	case F_SETOWN_EX:
		return owner_ex(f, cmd, arg);
	case F_GETSIG:
		return f->owner_signal;
	case F_SETSIG:
		if (arg > 64)
			return -EINVAL;
		f->owner_signal = (int)arg;
		return 0;
	case F_GETPIPE_SZ:
		return pipe_get_size(f);
	case F_SETPIPE_SZ:
		return pipe_set_size(f, arg);
	case F_ADD_SEALS:
		return memfd_add_seals(f, (unsigned)arg);
	case F_GET_SEALS:
		return memfd_get_seals(f);
	case F_GETLEASE:
		return F_UNLCK;
	default:
		return -EINVAL;
	}
}

long sys_fcntl(int fd, unsigned cmd, uintptr_t arg)
{
	struct file *f = fd_get_path(fd);
	if (!f)
		return -EBADF;
	long r = -EBADF;
	if ((atomic_load(&f->flags) & O_PATH) && !path_allowed(cmd))
		goto out;
	switch (cmd) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		r = arg > FD_MAX ? -EINVAL : dup_from(fd, (int)arg, cmd == F_DUPFD_CLOEXEC);
		break;
	case F_GETFD:
		r = fd_get_cloexec(fd);
		break;
	case F_SETFD:
		r = fd_set_cloexec(fd, arg & FD_CLOEXEC);
		break;
	default:
		r = file_fcntl(f, cmd, arg);
	}
out:
	file_put(f);
	return r;
}

static long set_nonblock(struct file *f, uintptr_t arg)
{
	uint32_t on;
	if (get_user_u32(&on, arg))
		return -EFAULT;
	if (on)
		atomic_fetch_or(&f->flags, O_NONBLOCK);
	else
		atomic_fetch_and(&f->flags, ~(unsigned)O_NONBLOCK);
	return 0;
}

/* How much can be read of a regular file. */
static long bytes_left(struct file *f, uintptr_t arg)
{
	struct filedata *d = regular_data(f);
	int64_t n = (int64_t)filedata_size(d) - (int64_t)f->pos;
	return put_user_u32(arg, (uint32_t)n);
}

long sys_ioctl(int fd, unsigned cmd, uintptr_t arg)
{
	struct file *f = fd_get(fd);
	if (!f)
		return -EBADF;
	long r;
	if (cmd == FIOCLEX || cmd == FIONCLEX)
		r = fd_set_cloexec(fd, cmd == FIOCLEX);
	else if (cmd == FIONBIO)
		r = set_nonblock(f, arg);
	else if (cmd == FIONREAD && regular_data(f))
		r = bytes_left(f, arg);
	else
		r = f->ops->ioctl ? f->ops->ioctl(f, cmd, arg) : -ENOTTY;
	file_put(f);
	return r;
}

long sys_pipe2(uintptr_t fds, int flags)
{
	struct file *rd, *wr;
	int err = pipe_create((unsigned)flags, &rd, &wr);
	if (err)
		return err;
	int pair[2];
	pair[0] = fd_install_or_put(rd, flags & O_CLOEXEC);
	if (pair[0] < 0) {
		file_put(wr);
		return pair[0];
	}
	pair[1] = fd_install_or_put(wr, flags & O_CLOEXEC);
	err = pair[1] < 0 ? pair[1] : copy_to_user(fds, pair, sizeof pair);
	if (err) {
		fd_close(pair[0]);
		if (pair[1] >= 0)
			fd_close(pair[1]);
	}
	return err;
}

long sys_pipe(uintptr_t fds)
{
	return sys_pipe2(fds, 0);
}

long sys_flock(int fd, unsigned operation)
{
	struct file *f = fd_get(fd);
	if (!f)
		return -EBADF;
	long r = locks_flock(f, operation);
	file_put(f);
	return r;
}
