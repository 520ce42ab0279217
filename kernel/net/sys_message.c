/*
 * sendto(2), recvfrom(2), sendmsg(2), recvmsg(2), sendmmsg(2), recvmmsg(2).
 *
 * The calls that carry many messages hold net_lock from one to the next, so that a batch is one
 * notification of the device.
 */
#include <asm/errno.h>
#include "lib/string.h"
#include "mm/kmalloc.h"
#include "mm/uaccess.h"
#include "net/net.h"
#include "net/socket_call.h"
#include "net/sys_socket.h"
#include "net/unix.h"
#include "time/clock.h"
#include "time/deadline.h"
#include "vfs/fdtable.h"

#define SMALL_CONTROL 256u
#define CONTROL_LIMIT 131072u /* net.core.optmem_max: what a program may pass */
#define RECV_CONTROL  4096u   /* more than any message can bring */
/* Flags that come back to the program; MSG_TRUNC is worked out. */
#define OUT_FLAGS (MSG_OOB | MSG_CTRUNC | MSG_TRUNC | MSG_EOR | MSG_ERRQUEUE | MSG_CMSG_CLOEXEC)

static bool bad_range(uintptr_t buf, size_t n)
{
	return n && (buf >= USER_END || n > USER_END - buf);
}

long sys_sendto(int fd, uintptr_t buf, size_t n, unsigned flags, uintptr_t addr, int addrlen)
{
	struct socket_msg m;
	struct file *f;
	struct uio u;
	long r;

	if (bad_range(buf, n))
		return -EFAULT;
	struct socket *so = socket_get(fd, &f, &r);
	if (!so)
		return r;
	uio_init(&u, buf, n);
	socket_msg_init(&m, &u);
	r = 0;
	if (addr) {
		r = socket_name_in(&m.name, addr, addrlen);
		m.name_len = (unsigned)addrlen;
		/* A name of no bytes is a name all the same. */
		if (!r && !addrlen && so->type != SOCK_STREAM &&
		    (so->family == AF_INET || so->family == AF_INET6))
			r = -EINVAL;
	}
	if (!r)
		r = socket_send(so, &m, flags, (flags & MSG_DONTWAIT) || file_nonblock(f));
	file_put(f);
	return r;
}

long sys_recvfrom(int fd, uintptr_t buf, size_t n, unsigned flags, uintptr_t addr,
		  uintptr_t addrlen)
{
	struct socket_msg m;
	struct file *f;
	struct uio u;
	long r;

	if (bad_range(buf, n))
		return -EFAULT;
	struct socket *so = socket_get(fd, &f, &r);
	if (!so)
		return r;
	uio_init(&u, buf, n);
	socket_msg_init(&m, &u);
	r = socket_recv(so, &m, flags, (flags & MSG_DONTWAIT) || file_nonblock(f));
	if (r >= 0 && addr) {
		long err = socket_name_out(&m.name, m.name_len, addr, addrlen);
		if (err)
			r = err;
	}
	file_put(f);
	return r;
}

/* A message of the program on its way through the kernel. */
struct call {
	struct user_msghdr h;
	struct socket_msg m;
	struct uio u;
	struct uio_vec *vec; /* to be freed */
	uint8_t *control;    /* to be freed, unless it is small */
	uint8_t small[SMALL_CONTROL] __attribute__((aligned(8)));
};

/* Takes over the header and its vectors. */
static long call_begin(struct call *c, uintptr_t msg)
{
	c->vec = NULL;
	c->control = NULL;
	if (copy_from_user(&c->h, msg, sizeof c->h))
		return -EFAULT;
	if (!c->h.name)
		c->h.namelen = 0;
	if (c->h.namelen < 0)
		return -EINVAL;
	if ((size_t)c->h.namelen > sizeof c->m.name)
		c->h.namelen = sizeof c->m.name;
	if (c->h.iovlen > UIO_MAXVEC)
		return -EMSGSIZE;
	socket_msg_init(&c->m, &c->u);
	return 0;
}

static void call_end(struct call *c)
{
	kfree(c->vec);
	if (c->control != c->small)
		kfree(c->control);
}

static long control_room(struct call *c, size_t n)
{
	c->control = n <= sizeof c->small ? c->small : kmalloc(n);
	c->m.control = c->control;
	return c->control ? 0 : -ENOBUFS;
}

/* A stream of the Internet takes no control messages, but knows those of SOL_SOCKET. */
static long stream_cmsg(const struct socket *so, const struct socket_msg *m)
{
	int err = 0;
	size_t at = 0, len;
	const struct user_cmsghdr *c;

	if (so->type != SOCK_STREAM || (so->family != AF_INET && so->family != AF_INET6))
		return 0;
	while ((c = cmsg_next(m, &at, &len, &err)))
		if (c->level == SOL_SOCKET && c->type != SO_MARK && c->type != SCM_RIGHTS &&
		    c->type != SCM_CREDENTIALS)
			return -EINVAL;
	return err;
}

static long send_begin(struct socket *so, struct call *c, uintptr_t msg)
{
	long r = call_begin(c, msg);
	if (r)
		return r;
	if (c->h.namelen) {
		r = socket_name_in(&c->m.name, c->h.name, c->h.namelen);
		c->m.name_len = (unsigned)c->h.namelen;
	}
	if (!r)
		r = uio_init_user_vec(&c->u, c->h.iov, c->h.iovlen, &c->vec);
	if (!r && c->h.controllen) {
		size_t n = c->h.controllen;
		r = n > CONTROL_LIMIT ? -ENOBUFS : control_room(c, n);
		if (!r && copy_from_user(c->control, c->h.control, n))
			r = -EFAULT;
		c->m.control_len = n;
		if (!r)
			r = stream_cmsg(so, &c->m);
	}
	return r;
}

static long send_one(struct socket *so, uintptr_t msg, unsigned flags, bool nonblock)
{
	struct call c;
	long r = send_begin(so, &c, msg);
	if (!r)
		r = socket_send(so, &c.m, flags, nonblock);
	call_end(&c);
	return r;
}

static long recv_begin(struct call *c, uintptr_t msg)
{
	long r = call_begin(c, msg);
	if (!r)
		r = uio_init_user_vec(&c->u, c->h.iov, c->h.iovlen, &c->vec);
	if (!r && c->h.control && c->h.controllen) {
		size_t n = c->h.controllen < RECV_CONTROL ? c->h.controllen : RECV_CONTROL;
		r = control_room(c, n);
		c->m.control_size = n;
	}
	return r;
}

/* Tells the program about a message of r bytes that was received into room bytes. */
static long recv_end(struct call *c, uintptr_t msg, unsigned flags, size_t room, long r)
{
	struct socket_msg *m = &c->m;
	unsigned out = m->flags & OUT_FLAGS;

	if (flags & MSG_TRUNC)
		out = (size_t)r > room ? out | MSG_TRUNC : out & ~MSG_TRUNC;
	if (c->h.name) {
		long err = socket_name_out(&m->name, m->name_len, c->h.name,
					   msg + offsetof(struct user_msghdr, namelen));
		if (err)
			return err;
	}
	if (put_user_u32(msg + offsetof(struct user_msghdr, flags), out))
		return -EFAULT;
	size_t used = m->control_len;
	if ((used && copy_to_user(c->h.control, m->control, used)) ||
	    copy_to_user(msg + offsetof(struct user_msghdr, controllen), &used, sizeof used))
		return -EFAULT;
	return r;
}

static long recv_one(struct socket *so, uintptr_t msg, unsigned flags, bool nonblock)
{
	struct call c;
	long r = recv_begin(&c, msg);
	if (!r) {
		size_t room = c.u.left;
		r = socket_recv(so, &c.m, flags, nonblock);
		if (r >= 0)
			r = recv_end(&c, msg, flags, room, r);
	}
	call_end(&c);
	return r;
}

long sys_sendmsg(int fd, uintptr_t msg, unsigned flags)
{
	struct file *f;
	long r;
	struct socket *so = socket_get(fd, &f, &r);
	if (!so)
		return r;
	r = send_one(so, msg, flags, (flags & MSG_DONTWAIT) || file_nonblock(f));
	file_put(f);
	return r;
}

long sys_recvmsg(int fd, uintptr_t msg, unsigned flags)
{
	struct file *f;
	long r;
	struct socket *so = socket_get(fd, &f, &r);
	if (!so)
		return r;
	r = recv_one(so, msg, flags & ~(MSG_CTRUNC | MSG_EOR),
		     (flags & MSG_DONTWAIT) || file_nonblock(f));
	file_put(f);
	return r;
}

/* One message of a batch; net_lock is held, but for the time it waits. */
static long send_in_batch(struct socket *so, uintptr_t msg, unsigned flags, bool nonblock)
{
	struct call c;
	long r = send_begin(so, &c, msg);
	if (!r) {
		c.m.flags = flags;
		r = so->proto->sendmsg(so, &c.m);
		if (!socket_send_done(so, &c.m, r)) {
			net_leave();
			unix_drop_files();
			r = socket_send_rest(so, &c.m, flags, nonblock, r);
			net_enter();
		}
	}
	call_end(&c);
	return r;
}

long sys_sendmmsg(int fd, uintptr_t vec, unsigned count, unsigned flags)
{
	struct file *f;
	unsigned done = 0;
	long r;
	struct socket *so = socket_get(fd, &f, &r);
	if (!so)
		return r;
	bool nonblock = (flags & MSG_DONTWAIT) || file_nonblock(f);
	if (count > UIO_MAXVEC)
		count = UIO_MAXVEC;
	net_enter();
	for (r = 0; done < count; done++) {
		uintptr_t msg = vec + done * sizeof(struct user_mmsghdr);
		/* All but the last are followed by others at once. */
		r = send_in_batch(so, msg, flags, nonblock);
		if (r < 0)
			break;
		if (put_user_u32(msg + offsetof(struct user_mmsghdr, len), (uint32_t)r)) {
			r = -EFAULT;
			break;
		}
	}
	net_leave();
	unix_drop_files();
	file_put(f);
	return done ? (long)done : r < 0 ? r : 0;
}

static long recv_in_batch(struct socket *so, uintptr_t msg, unsigned flags, bool nonblock)
{
	struct call c;
	long r = recv_begin(&c, msg);
	if (!r) {
		size_t room = c.u.left;
		c.m.flags = flags;
		r = so->proto->recvmsg(so, &c.m);
		if (!socket_recv_done(so, &c.m, flags, nonblock, r)) {
			net_leave();
			unix_drop_files();
			r = socket_recv_rest(so, &c.m, flags, r);
			net_enter();
		}
		if (r >= 0)
			r = recv_end(&c, msg, flags, room, r);
	}
	call_end(&c);
	return r;
}

/* The timeout is looked at between messages only, as in Linux (recvmmsg(2), BUGS). */
static long receive_many(struct socket *so, uintptr_t vec, unsigned count, unsigned flags,
			 bool nonblock, uint64_t deadline)
{
	unsigned done = 0;
	long r = 0;

	net_enter();
	if (so->error && !(flags & MSG_ERRQUEUE))
		r = socket_error(so);
	while (!r && done < count) {
		uintptr_t msg = vec + done * sizeof(struct user_mmsghdr);
		r = recv_in_batch(so, msg, flags & ~(MSG_WAITFORONE | MSG_CTRUNC | MSG_EOR),
				  nonblock);
		if (r < 0)
			break;
		bool oob = flags & MSG_OOB;
		if (put_user_u32(msg + offsetof(struct user_mmsghdr, len), (uint32_t)r)) {
			r = -EFAULT;
			break;
		}
		r = 0;
		done++;
		if (flags & MSG_WAITFORONE)
			nonblock = true;
		if (oob || (deadline != WAIT_FOREVER && net_now() >= deadline))
			break;
	}
	/* What went wrong after the first message is for the next call. */
	if (done && r < 0 && r != -EAGAIN && r != -ERESTARTSYS && r != -EINTR)
		so->error = (int)-r;
	net_leave();
	unix_drop_files();
	return done ? (long)done : r;
}

long sys_recvmmsg(int fd, uintptr_t vec, unsigned count, unsigned flags, uintptr_t timeout)
{
	uint64_t deadline = WAIT_FOREVER;
	struct file *f;
	long r;

	if (timeout) {
		r = deadline_timespec(timeout, &deadline);
		if (r)
			return r;
	}
	struct socket *so = socket_get(fd, &f, &r);
	if (!so)
		return r;
	if (count > UIO_MAXVEC)
		count = UIO_MAXVEC;
	r = receive_many(so, vec, count, flags, (flags & MSG_DONTWAIT) || file_nonblock(f),
			 deadline);
	file_put(f);
	if (timeout && r > 0) {
		uint64_t now = clock_monotonic();
		uint64_t left = deadline == WAIT_FOREVER ? 0 : deadline > now ? deadline - now : 0;
		int64_t t[2] = {(int64_t)(left / 1000000000u), (int64_t)(left % 1000000000u)};
		if (deadline != WAIT_FOREVER && copy_to_user(timeout, t, sizeof t))
			r = -EFAULT;
	}
	return r;
}
