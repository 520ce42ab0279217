/*
 * Sockets on a machine without a network stack: no address family is there, so no descriptor is a
 * socket. socket(2) and its kin.
 */
#include <asm/errno.h>
#include "sys/sys_misc.h"
#include "vfs/fdtable.h"

#define SOCK_TYPE_MASK	0xf
#define SOCK_TYPE_MAX	11
#define SOCK_FLAGS	(02000000 | 04000) /* SOCK_CLOEXEC, SOCK_NONBLOCK */
#define SOCK_FLAGS_BITS 0x7ffffff0

static long no_family(int family, int type)
{
	if (type & SOCK_FLAGS_BITS & ~SOCK_FLAGS || (type & SOCK_TYPE_MASK) >= SOCK_TYPE_MAX)
		return -EINVAL;
	(void)family;
	return -EAFNOSUPPORT;
}

long sys_socket(int family, int type, int protocol)
{
	(void)protocol;
	return no_family(family, type);
}

long sys_socketpair(int family, int type, int protocol, uintptr_t fds)
{
	(void)protocol;
	(void)fds;
	return no_family(family, type);
}

static long not_a_socket(int fd)
{
	struct file *f = fd_get(fd);

	if (!f)
		return -EBADF;
	file_put(f);
	return -ENOTSOCK;
}

#define NOT_A_SOCKET(name)                                                                         \
	long sys_##name(int fd);                                                                   \
	long sys_##name(int fd)                                                                    \
	{                                                                                          \
		return not_a_socket(fd);                                                           \
	}

/* clang-format off */
NOT_A_SOCKET(bind) NOT_A_SOCKET(connect) NOT_A_SOCKET(listen) NOT_A_SOCKET(accept)
NOT_A_SOCKET(accept4) NOT_A_SOCKET(getsockname) NOT_A_SOCKET(getpeername)
NOT_A_SOCKET(setsockopt) NOT_A_SOCKET(getsockopt) NOT_A_SOCKET(shutdown) NOT_A_SOCKET(sendto)
NOT_A_SOCKET(recvfrom) NOT_A_SOCKET(sendmsg) NOT_A_SOCKET(recvmsg) NOT_A_SOCKET(sendmmsg)
NOT_A_SOCKET(recvmmsg)
    /* clang-format on */
