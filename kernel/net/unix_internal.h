/*
 * The objects of AF_UNIX, shared by the unix_*.c files. All of it is guarded by net_lock.
 *
 * A struct unix_sock lives as long as it has references: one from its file (or from the accept
 * queue it waits in), one from each peer pointer and each message that names it as the sender. So
 * the other end of a connection stays there, dead, until this one lets go: its name can still be
 * asked for.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <linux/un.h>
#include "lib/list.h"
#include "net/socket.h"

struct inode;
struct dentry;
struct netbuf;

/* A name, immutable, shared by a listener and the sockets it accepts. */
struct unix_addr {
	uint32_t refs;
	unsigned len;	       /* of the address, as getsockname gives it */
	struct inode *inode;   /* pathname: the socket file; a reference */
	struct dentry *dentry; /* and its name in the tree; a reference */
	struct sockaddr_un name;
};

struct unix_cred {
	int pid; /* 0: unknown */
	unsigned uid, gid;
};
#define UNIX_NO_ID	 ((unsigned)-1)
#define UNIX_OVERFLOW_ID 65534u /* what an unknown user or group is shown as */

enum unix_state { UNIX_CLOSED, UNIX_LISTENING, UNIX_CONNECTED };

struct unix_sock {
	struct socket so;
	uint32_t refs;
	bool dead; /* released by its program */
	enum unix_state state;
	struct unix_addr *addr; /* NULL: no name */
	struct list name_link;	/* in the table of names */
	struct unix_sock *peer; /* a reference */
	struct unix_cred cred;	/* SO_PEERCRED: of who made the other end; of a listener: its own */
	struct list queue;	/* of struct unix_msg, received */
	unsigned queued;	/* messages there */
	uint32_t unread;	/* bytes there */
	struct list accepting;	/* embryo_link of connections that wait for accept */
	struct list embryo_link;
	unsigned backlog;    /* listeners: accept queue, datagrams: messages */
	uint32_t wmem;	     /* memory of messages sent and not yet read */
	bool nospace;	     /* somebody was told to wait for room to write */
	struct list blocked; /* unix_waiter.target_link: who waits for room in our queue */
	struct list waiting; /* unix_waiter.sender_link: in whose queue we wait for room */

	/* unix_gc.c */
	unsigned in_flight;	 /* times our file is in a message */
	struct list flight_link; /* on the list of those with in_flight > 0 */
	unsigned gc_refs;
	bool gc_candidate, gc_reached;
	struct list gc_work;
};

static inline struct unix_sock *unix_of(struct socket *so)
{
	return container_of(so, struct unix_sock, so);
}
static inline bool unix_is_datagram(const struct unix_sock *u)
{
	return u->so.type == SOCK_DGRAM;
}

/* unix_sock.c */
static inline struct unix_sock *unix_get(struct unix_sock *u)
{
	u->refs++;
	return u;
}
void unix_put(struct unix_sock *u); /* NULL is allowed */
/* The fields of a fresh socket. */
void unix_setup(struct unix_sock *u);
/* Ends u's use: of a released socket or of a connection nobody accepted. Drops that reference. */
void unix_close(struct unix_sock *u, bool embryo);
struct unix_cred unix_current_cred(void);
/* Linux's unix_writable: a quarter of the send buffer or less is in use. */
bool unix_writable(const struct unix_sock *u);
int unix_shutdown(struct socket *so, int how);
/* Nobody is blocked by t's full queue any more, or there is room: wakes those who wait. */
void unix_wake_blocked(struct unix_sock *t);
/* u is to be woken (EPOLLOUT) when t's queue has room. 0, -ENOBUFS. */
int unix_block_on(struct unix_sock *u, struct unix_sock *t);
void unix_unblock(struct unix_sock *u); /* u waits for nobody any more */

/* unix_name.c */
void unix_name_init(void);
void unix_addr_put(struct unix_addr *a); /* NULL is allowed */
int unix_bind(struct socket *so, const struct __kernel_sockaddr_storage *a, unsigned len);
/* Gives u a name of the kernel's choice if it has none. */
int unix_autobind(struct unix_sock *u);
/* SO_PASSCRED wants a name to answer to. */
int unix_autobind_for_cred(struct unix_sock *u);
void unix_unbind(struct unix_sock *u);
/* Shares from's name with u (accept). */
void unix_inherit_name(struct unix_sock *u, struct unix_sock *from);
/* The socket with that name and of u's type: a reference in *out (else NULL). -ECONNREFUSED,
 * -ENOENT, -EACCES, -EPROTOTYPE, -EINVAL ... */
int unix_lookup(struct unix_sock *u, const struct __kernel_sockaddr_storage *a, unsigned len,
		struct unix_sock **out);
int unix_getname(struct socket *so, struct __kernel_sockaddr_storage *a, bool peer);
/* As recvfrom gives u's name: m->name, length 0 if it has none. */
void unix_put_name(struct socket_msg *m, const struct unix_sock *u);
int unix_addr_format(const struct unix_addr *a, char *buf, size_t size);
/* SIOCUNIXFILE: an O_PATH descriptor of the socket file u is bound to. */
int unix_open_name(struct unix_sock *u);

/* unix_msg.c */
struct unix_scm;
struct unix_msg {
	struct list link;
	struct unix_sock *from; /* a reference; its wmem has truesize */
	struct unix_scm *scm;	/* descriptors; NULL */
	struct unix_cred cred;
	uint32_t truesize;
	uint32_t len, read;  /* bytes, and of them those a stream has consumed */
	uint8_t piece_shift; /* 0: the bytes are inline */
	uint16_t npieces;
	union {
		uint8_t bytes[1];
		struct netbuf *pieces[1]; /* of 2^piece_shift bytes each */
	};
};

/* len bytes of u as a message of from. -EFAULT; for want of memory -EAGAIN (reading will wake from)
 * or -ENOBUFS. The message is charged to from. */
int unix_msg_new(struct unix_sock *from, struct uio *u, uint32_t len, struct unix_msg **out);
/* Largest message that fits a stream's message without need of much memory. */
#define UNIX_PIECE (1u << 15)
/* Into u: bytes done. */
uint32_t unix_msg_copy(const struct unix_msg *m, uint32_t offset, struct uio *u, uint32_t n);
/* Puts m into to's queue; and takes it out (uncharging nothing). */
void unix_enqueue(struct unix_sock *to, struct unix_msg *m);
void unix_dequeue(struct unix_sock *to, struct unix_msg *m);
/* Frees m, which is in no queue: uncharges its sender, drops its descriptors. */
void unix_msg_free(struct unix_msg *m);

/* unix_scm.c */
struct file;
struct unix_scm {
	struct list link; /* on unix_dropped */
	unsigned count;
	struct file *files[]; /* references */
};
#define UNIX_SCM_MAX 253 /* SCM_MAX_FD of Linux */

struct unix_send_scm {
	struct unix_cred cred;
	bool has_cred;
	struct unix_scm *files;
};
/* Reads the control messages of m. On success the caller owns out->files. -EINVAL, -EBADF, -EPERM,
 * -ESRCH, -ENOMEM, -ETOOMANYREFS. */
int unix_scm_parse(const struct socket_msg *m, struct unix_send_scm *out);
/* Puts what was parsed into a message for to: descriptors (which are then in flight) and the
 * sender's credentials where one of the two asks for them. */
void unix_scm_attach(struct unix_msg *msg, struct unix_send_scm *s, const struct unix_sock *from,
		     const struct unix_sock *to);
/* Descriptors that were never in flight: to be closed. NULL is allowed. */
void unix_scm_drop(struct unix_scm *s);
/* The message's descriptors, no longer in flight; NULL if none. */
struct unix_scm *unix_scm_detach(struct unix_msg *msg);
/* Control messages for the receiver: credentials if it asks for them, descriptors s (taken, may be
 * NULL). */
void unix_scm_receive(struct unix_sock *u, struct socket_msg *m, const struct unix_cred *cred,
		      struct unix_scm *s);
/* A second set of the same descriptors, for MSG_PEEK. NULL: no memory. */
struct unix_scm *unix_scm_dup(const struct unix_scm *s);

/* unix_gc.c */
extern struct list unix_flying; /* flight_link */
/* The unix socket behind f, NULL. */
struct unix_sock *unix_of_file(struct file *f);
void unix_fly(struct unix_scm *s);
void unix_land(struct unix_scm *s);
/* Finds sockets that are reachable only through messages in each other's queues, and empties those
 * queues. */
void unix_gc(void);
/* As unix_gc, if the descriptors in flight have doubled since it ran last. */
void unix_gc_if_due(void);

/* unix_stream.c, unix_datagram.c */
int unix_stream_connect(struct socket *so, const struct __kernel_sockaddr_storage *a, unsigned len);
int unix_listen(struct socket *so, int backlog);
int unix_accept(struct socket *so, struct socket **conn);
long unix_stream_send(struct socket *so, struct socket_msg *m);
long unix_stream_receive(struct socket *so, struct socket_msg *m);
int unix_datagram_connect(struct socket *so, const struct __kernel_sockaddr_storage *a,
			  unsigned len);
long unix_datagram_send(struct socket *so, struct socket_msg *m);
long unix_datagram_receive(struct socket *so, struct socket_msg *m);
long unix_seqpacket_send(struct socket *so, struct socket_msg *m);
long unix_seqpacket_receive(struct socket *so, struct socket_msg *m);
/* True if no more datagrams go into t's queue. */
static inline bool unix_queue_full(const struct unix_sock *t)
{
	return t->queued > t->backlog;
}
