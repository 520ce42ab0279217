/* socket(2), socketpair(2), bind(2), connect(2), listen(2), accept(2), getsockname(2),
 * getpeername(2), shutdown(2): the checks of arguments in the order in which Linux makes them. */
#include "net/sys_socket.h"
#include <asm/errno.h>
#include "mm/uaccess.h"
#include "net/net.h"
#include "net/socket_call.h"
#include "net/unix.h"
#include "sys/rlimit.h"
#include "vfs/fdtable.h"

struct socket *socket_get(int fd, struct file **f, long *err)
{
	*f = fd_get(fd);
	if (!*f) {
		*err = -EBADF;
		return NULL;
	}
	struct socket *so = socket_of(*f);
	if (!so) {
		file_put(*f);
		*err = -ENOTSOCK;
	}
	return so;
}

long socket_name_in(struct __kernel_sockaddr_storage *a, uintptr_t addr, int len)
{
	if (len < 0 || (size_t)len > sizeof *a)
		return -EINVAL;
	return len && copy_from_user(a, addr, (size_t)len) ? -EFAULT : 0;
}

long socket_name_out(const struct __kernel_sockaddr_storage *a, unsigned len, uintptr_t addr,
		     uintptr_t addrlen)
{
	uint32_t room;
	if (get_user_u32(&room, addrlen))
		return -EFAULT;
	if ((int)room < 0)
		return -EINVAL;
	if (room > len)
		room = len;
	if (room && copy_to_user(addr, a, room))
		return -EFAULT;
	return put_user_u32(addrlen, len);
}

static long install(struct socket *so, int flags)
{
	struct file *f = socket_file_new(so, flags & SOCK_NONBLOCK);
	return f ? fd_install_or_put(f, flags & SOCK_CLOEXEC) : -ENFILE;
}

long sys_socket(int family, int type, int protocol)
{
	int flags = type & ~SOCK_TYPE_MASK, err;
	if (flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK))
		return -EINVAL;
	struct socket *so = socket_create(family, type & SOCK_TYPE_MASK, protocol, &err);
	return so ? install(so, flags) : err;
}

static void abandon(struct socket *so)
{
	net_enter();
	so->proto->release(so);
	net_leave();
}

/* Two sockets that know each other, as descriptors. */
static long make_pair(struct socket *a, struct socket *b, int flags, int fd[2])
{
	long err = -EOPNOTSUPP;
	if (a->family == AF_UNIX) {
		net_enter();
		err = unix_pair(a, b);
		net_leave();
	}
	if (err) {
		abandon(a);
		abandon(b);
		return err;
	}
	fd[0] = (int)install(a, flags);
	if (fd[0] < 0) {
		abandon(b);
		return fd[0];
	}
	fd[1] = (int)install(b, flags);
	if (fd[1] < 0) {
		fd_close(fd[0]);
		return fd[1];
	}
	return 0;
}

long sys_socketpair(int family, int type, int protocol, uintptr_t fds)
{
	int flags = type & ~SOCK_TYPE_MASK, err, fd[2];
	if (flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK))
		return -EINVAL;
	if (!user_range_ok(fds, sizeof fd))
		return -EFAULT;
	type &= SOCK_TYPE_MASK;
	struct socket *a = socket_create(family, type, protocol, &err);
	if (!a)
		return err;
	struct socket *b = socket_create(family, type, protocol, &err);
	if (!b) {
		abandon(a);
		return err;
	}
	long r = make_pair(a, b, flags, fd);
	if (!r && copy_to_user(fds, fd, sizeof fd)) {
		fd_close(fd[0]);
		fd_close(fd[1]);
		r = -EFAULT;
	}
	return r;
}

long sys_bind(int fd, uintptr_t addr, int len)
{
	struct __kernel_sockaddr_storage a;
	struct file *f;
	long r;
	struct socket *so = socket_get(fd, &f, &r);
	if (!so)
		return r;
	r = socket_name_in(&a, addr, len);
	if (!r && !so->proto->bind)
		r = -EOPNOTSUPP;
	if (!r) {
		net_enter();
		r = so->proto->bind(so, &a, (unsigned)len);
		net_leave();
	}
	file_put(f);
	return r;
}

long sys_connect(int fd, uintptr_t addr, int len)
{
	struct __kernel_sockaddr_storage a;
	struct file *f;
	long r;
	struct socket *so = socket_get(fd, &f, &r);
	if (!so)
		return r;
	r = socket_name_in(&a, addr, len);
	if (!r)
		r = (size_t)len < sizeof a.ss_family
			? -EINVAL
			: socket_connect(so, &a, (unsigned)len, file_nonblock(f));
	file_put(f);
	return r;
}

long sys_listen(int fd, int backlog)
{
	struct file *f;
	long r;
	struct socket *so = socket_get(fd, &f, &r);
	if (!so)
		return r;
	if ((unsigned)backlog > SOMAXCONN_LIMIT)
		backlog = SOMAXCONN_LIMIT;
	r = -EOPNOTSUPP;
	if (so->proto->listen) {
		net_enter();
		r = so->proto->listen(so, backlog);
		net_leave();
	}
	file_put(f);
	return r;
}

static long accept_from(struct socket *so, bool nonblock, uintptr_t addr, uintptr_t len, int flags)
{
	struct __kernel_sockaddr_storage a;
	struct socket *conn;

	/* A connection must not be taken off the queue when there is no descriptor for it. */
	if (fd_count() >= rlimit_get(RLIMIT_NOFILE))
		return -EMFILE;
	long r = socket_accept(so, &conn, nonblock);
	if (r)
		return r;
	struct file *f = socket_file_new(conn, flags & SOCK_NONBLOCK);
	if (!f)
		return -ENFILE;
	if (addr) {
		net_enter();
		int n = conn->proto->getname(conn, &a, true);
		net_leave();
		r = n < 0 ? -ECONNABORTED : socket_name_out(&a, (unsigned)n, addr, len);
	}
	if (r) {
		file_put(f);
		return r;
	}
	return fd_install_or_put(f, flags & SOCK_CLOEXEC);
}

long sys_accept4(int fd, uintptr_t addr, uintptr_t len, int flags)
{
	struct file *f;
	long r;
	bool known = !(flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK));
	struct socket *so = socket_get(fd, &f, &r);
	if (!so)
		return !known && r == -ENOTSOCK ? -EINVAL : r;
	r = known ? accept_from(so, file_nonblock(f), addr, len, flags) : -EINVAL;
	file_put(f);
	return r;
}

long sys_accept(int fd, uintptr_t addr, uintptr_t len)
{
	return sys_accept4(fd, addr, len, 0);
}

static long get_name(int fd, uintptr_t addr, uintptr_t len, bool peer)
{
	struct __kernel_sockaddr_storage a;
	struct file *f;
	long r;
	struct socket *so = socket_get(fd, &f, &r);
	if (!so)
		return r;
	net_enter();
	r = so->proto->getname ? so->proto->getname(so, &a, peer) : -EOPNOTSUPP;
	net_leave();
	file_put(f);
	return r < 0 ? r : socket_name_out(&a, (unsigned)r, addr, len);
}

long sys_getsockname(int fd, uintptr_t addr, uintptr_t len)
{
	return get_name(fd, addr, len, false);
}

long sys_getpeername(int fd, uintptr_t addr, uintptr_t len)
{
	return get_name(fd, addr, len, true);
}

long sys_shutdown(int fd, int how)
{
	struct file *f;
	long r;
	struct socket *so = socket_get(fd, &f, &r);
	if (!so)
		return r;
	r = -EOPNOTSUPP;
	if (so->proto->shutdown) {
		r = -EINVAL;
		if (how >= SHUT_RD && how <= SHUT_RDWR) {
			net_enter();
			r = so->proto->shutdown(so, how);
			net_leave();
		}
	}
	file_put(f);
	return r;
}
