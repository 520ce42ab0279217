/*
 * Sockets, whatever their family: the object behind a descriptor and the table of functions that a
 * family and type brings. socket.c has the object, sys_socket.c the calls, sockopt.c the options of
 * SOL_SOCKET.
 *
 * Ownership: a socket belongs to its file; proto->release is called once, when the last reference
 * to the file goes, and may keep the protocol's state alive (TCP). Lock: net_lock, held in every
 * proto function. Protocol functions never block: they answer -EAGAIN (or -EINPROGRESS) and the
 * layer waits for the events that make trying again worthwhile, honouring O_NONBLOCK, MSG_DONTWAIT,
 * SO_RCVTIMEO, SO_SNDTIMEO and MSG_WAITALL. They may touch the program's memory.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/socket.h>
#include "lib/list.h"
#include "net/socket_abi.h"
#include "sched/wait.h"
#include "vfs/uio.h"

struct file;
struct netbuf;
struct socket;

/* What sendmsg and recvmsg carry. */
struct socket_msg {
	struct uio *uio;
	struct __kernel_sockaddr_storage name; /* of the kernel */
	unsigned name_len;		       /* in: 0 = none; out: bytes that would be needed */
	/* Control messages. In: the program's bytes, copied (kernel memory). Out: filled by
	 * cmsg_put. */
	uint8_t *control;
	size_t control_len, control_size; /* used, room */
	/* In: MSG_* of the call, freshly set for every try. Out: or in MSG_TRUNC (a datagram did
	 * not fit), MSG_CTRUNC, MSG_EOR, MSG_ERRQUEUE ...; what came in may stay. A datagram
	 * protocol asked with MSG_TRUNC returns the datagram's whole length. */
	unsigned flags;
	struct list files; /* SCM_RIGHTS on their way out; of unix_scm.c */
	bool kernel;	   /* no thread waits behind it: sendfile, splice */
	/* The bytes of uio are also those of ref, from ref_offset on, and never change: a protocol
	 * may refer to them instead of copying them, and then moves uio and ref_offset on. NULL:
	 * they must be copied. */
	struct netbuf *ref;
	uint32_t ref_offset;
};

/* Adds one control message; sets MSG_CTRUNC when it does not fit. */
void cmsg_put(struct socket_msg *m, int level, int type, const void *data, size_t len);

struct proto {
	const char *name;	    /* "TCP", "UDP", "UNIX": for /proc/net */
	int family, type, protocol; /* protocol 0: any that the create function accepts */
	size_t size;		    /* of the object that starts with a struct socket; zeroed */
	int (*create)(struct socket *so, int protocol); /* 0, -errno; then release is not called */
	void (*release)(
	    struct socket *so); /* ends its use by the program; frees with socket_free when done */
	int (*bind)(struct socket *so, const struct __kernel_sockaddr_storage *a, unsigned len);
	/* 0, -EINPROGRESS (wait for EPOLLOUT, then socket_error), -errno. len 0 is never passed. */
	int (*connect)(struct socket *so, const struct __kernel_sockaddr_storage *a, unsigned len);
	int (*listen)(struct socket *so, int backlog);
	/* The next connection as a socket without a file yet, or -EAGAIN, -EINVAL. */
	int (*accept)(struct socket *so, struct socket **conn);
	int (*shutdown)(struct socket *so, int how); /* SHUT_RD, SHUT_WR, SHUT_RDWR */
	/* Name of this end, or of the peer. Bytes of the address, or -ENOTCONN. */
	int (*getname)(struct socket *so, struct __kernel_sockaddr_storage *a, bool peer);
	/* Bytes sent (a stream may send less than asked; the layer goes on) or -errno. -EPIPE: the
	 * layer raises SIGPIPE unless MSG_NOSIGNAL. */
	long (*sendmsg)(struct socket *so, struct socket_msg *m);
	/* Bytes, 0 at the end. */
	long (*recvmsg)(struct socket *so, struct socket_msg *m);
	/* EPOLL bits that hold now. */
	uint32_t (*poll)(struct socket *so);
	/* Levels other than SOL_SOCKET, and SOL_SOCKET options that the layer does not know. Kernel
	 * copies of the value; getsockopt sets *len to the bytes written. 0, -ENOPROTOOPT, -EINVAL
	 * ... */
	int (*setsockopt)(struct socket *so, int level, int name, const void *val, unsigned len);
	int (*getsockopt)(struct socket *so, int level, int name, void *val, unsigned *len);
	int (*ioctl)(struct socket *so, unsigned cmd, uintptr_t arg); /* -ENOTTY: not mine */
	/* SO_LINGER: true while the peer has not got all that was written. NULL: never. A change
	 * wakes so->wait. */
	bool (*unsent)(struct socket *so);
};

/* A control message that send got: the first one at or after *at in m->control, which moves on.
 * NULL at the end, or with *err set to -EINVAL if the lengths are wrong. *len: bytes of its data.
 */
const struct user_cmsghdr *cmsg_next(const struct socket_msg *m, size_t *at, size_t *len, int *err);

struct socket {
	const struct proto *proto;
	struct file *file; /* NULL: not accepted yet, or closed by the program */
	int family, type, protocol;
	struct waitqueue wait; /* woken with EPOLL bits */
	int error;	       /* SO_ERROR: positive errno, reported once */
	uint32_t shutdown;     /* RCV_SHUTDOWN 1 | SEND_SHUTDOWN 2 */

	/* SOL_SOCKET. */
	uint32_t rcvbuf, sndbuf;	   /* bytes, as Linux counts (twice what was asked for) */
	bool rcvbuf_locked, sndbuf_locked; /* set by the program: no growing */
	bool reuseaddr, reuseport, keepalive, broadcast, dontroute, oobinline, passcred, timestamp,
	    timestampns, rxq_ovfl, nosigpipe, acceptconn, linger;
	uint32_t linger_s;
	uint32_t rcvlowat, priority, mark, incoming_cpu, busy_poll;
	uint64_t rcvtimeo, sndtimeo; /* ns, 0: none */
	int bound_ifindex;	     /* SO_BINDTODEVICE; 0: none */
	uint64_t max_pacing_rate;
	uint32_t timestamping;
	bool debug, no_check, zerocopy, select_err_queue, filter_locked, passsec, rcvmark;
	bool want_stamp;      /* SIOCGSTAMP was asked for once */
	uint64_t stamp;	      /* realtime ns of what was received last; kept if asked for */
	int peek_off;	      /* SO_PEEK_OFF; -1: off */
	uint32_t drops;	      /* datagrams that found no room: SO_RXQ_OVFL */
	void *filter;	      /* SO_ATTACH_FILTER */
	struct list all_link; /* on socket_list, for /proc/net and counting */
	uint64_t cookie, ino; /* SO_COOKIE; inode number for /proc/net */
};
#define RCV_SHUTDOWN  1u
#define SEND_SHUTDOWN 2u

extern struct list socket_list;
extern uint64_t socket_count;
/* /proc/sys/net/core/{r,w}mem_{default,max}: bytes as set by the program, before doubling. */
extern uint32_t net_rmem_default, net_rmem_max, net_wmem_default, net_wmem_max;
/* Sockets that want to know when packets arrived: packet.timestamp is filled while it is not 0. */
extern unsigned net_timestamps;

/* Makes protocols known; at start-up. p stays where it is. */
void socket_register(const struct proto *p);
/* A socket of proto without a file; for accept. proto->create is not called. NULL: no memory. */
struct socket *socket_alloc(const struct proto *p, int family);
void socket_free(struct socket *so);
/* The socket behind f; NULL if f is none. No lock. */
struct socket *socket_of(struct file *f);
/* Reads and clears the pending error, as -errno; 0. */
int socket_error(struct socket *so);
/* Records error (positive) and wakes everyone with EPOLLERR and events. */
void socket_set_error(struct socket *so, int error, uint32_t events);
static inline void socket_wake(struct socket *so, uint32_t events)
{
	waitqueue_wake_all(&so->wait, events);
}

/* For sendfile and splice: sends bytes of the kernel over f, a socket. No lock held; blocks as
 * write. */
long socket_send_kernel(struct file *f, const void *p, size_t n, unsigned msg_flags);
