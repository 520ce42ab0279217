/* System calls on sockets: sys_socket.c, sys_message.c, sys_sockopt.c. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "net/socket.h"

struct file;

long sys_socket(int family, int type, int protocol);
long sys_socketpair(int family, int type, int protocol, uintptr_t fds);
long sys_bind(int fd, uintptr_t addr, int len);
long sys_connect(int fd, uintptr_t addr, int len);
long sys_listen(int fd, int backlog);
long sys_accept(int fd, uintptr_t addr, uintptr_t len);
long sys_accept4(int fd, uintptr_t addr, uintptr_t len, int flags);
long sys_getsockname(int fd, uintptr_t addr, uintptr_t len);
long sys_getpeername(int fd, uintptr_t addr, uintptr_t len);
long sys_shutdown(int fd, int how);

long sys_sendto(int fd, uintptr_t buf, size_t n, unsigned flags, uintptr_t addr, int addrlen);
long sys_recvfrom(int fd, uintptr_t buf, size_t n, unsigned flags, uintptr_t addr,
		  uintptr_t addrlen);
long sys_sendmsg(int fd, uintptr_t msg, unsigned flags);
long sys_recvmsg(int fd, uintptr_t msg, unsigned flags);
long sys_sendmmsg(int fd, uintptr_t vec, unsigned count, unsigned flags);
long sys_recvmmsg(int fd, uintptr_t vec, unsigned count, unsigned flags, uintptr_t timeout);

long sys_setsockopt(int fd, int level, int name, uintptr_t val, int len);
long sys_getsockopt(int fd, int level, int name, uintptr_t val, uintptr_t len);

/* The socket of fd, and in *f its file with a reference for the caller. NULL: *err is -EBADF or
 * -ENOTSOCK, and there is no reference. */
struct socket *socket_get(int fd, struct file **f, long *err);
/* A name from the program (move_addr_to_kernel in Linux): 0, -EINVAL, -EFAULT. */
long socket_name_in(struct __kernel_sockaddr_storage *a, uintptr_t addr, int len);
/* A name to the program: as much as the value at addrlen allows; there the full length is left. 0,
 * -EFAULT, -EINVAL. */
long socket_name_out(const struct __kernel_sockaddr_storage *a, unsigned len, uintptr_t addr,
		     uintptr_t addrlen);
