/*
 * sendfile(2), copy_file_range(2): a file's bytes to somewhere else without a visit to the program.
 * Pages of file data are pinned and handed over where they lie. They stay pinned only while nothing
 * waits, so sockets and pipes are written without waiting and waited for in between.
 */
#include <asm/errno.h>
#include <linux/fcntl.h>
#include "mm/kmalloc.h"
#include "mm/uaccess.h"
#include "mm/page.h"
#include "net/socket.h"
#include "vfs/fdtable.h"
#include "vfs/inode.h"
#include "vfs/pipe.h"
#include "vfs/regfile.h"
#include "vfs/splice.h"

#define MAX_PAGES     32
#define COPY_DISK     65536 /* bytes at a time from a disk, which is slow to begin */
#define CONSTANT_MIN  4096  /* bytes that are worth a reference */
#define CONSTANT_MAX  65536
#define MESSAGE_PAGES 16 /* that go into one message of a socket that keeps messages apart */

/* Where the bytes go. */
struct sink {
	struct file *file;
	uint64_t *pos; /* NULL: the file's own position */
	bool socket, pipe;
	bool stream; /* a TCP connection: takes memory by reference */
	bool more;   /* these are not the last bytes */
	unsigned max_pages;
};

static struct sink sink_of(struct file *f, uint64_t *pos)
{
	struct socket *so = socket_of(f);
	return (struct sink){.file = f,
			     .pos = pos,
			     .socket = so != NULL,
			     .stream = so && so->type == SOCK_STREAM && so->family != AF_UNIX,
			     .pipe = pipe_of(f) != NULL,
			     .max_pages =
				 so && so->type != SOCK_STREAM ? MESSAGE_PAGES : MAX_PAGES};
}

/* Bytes, -EAGAIN (a socket or pipe has no room now), -errno. */
static long put(struct sink *s, struct uio *u)
{
	if (s->socket)
		return splice_to_socket(s->file, u, s->more);
	if (s->pipe)
		return pipe_fill(s->file, u->left, splice_copy, u);
	return file_write(s->file, u, s->pos);
}

static int wait_for(struct sink *s)
{
	bool nonblock = file_nonblock(s->file);
	if (s->socket)
		return splice_wait_socket(s->file, true, nonblock);
	return s->pipe ? pipe_wait_space(s->file, nonblock) : -EAGAIN;
}

/* Hands over pages of d from pos on, at most n bytes. */
static long put_pages(struct filedata *d, uint64_t pos, size_t n, struct sink *s)
{
	struct uio_vec vec[MAX_PAGES];
	struct uio u;
	unsigned pins = 0;
	uio_init_kernel(&u, NULL, 0);
	u.vec = vec;
	u.count = 0;
	while (u.count < s->max_pages && u.left < n) {
		size_t len;
		const void *data = filedata_pin(d, pos + u.left, &len);
		pins++;
		if (!len)
			break;
		if (len > n - u.left)
			len = n - u.left;
		vec[u.count++] = (struct uio_vec){(uintptr_t)data, len};
		u.left += len;
	}
	s->more = u.left < n && pos + u.left < filedata_size(d);
	long r = u.left ? put(s, &u) : 0;
	while (pins--)
		filedata_unpin(d);
	return r;
}

/* Bytes that never change (those of the image and of the boot module) go to a socket without being
 * copied: packets refer to them. 0 if those at pos are of another kind. */
static long put_constant(struct filedata *d, uint64_t pos, size_t n, struct sink *s)
{
	size_t len;
	struct backing *backing;
	const void *data =
	    filedata_constant(d, pos, n < CONSTANT_MAX ? n : CONSTANT_MAX, &len, &backing);
	if (!data)
		return 0;
	s->more = len < n && pos + len < filedata_size(d);
	return splice_constant_to_socket(s->file, data, len, backing, s->more);
}

/* A file whose bytes are not simply there, or somewhere that may wait: through a buffer. */
static long put_copied(struct file *in, uint64_t pos, size_t n, struct sink *s)
{
	size_t size = inode_is(in->inode, S_IFBLK) ? COPY_DISK : PAGE_SIZE;
	uint8_t *buf = kmalloc(size);
	struct uio u;
	if (!buf)
		return -ENOMEM;
	uio_init_kernel(&u, buf, n < size ? n : size);
	long got = file_read(in, &u, &pos);
	s->more = false;
	if (got > 0) {
		uio_init_kernel(&u, buf, (size_t)got);
		got = put(s, &u);
	}
	kfree(buf);
	return got;
}

/* Moves up to n bytes from in at *pos to s. */
static long copy(struct file *in, uint64_t *pos, struct sink *s, size_t n)
{
	struct filedata *d = regular_data(in);
	bool direct = d && (s->socket || s->pipe || regular_data(s->file));
	long done = 0;
	while (n) {
		long got = d && s->stream && n >= CONSTANT_MIN ? put_constant(d, *pos, n, s) : 0;
		if (!got)
			got = direct ? put_pages(d, *pos, n, s) : put_copied(in, *pos, n, s);
		if (got == -EAGAIN && s->pipe && done)
			break; /* a pipe is filled once */
		if (got == -EAGAIN)
			got = wait_for(s);
		else if (!got)
			break;
		if (got < 0)
			return done ? done : got;
		*pos += (uint64_t)got;
		done += got;
		n -= (size_t)got;
	}
	return done;
}

static long send_file(struct file *out, struct file *in, uintptr_t offset, size_t n)
{
	int64_t at = (int64_t)in->pos;
	if (!in->can_read || !out->can_write)
		return -EBADF;
	if (offset && !in->ops->lseek)
		return -ESPIPE;
	if (offset && copy_from_user(&at, offset, sizeof at))
		return -EFAULT;
	bool data = inode_is(in->inode, S_IFREG) || inode_is(in->inode, S_IFBLK);
	if (at < 0 || (int64_t)n < 0 || !data || !in->ops->read || !spliceable(out, true) ||
	    (atomic_load(&out->flags) & O_APPEND))
		return -EINVAL;
	if (n > UIO_MAXBYTES)
		n = UIO_MAXBYTES;
	struct sink s = sink_of(out, NULL);
	uint64_t pos = (uint64_t)at;
	long done = copy(in, &pos, &s, n);
	if (done > 0 && !offset)
		in->pos = pos;
	if (done > 0 && offset && copy_to_user(offset, &pos, sizeof pos))
		return -EFAULT;
	return done;
}

long sys_sendfile(int out_fd, int in_fd, uintptr_t offset, size_t n)
{
	struct file *in = fd_get(in_fd), *out = fd_get(out_fd);
	long r = in && out ? send_file(out, in, offset, n) : -EBADF;
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
	return 0;
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
	if ((uint64_t)from_at + n < n || (uint64_t)to_at + n < n)
		return -EOVERFLOW;
	if (from_at < 0 || to_at < 0)
		return -EINVAL;
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
	struct sink s = sink_of(out, &dst);
	long done = copy(in, &src, &s, n);
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
