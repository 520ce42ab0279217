#include "vfs/splice.h"
#include <asm/errno.h>
#include <linux/eventpoll.h>
#include "net/socket_abi.h"
#include "net/socket_call.h"
#include "sched/wait.h"
#include "time/clock.h"
#include "vfs/file.h"
#include "vfs/inode.h"

#define MEM_DEVICE(n) (1u << 8 | (n)) /* st_rdev of /dev/null and its like */

bool spliceable(struct file *f, bool into)
{
	if (into ? !f->ops->write : !f->ops->read)
		return false;
	switch (f->inode->mode & S_IFMT) {
	case S_IFREG:
	case S_IFBLK:
	case S_IFIFO:
	case S_IFSOCK:
		return true;
	case S_IFCHR: /* not into /dev/full, not out of /dev/null */
		return f->inode->rdev != MEM_DEVICE(into ? 7 : 3);
	default:
		return false;
	}
}

long splice_to_socket(struct file *f, struct uio *u, bool more, struct netbuf *ref)
{
	struct socket_msg m;
	socket_msg_init(&m, u);
	m.ref = ref;
	m.ref_offset = 0;
	m.kernel = true;
	return socket_send(socket_of(f), &m, MSG_DONTWAIT | (more ? MSG_MORE : 0u), true);
}

long splice_from_socket(struct file *f, struct uio *u)
{
	struct socket_msg m;
	socket_msg_init(&m, u);
	m.kernel = true;
	return socket_recv(socket_of(f), &m, MSG_DONTWAIT, true);
}

int splice_wait_socket(struct file *f, bool write, bool nonblock)
{
	struct socket *so = socket_of(f);
	uint64_t timeout = write ? so->sndtimeo : so->rcvtimeo;
	uint64_t deadline = timeout ? clock_monotonic() + timeout : WAIT_FOREVER;
	uint32_t events = (write ? EPOLLOUT : EPOLLIN | EPOLLRDHUP) | EPOLLERR | EPOLLHUP;
	struct waitqueue *wq = &so->wait;
	if (nonblock)
		return -EAGAIN;
	int err = wait_event(wq, file_poll(f, &wq) & events, deadline);
	return err == -ETIMEDOUT ? -EAGAIN : err;
}

long splice_copy(void *ctx, struct uio *dst)
{
	struct uio *src = ctx;
	long done = 0;
	for (; dst->count && src->left; dst->vec++, dst->count--) {
		size_t n = dst->vec->len < src->left ? dst->vec->len : src->left;
		size_t got = uio_get(src, (void *)dst->vec->base, n);
		done += (long)got;
		if (got < n)
			return done ? done : -EFAULT;
	}
	return done;
}
