/*
 * Sockets as files, and the waiting that protocols leave to this layer. A thread that waits is on
 * the socket's queue before it tries, so nothing is missed between a try and the sleep.
 *
 * socket(7), "Socket options" (SO_RCVTIMEO, SO_SNDTIMEO, SO_RCVLOWAT, SO_LINGER); signal(7) for
 * what a signal does: a call without a timeout is restarted, one with a timeout is not.
 */
#include <asm/errno.h>
#include <asm/ioctls.h>
#include <asm/signal.h>
#include <asm/siginfo.h>
#include <linux/sockios.h>
#include <linux/stat.h>
#include "lib/string.h"
#include "mm/uaccess.h"
#include "net/inet.h"
#include "net/net.h"
#include "net/socket_call.h"
#include "net/unix.h"
#include "sched/thread.h"
#include "sched/wait.h"
#include "time/clock.h"
#include "vfs/inode.h"

static const struct super super_sockfs = {.name = "sockfs", .magic = 0x534f434b, .dev = 9};

/* The end of a call into a protocol: descriptors that it dropped are closed without the lock. */
static void leave(void)
{
	net_leave();
	unix_drop_files();
}

static uint64_t deadline_of(uint64_t timeout)
{
	return timeout ? clock_monotonic() + timeout : WAIT_FOREVER;
}

/* What an interrupted wait answers. */
static long interrupted(uint64_t timeout)
{
	return timeout ? -EINTR : -ERESTARTSYS;
}

/* One wait of a loop that tries again each time. err: of the sleep before; the entry is put on the
 * queue before the try. */
struct waiting {
	struct wait_entry entry;
	uint64_t timeout, deadline;
	int err;
};

static void waiting_begin(struct waiting *w, uint64_t timeout)
{
	w->timeout = timeout;
	w->deadline = deadline_of(timeout);
	w->err = 0;
}

/* Sleeps. False when no further try makes sense: time is up, or a signal came. */
static bool waiting_sleep(struct waiting *w, struct socket *so)
{
	if (!w->err)
		w->err = wait_sleep(w->deadline);
	else
		return false;
	wait_finish(&so->wait, &w->entry);
	return true;
}

static long waiting_result(const struct waiting *w)
{
	return w->err == -ERESTARTSYS ? interrupted(w->timeout) : -EAGAIN;
}

bool socket_recv_done(const struct socket *so, const struct socket_msg *m, unsigned flags,
		      bool nonblock, long n)
{
	if (n == -EAGAIN)
		return nonblock || (flags & MSG_ERRQUEUE);
	if (n <= 0 || so->type != SOCK_STREAM || nonblock)
		return true;
	if (!(flags & MSG_WAITALL) && so->rcvlowat <= 1)
		return true;
	return !m->uio->left || (flags & MSG_OOB) || m->control_len;
}

/* Bytes that a stream's receive waits for. */
static size_t recv_target(const struct socket *so, size_t size, unsigned flags)
{
	size_t low = so->rcvlowat ? so->rcvlowat : 1;
	return flags & MSG_WAITALL ? size : low < size ? low : size;
}

/* No more will come. */
static bool ended(struct socket *so)
{
	net_enter();
	uint32_t events = so->proto->poll(so);
	net_leave();
	return events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR);
}

long socket_recv_rest(struct socket *so, struct socket_msg *m, unsigned flags, long n)
{
	struct waiting w;
	size_t done = n > 0 ? (size_t)n : 0;
	size_t target = so->type == SOCK_STREAM ? recv_target(so, m->uio->left + done, flags) : 1;

	if (done >= target)
		return n;
	waiting_begin(&w, so->rcvtimeo);
	for (;;) {
		wait_prepare(&so->wait, &w.entry);
		/* An error after the first bytes is left to the next call. */
		if (done && (so->error || (so->shutdown & RCV_SHUTDOWN)))
			break;
		if (done && (flags & MSG_PEEK)) {
			if (ended(so))
				break;
			uio_back(m->uio, done); /* looked at again from the start */
			done = 0;
		}
		m->flags = flags;
		m->name_len = 0;
		m->control_len = 0;
		net_enter();
		n = so->proto->recvmsg(so, m);
		leave();
		if (n > 0)
			done += (size_t)n;
		if (n != -EAGAIN && (n <= 0 || done >= target || m->control_len))
			break;
		if (!waiting_sleep(&w, so)) {
			n = waiting_result(&w);
			break;
		}
	}
	wait_finish(&so->wait, &w.entry);
	return done ? (long)done : n;
}

long socket_recv(struct socket *so, struct socket_msg *m, unsigned flags, bool nonblock)
{
	m->flags = flags;
	net_enter();
	long n = so->proto->recvmsg(so, m);
	leave();
	if (socket_recv_done(so, m, flags, nonblock, n))
		return n;
	return socket_recv_rest(so, m, flags, n);
}

/* Streams only: a datagram that cannot be sent raises no signal. */
static long broken_pipe(const struct socket *so, unsigned flags)
{
	if (so->type == SOCK_STREAM && !(flags & MSG_NOSIGNAL)) {
		siginfo_t info = {.si_signo = SIGPIPE, .si_code = SI_USER};
		signal_send_thread(current, SIGPIPE, &info);
	}
	return -EPIPE;
}

bool socket_send_done(const struct socket *so, const struct socket_msg *m, long n)
{
	return n >= 0 && (!m->uio->left || so->type != SOCK_STREAM);
}

long socket_send_rest(struct socket *so, struct socket_msg *m, unsigned flags, bool nonblock,
		      long n)
{
	struct waiting w;
	long done = n > 0 ? n : 0;

	if (n == -EPIPE)
		return broken_pipe(so, flags);
	if ((n < 0 && n != -EAGAIN) || nonblock)
		return n;
	waiting_begin(&w, so->sndtimeo);
	for (;;) {
		wait_prepare(&so->wait, &w.entry);
		m->flags = flags;
		net_enter();
		n = so->proto->sendmsg(so, m);
		leave();
		if (n >= 0) {
			done += n;
			if (!m->uio->left || so->type != SOCK_STREAM)
				break;
			if (n) {
				wait_finish(&so->wait, &w.entry);
				continue;
			}
		} else if (n != -EAGAIN) {
			break;
		}
		if (!waiting_sleep(&w, so)) {
			n = waiting_result(&w);
			break;
		}
	}
	wait_finish(&so->wait, &w.entry);
	if (done)
		return done;
	return n == -EPIPE ? broken_pipe(so, flags) : n;
}

long socket_send(struct socket *so, struct socket_msg *m, unsigned flags, bool nonblock)
{
	m->flags = flags;
	net_enter();
	long n = so->proto->sendmsg(so, m);
	leave();
	if (socket_send_done(so, m, n))
		return n;
	return socket_send_rest(so, m, flags, nonblock, n);
}

/* Waits for a connection attempt to end: writable, or an error. */
static long wait_connected(struct socket *so, long pending)
{
	static const struct __kernel_sockaddr_storage nowhere = {.ss_family = AF_UNSPEC};
	struct waiting w;
	long n;

	waiting_begin(&w, so->sndtimeo);
	for (;;) {
		wait_prepare(&so->wait, &w.entry);
		net_enter();
		uint32_t events = so->proto->poll(so);
		n = events & (EPOLLOUT | EPOLLERR | EPOLLHUP) ? socket_error(so) : -EAGAIN;
		if (!n && !(events & EPOLLOUT))
			n = -ECONNABORTED;
		if (n && n != -EAGAIN) /* as if it had never been tried */
			so->proto->connect(so, &nowhere, sizeof nowhere.ss_family);
		leave();
		if (n != -EAGAIN)
			break;
		if (!waiting_sleep(&w, so)) {
			n = w.err == -ERESTARTSYS ? interrupted(w.timeout) : pending;
			break;
		}
	}
	wait_finish(&so->wait, &w.entry);
	return n;
}

long socket_connect(struct socket *so, const struct __kernel_sockaddr_storage *a, unsigned len,
		    bool nonblock)
{
	struct waiting w;
	long n;

	if (!so->proto->connect)
		return -EOPNOTSUPP;
	net_enter();
	n = so->proto->connect(so, a, len);
	leave();
	if (nonblock)
		return n;
	if (n == -EINPROGRESS || n == -EALREADY)
		return wait_connected(so, n);
	if (n != -EAGAIN)
		return n;
	/* The listener of a local socket has no room. */
	waiting_begin(&w, so->sndtimeo);
	for (;;) {
		wait_prepare(&so->wait, &w.entry);
		net_enter();
		n = so->proto->connect(so, a, len);
		leave();
		if (n != -EAGAIN)
			break;
		if (!waiting_sleep(&w, so)) {
			n = waiting_result(&w);
			break;
		}
	}
	wait_finish(&so->wait, &w.entry);
	return n;
}

long socket_accept(struct socket *so, struct socket **conn, bool nonblock)
{
	struct waiting w;

	if (!so->proto->accept)
		return -EOPNOTSUPP;
	net_enter();
	long n = so->proto->accept(so, conn);
	leave();
	if (n != -EAGAIN || nonblock)
		return n;
	waiting_begin(&w, so->rcvtimeo);
	for (;;) {
		wait_prepare(&so->wait, &w.entry);
		net_enter();
		n = so->proto->accept(so, conn);
		leave();
		if (n != -EAGAIN)
			break;
		if (!waiting_sleep(&w, so)) {
			n = waiting_result(&w);
			break;
		}
	}
	wait_finish(&so->wait, &w.entry);
	return n;
}

static long socket_read(struct file *f, struct uio *u, uint64_t *pos)
{
	struct socket_msg m;
	(void)pos;
	socket_msg_init(&m, u);
	return socket_recv(f->private, &m, 0, file_nonblock(f));
}

static long socket_write(struct file *f, struct uio *u, uint64_t *pos)
{
	struct socket_msg m;
	struct socket *so = f->private;
	(void)pos;
	socket_msg_init(&m, u);
	return socket_send(so, &m, so->type == SOCK_SEQPACKET ? MSG_EOR : 0, file_nonblock(f));
}

static uint32_t socket_poll(struct file *f, struct waitqueue **wq)
{
	struct socket *so = f->private;
	*wq = &so->wait;
	net_enter();
	uint32_t events = so->proto->poll(so);
	net_leave();
	return events;
}

/* SIOCGSTAMP: when the packet that was received last had come. The old form has 64-bit fields on
 * x86-64, as has the new one. */
static long last_stamp(struct socket *so, bool nanoseconds, uintptr_t arg)
{
	net_enter();
	if (!so->want_stamp)
		net_timestamps++;
	so->want_stamp = true;
	uint64_t stamp = so->stamp;
	net_leave();
	if (!stamp)
		return -ENOENT;
	int64_t t[2] = {(int64_t)(stamp / 1000000000u), (int64_t)(stamp % 1000000000u)};
	if (!nanoseconds)
		t[1] /= 1000;
	return copy_to_user(arg, t, sizeof t);
}

static long socket_ioctl(struct file *f, unsigned cmd, uintptr_t arg)
{
	struct socket *so = f->private;
	long r = -ENOTTY;

	if (cmd == SIOCGSTAMP_OLD || cmd == SIOCGSTAMP_NEW)
		return last_stamp(so, false, arg);
	if (cmd == SIOCGSTAMPNS_OLD || cmd == SIOCGSTAMPNS_NEW)
		return last_stamp(so, true, arg);
	if (cmd == FIOSETOWN || cmd == SIOCSPGRP) {
		uint32_t owner;
		if (get_user_u32(&owner, arg))
			return -EFAULT;
		f->owner = (int)owner;
		return 0;
	}
	if (cmd == FIOGETOWN || cmd == SIOCGPGRP)
		return put_user_u32(arg, (uint32_t)f->owner);
	net_enter();
	if (so->proto->ioctl)
		r = so->proto->ioctl(so, cmd, arg);
	if (r == -ENOTTY)
		r = netdev_ioctl(cmd, arg);
	net_leave();
	return r;
}

/* SO_LINGER with a time: close waits until the peer has all of it. */
static void linger(struct socket *so)
{
	struct waiting w;

	net_enter();
	if (so->proto->shutdown)
		so->proto->shutdown(so, SHUT_RDWR);
	net_leave();
	waiting_begin(&w, (uint64_t)so->linger_s * 1000000000u);
	for (;;) {
		wait_prepare(&so->wait, &w.entry);
		net_enter();
		bool unsent = so->proto->unsent(so);
		net_leave();
		if (!unsent || !waiting_sleep(&w, so))
			break;
	}
	wait_finish(&so->wait, &w.entry);
}

static void socket_release(struct file *f)
{
	struct socket *so = f->private;

	if (so->linger && so->linger_s && so->proto->unsent)
		linger(so);
	net_enter();
	so->file = NULL;
	if (so->want_stamp)
		net_timestamps--;
	so->want_stamp = false;
	so->proto->release(so);
	leave();
}

static const struct file_ops socket_ops = {
    .read = socket_read,
    .write = socket_write,
    .poll = socket_poll,
    .ioctl = socket_ioctl,
    .release = socket_release,
    .empty_writes = true,
};

struct socket *socket_of(struct file *f)
{
	return f->ops == &socket_ops ? f->private : NULL;
}

struct file *socket_file_new(struct socket *so, bool nonblock)
{
	struct file *f = NULL;
	struct inode *i = inode_new(&super_sockfs, S_IFSOCK | 0777);
	if (i) {
		i->nlink = 1;
		f = file_new(&socket_ops, O_RDWR | (nonblock ? O_NONBLOCK : 0u), i, NULL, so);
		so->ino = i->ino;
		inode_put(i);
	}
	net_enter();
	so->file = f;
	if (!f)
		so->proto->release(so);
	leave();
	return f;
}

long socket_send_kernel(struct file *f, const void *p, size_t n, unsigned msg_flags)
{
	struct socket_msg m;
	struct uio u;

	uio_init_kernel(&u, (void *)(uintptr_t)p, n);
	socket_msg_init(&m, &u);
	m.kernel = true;
	return socket_send(f->private, &m, msg_flags, file_nonblock(f) || msg_flags & MSG_DONTWAIT);
}
