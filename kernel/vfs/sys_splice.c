/*
 * splice(2), tee(2), vmsplice(2): bytes between a pipe and something else. The pipe's own memory is
 * what is read into and written from, so they are copied once on the way in and once on the way
 * out, and never visit the program.
 */
#include <asm/errno.h>
#include <linux/fcntl.h>
#include "mm/kmalloc.h"
#include "mm/uaccess.h"
#include "net/socket.h"
#include "vfs/fdtable.h"
#include "vfs/inode.h"
#include "vfs/pipe.h"
#include "vfs/splice.h"

#define SPLICE_F_MOVE	  1u
#define SPLICE_F_NONBLOCK 2u
#define SPLICE_F_MORE	  4u
#define SPLICE_F_GIFT	  8u
#define SPLICE_F_ALL	  (SPLICE_F_MOVE | SPLICE_F_NONBLOCK | SPLICE_F_MORE | SPLICE_F_GIFT)

/* The side that is not the pipe. */
struct other {
	struct file *file;
	uint64_t *pos; /* NULL: its own position */
	size_t left;   /* bytes still wanted */
	bool more;     /* SPLICE_F_MORE */
	bool local;    /* SPLICE_F_NONBLOCK on an AF_UNIX socket, which minds it as others do not */
};

static long fill_from_file(void *ctx, struct uio *u)
{
	struct other *o = ctx;
	if (socket_of(o->file))
		return splice_from_socket(o->file, u);
	return file_read(o->file, u, o->pos);
}

static long drain_to_file(void *ctx, struct uio *u)
{
	struct other *o = ctx;
	if (socket_of(o->file))
		return splice_to_socket(o->file, u, o->more || u->left < o->left);
	return file_write(o->file, u, o->pos);
}

/* Does its best to move bytes into the pipe; waits until there is at least one, or the end. */
static long file_to_pipe(struct other *o, struct file *pipe, bool nonblock)
{
	bool socket = socket_of(o->file) != NULL;
	long done = 0;
	while (o->left) {
		if (!done) {
			int err = pipe_wait_space(pipe, nonblock);
			if (err)
				return err;
		}
		long n = pipe_fill(pipe, o->left, fill_from_file, o);
		if (n == -EAGAIN && !done) {
			/* The pipe, or the socket? */
			int err = pipe_wait_space(pipe, true) ? pipe_wait_space(pipe, nonblock)
				  : socket		      ? splice_wait_socket(o->file, false,
										   o->local || file_nonblock(o->file))
							      : -EAGAIN;
			if (err)
				return err;
			continue;
		}
		if (n <= 0)
			return done ? done : n;
		done += n;
		o->left -= (size_t)n;
		bool stream = socket && socket_of(o->file)->type == SOCK_STREAM;
		if (!stream && !inode_is(o->file->inode, S_IFREG) &&
		    !inode_is(o->file->inode, S_IFBLK))
			break; /* one message, or what a device has */
	}
	return done;
}

/* Moves what is in the pipe; waits until there is something, or no writer. */
static long pipe_to_file(struct file *pipe, struct other *o, bool nonblock)
{
	bool socket = socket_of(o->file) != NULL;
	long done = 0;
	while (o->left) {
		if (!done) {
			int err = pipe_wait_bytes(pipe, nonblock);
			if (err)
				return err;
		}
		long n = pipe_drain(pipe, o->left, true, drain_to_file, o);
		if (n == -EAGAIN) {
			int err = pipe_wait_bytes(pipe, true);
			if (err && done)
				return done; /* that was all there was */
			if (err)
				continue;
			err = socket ? splice_wait_socket(o->file, true,
							  nonblock || file_nonblock(o->file))
				     : -EAGAIN;
			if (err)
				return done ? done : err;
			continue;
		}
		if (n <= 0)
			return done ? done : n;
		done += n;
		o->left -= (size_t)n;
	}
	return done;
}

static long drain_to_pipe(void *ctx, struct uio *u)
{
	return pipe_fill(ctx, u->left, splice_copy, u);
}

/* splice and tee between pipes: waits for bytes and for space, then moves what it can. */
static long pipe_to_pipe(struct file *in, struct file *out, size_t n, bool consume, bool nonblock)
{
	for (;;) {
		int err = pipe_wait_bytes(in, nonblock);
		if (!err)
			err = pipe_wait_space(out, nonblock);
		if (err)
			return err;
		long done = pipe_drain(in, n, consume, drain_to_pipe, out);
		if (done != -EAGAIN || nonblock)
			return done;
	}
}

/* The offset at ptr for f, which must have offsets. *pos NULL: f's own. */
static int load_offset(uintptr_t ptr, struct file *f, uint64_t *value, uint64_t **pos)
{
	*pos = NULL;
	if (!ptr)
		return 0;
	if (!f->ops->lseek)
		return -EINVAL;
	if (copy_from_user(value, ptr, sizeof *value))
		return -EFAULT;
	*pos = value;
	return (int64_t)*value < 0 ? -EINVAL : 0;
}

static long splice(struct file *in, uintptr_t in_off, struct file *out, uintptr_t out_off, size_t n,
		   unsigned flags)
{
	struct pipe *from = pipe_of(in), *to = pipe_of(out);
	bool nonblock = flags & SPLICE_F_NONBLOCK;
	uint64_t at = 0;
	struct other o = {.left = n, .more = flags & SPLICE_F_MORE};
	struct socket *so = socket_of(in);
	o.local = so && so->family == AF_UNIX && (flags & SPLICE_F_NONBLOCK);
	if (!in->can_read || !out->can_write)
		return -EBADF;
	if ((from && in_off) || (to && out_off))
		return -ESPIPE;
	if (from && to)
		return from == to
			   ? -EINVAL
			   : pipe_to_pipe(in, out, n, true,
					  nonblock || file_nonblock(in) || file_nonblock(out));
	if (!from && !to)
		return -EINVAL;
	o.file = from ? out : in;
	int err = load_offset(from ? out_off : in_off, o.file, &at, &o.pos);
	if (err)
		return err;
	if (!spliceable(o.file, from != NULL) || (from && (atomic_load(&out->flags) & O_APPEND)))
		return -EINVAL;
	long done = from ? pipe_to_file(in, &o, nonblock || file_nonblock(in))
			 : file_to_pipe(&o, out, nonblock || file_nonblock(out));
	if (done > 0 && o.pos && copy_to_user(from ? out_off : in_off, &at, sizeof at))
		return -EFAULT;
	return done;
}

long sys_splice(int in_fd, uintptr_t in_off, int out_fd, uintptr_t out_off, size_t n,
		unsigned flags)
{
	if (!n)
		return 0;
	if (flags & ~SPLICE_F_ALL)
		return -EINVAL;
	if (n > UIO_MAXBYTES)
		n = UIO_MAXBYTES;
	struct file *in = fd_get(in_fd), *out = fd_get(out_fd);
	long r = in && out ? splice(in, in_off, out, out_off, n, flags) : -EBADF;
	file_put(in);
	file_put(out);
	return r;
}

long sys_tee(int in_fd, int out_fd, size_t n, unsigned flags)
{
	if (flags & ~SPLICE_F_ALL)
		return -EINVAL;
	if (!n)
		return 0;
	if (n > UIO_MAXBYTES)
		n = UIO_MAXBYTES;
	struct file *in = fd_get(in_fd), *out = fd_get(out_fd);
	long r = -EBADF;
	if (in && out && in->can_read && out->can_write) {
		bool nonblock =
		    (flags & SPLICE_F_NONBLOCK) || file_nonblock(in) || file_nonblock(out);
		struct pipe *from = pipe_of(in), *to = pipe_of(out);
		r = from && to && from != to ? pipe_to_pipe(in, out, n, false, nonblock) : -EINVAL;
	}
	file_put(in);
	file_put(out);
	return r;
}

/* A pipe's bytes into the program's buffers. */
static long drain_to_program(void *ctx, struct uio *u)
{
	struct uio *dst = ctx;
	long done = 0;
	for (; u->count && dst->left; u->vec++, u->count--) {
		size_t n = u->vec->len < dst->left ? u->vec->len : dst->left;
		size_t got = uio_put(dst, (const void *)u->vec->base, n);
		done += (long)got;
		if (got < n)
			return done ? done : -EFAULT;
	}
	return done;
}

static long to_program(struct file *f, struct uio *u, bool nonblock)
{
	long done = 0;
	while (u->left) {
		if (!done) {
			int err = pipe_wait_bytes(f, nonblock);
			if (err)
				return err;
		}
		long n = pipe_drain(f, u->left, true, drain_to_program, u);
		if (n == -EAGAIN && !done)
			continue;
		if (n <= 0)
			return done ? done : n == -EAGAIN ? 0 : n;
		done += n;
	}
	return done;
}

static long from_program(struct file *f, struct uio *u, bool nonblock)
{
	long done = 0;
	while (u->left) {
		if (!done) {
			int err = pipe_wait_space(f, nonblock);
			if (err)
				return err;
		}
		long n = pipe_fill(f, u->left, splice_copy, u);
		if (n == -EAGAIN && !done)
			continue;
		if (n <= 0)
			return done ? done : n;
		done += n;
	}
	return done;
}

/* The program's pages are copied, so it may do with them what it likes: SPLICE_F_GIFT promises what
 * is not needed. */
long sys_vmsplice(int fd, uintptr_t vec, size_t count, unsigned flags)
{
	struct uio u;
	struct uio_vec *store = NULL;
	if (flags & ~SPLICE_F_ALL)
		return -EINVAL;
	struct file *f = fd_get(fd);
	if (!f)
		return -EBADF;
	long r = pipe_of(f) ? 0 : -EBADF;
	if (!r)
		r = uio_init_user_vec(&u, vec, count, &store);
	if (!r && u.left) {
		bool nonblock = flags & SPLICE_F_NONBLOCK;
		r = f->can_write ? from_program(f, &u, nonblock) : to_program(f, &u, nonblock);
	}
	kfree(store);
	file_put(f);
	return r;
}
