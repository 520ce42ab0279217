/* What the parts of the socket layer share: socket.c, socket_file.c, sys_socket.c, sys_message.c,
 * sockopt.c. Nothing here is called with net_lock held unless it says so. */
#pragma once
#include "net/socket.h"
#include "vfs/file.h"

/* Fills what every call needs; the name's bytes stay as they are (128 of them, on hot paths). */
static inline void socket_msg_init(struct socket_msg *m, struct uio *u)
{
	m->uio = u;
	m->name_len = 0;
	m->control = NULL;
	m->control_len = m->control_size = 0;
	m->flags = 0;
	list_init(&m->files);
	m->kernel = false;
	m->ref = NULL;
}

/* Chooses a protocol as socket(2) does. NULL, and *err. */
const struct proto *socket_find_proto(int family, int type, int protocol, int *err);
/* A socket as socket(2) makes it, without a file. NULL, and *err. net_lock is not held. */
struct socket *socket_create(int family, int type, int protocol, int *err);

/* A file for so, which it takes: on failure so is released. NULL when memory is out. */
struct file *socket_file_new(struct socket *so, bool nonblock);

/* sendmsg and recvmsg with their waiting; flags: MSG_*, nonblock: O_NONBLOCK or MSG_DONTWAIT. */
long socket_send(struct socket *so, struct socket_msg *m, unsigned flags, bool nonblock);
long socket_recv(struct socket *so, struct socket_msg *m, unsigned flags, bool nonblock);
/* What follows a first try under net_lock that gave n; for calls that send many messages. */
bool socket_send_done(const struct socket *so, const struct socket_msg *m, long n);
long socket_send_rest(struct socket *so, struct socket_msg *m, unsigned flags, bool nonblock,
		      long n);
bool socket_recv_done(const struct socket *so, const struct socket_msg *m, unsigned flags,
		      bool nonblock, long n);
long socket_recv_rest(struct socket *so, struct socket_msg *m, unsigned flags, long n);
long socket_connect(struct socket *so, const struct __kernel_sockaddr_storage *a, unsigned len,
		    bool nonblock);
long socket_accept(struct socket *so, struct socket **conn, bool nonblock);

/* SOL_SOCKET. val and *len as proto->setsockopt and getsockopt have them. */
int socket_setsockopt(struct socket *so, int name, const void *val, unsigned len);
int socket_getsockopt(struct socket *so, int name, void *val, unsigned *len);
