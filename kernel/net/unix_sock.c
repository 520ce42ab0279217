/* AF_UNIX sockets as objects: their life, readiness, options, and how the socket layer knows them.
 */
#include "net/unix.h"
#include <asm/errno.h>
#include <asm/ioctls.h>
#include <asm/socket.h>
#include <linux/capability.h>
#include <linux/eventpoll.h>
#include <linux/net.h>
#include <linux/sockios.h>
#include "lib/printk.h"
#include "lib/string.h"
#include "mm/kmalloc.h"
#include "mm/uaccess.h"
#include "net/init.h"
#include "net/unix_internal.h"
#include "sys/capability.h"
#include "sys/process_ids.h"
#include "vfs/file.h"

#define MAX_DATAGRAMS 10 /* /proc/sys/net/unix/max_dgram_qlen */
#define SHUTDOWN_BOTH (RCV_SHUTDOWN | SEND_SHUTDOWN)

/* u waits for room in target's queue. */
struct unix_waiter {
	struct list target_link, sender_link;
	struct unix_sock *sender, *target; /* no references: closing either takes this away */
};

struct unix_cred unix_current_cred(void)
{
	return (struct unix_cred){PROCESS_ID, process_ids.euid, process_ids.egid};
}

void unix_setup(struct unix_sock *u)
{
	u->refs = 1;
	u->cred = (struct unix_cred){0, UNIX_NO_ID, UNIX_NO_ID};
	u->backlog = MAX_DATAGRAMS;
	u->so.peek_off = -1;
	list_init(&u->name_link);
	list_init(&u->queue);
	list_init(&u->accepting);
	list_init(&u->embryo_link);
	list_init(&u->blocked);
	list_init(&u->waiting);
	list_init(&u->flight_link);
	list_init(&u->gc_work);
}

static int unix_create(struct socket *so, int protocol)
{
	if (protocol && protocol != AF_UNIX)
		return -EPROTONOSUPPORT;
	so->protocol = 0;
	if (so->type == SOCK_RAW)
		so->type = SOCK_DGRAM; /* as BSD has it */
	unix_setup(unix_of(so));
	return 0;
}

void unix_put(struct unix_sock *u)
{
	if (!u || --u->refs)
		return;
	unix_addr_put(u->addr);
	socket_free(&u->so);
}

static void waiter_free(struct unix_waiter *w)
{
	list_remove(&w->target_link);
	list_remove(&w->sender_link);
	kfree(w);
}

int unix_block_on(struct unix_sock *u, struct unix_sock *t)
{
	list_for_each_entry (w, &u->waiting, struct unix_waiter, sender_link)
		if (w->target == t)
			return 0;
	struct unix_waiter *w = kmalloc(sizeof *w);
	if (!w)
		return -ENOBUFS;
	w->sender = u;
	w->target = t;
	list_add_tail(&t->blocked, &w->target_link);
	list_add_tail(&u->waiting, &w->sender_link);
	return 0;
}

void unix_unblock(struct unix_sock *u)
{
	list_for_each_entry_safe (w, &u->waiting, struct unix_waiter, sender_link)
		waiter_free(w);
}

void unix_wake_blocked(struct unix_sock *t)
{
	list_for_each_entry_safe (w, &t->blocked, struct unix_waiter, target_link) {
		struct unix_sock *u = w->sender;
		waiter_free(w);
		socket_wake(&u->so, EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND);
	}
}

/* The end of one side of a connection as the other side sees it. */
static void hang_up(struct unix_sock *u, bool reset)
{
	struct unix_sock *peer = u->peer;
	peer->so.shutdown = SHUTDOWN_BOTH;
	if (reset)
		peer->so.error = ECONNRESET;
	socket_wake(&peer->so, 0);
}

static void drop_embryos(struct unix_sock *u)
{
	while (!list_empty(&u->accepting)) {
		struct unix_sock *e = list_entry(u->accepting.next, struct unix_sock, embryo_link);
		list_remove(&e->embryo_link);
		u->queued--;
		unix_close(e, true);
	}
}

void unix_close(struct unix_sock *u, bool embryo)
{
	bool unread = !list_empty(&u->queue);
	unix_unbind(u);
	u->dead = true;
	u->so.shutdown = SHUTDOWN_BOTH;
	u->state = UNIX_CLOSED;
	drop_embryos(u);
	while (!list_empty(&u->queue)) {
		struct unix_msg *m = list_entry(u->queue.next, struct unix_msg, link);
		unix_dequeue(u, m);
		unix_msg_free(m);
	}
	unix_unblock(u);
	unix_wake_blocked(u);
	if (u->peer) {
		if (!unix_is_datagram(u))
			hang_up(u, unread || embryo);
		unix_put(u->peer);
		u->peer = NULL;
	}
	unix_put(u);
}

static void unix_release(struct socket *so)
{
	unix_close(unix_of(so), false);
	if (!list_empty(&unix_flying))
		unix_gc();
}

int unix_shutdown(struct socket *so, int how)
{
	struct unix_sock *u = unix_of(so);
	uint32_t mode = (uint32_t)how + 1; /* SHUT_RD, SHUT_WR, SHUT_RDWR */
	so->shutdown |= mode;
	if (u->peer && !unix_is_datagram(u)) {
		uint32_t theirs = (mode & RCV_SHUTDOWN ? SEND_SHUTDOWN : 0) |
				  (mode & SEND_SHUTDOWN ? RCV_SHUTDOWN : 0);
		u->peer->so.shutdown |= theirs;
		socket_wake(&u->peer->so, 0);
	}
	socket_wake(so, 0);
	unix_wake_blocked(u);
	return 0;
}

bool unix_writable(const struct unix_sock *u)
{
	return u->state != UNIX_LISTENING && (uint64_t)u->wmem * 4 <= u->so.sndbuf;
}

/* Writable as far as a connected receiver's queue goes. */
static bool peer_has_room(struct unix_sock *u)
{
	struct unix_sock *p = u->peer;
	if (!p || p->dead || p->peer == u || !unix_queue_full(p))
		return true;
	unix_block_on(u, p); /* without memory for it, no wake-up comes */
	return false;
}

static uint32_t unix_poll(struct socket *so)
{
	struct unix_sock *u = unix_of(so);
	uint32_t events = 0;
	bool datagrams = so->type != SOCK_STREAM;
	if (so->error)
		events |= EPOLLERR;
	if (so->shutdown == SHUTDOWN_BOTH)
		events |= EPOLLHUP;
	if (so->shutdown & RCV_SHUTDOWN)
		events |= EPOLLRDHUP | EPOLLIN | EPOLLRDNORM;
	if (!list_empty(&u->queue) || !list_empty(&u->accepting))
		events |= EPOLLIN | EPOLLRDNORM;
	if (!unix_is_datagram(u) && u->state == UNIX_CLOSED)
		events |= EPOLLHUP;
	if (!unix_writable(u))
		u->nospace = true;
	else if (!datagrams || peer_has_room(u))
		events |= EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;
	return events;
}

static int unix_ioctl(struct socket *so, unsigned cmd, uintptr_t arg)
{
	struct unix_sock *u = unix_of(so);
	uint32_t n;
	switch (cmd) {
	case TIOCOUTQ:
		n = u->wmem;
		break;
	case FIONREAD:
		if (u->state == UNIX_LISTENING)
			return -EINVAL;
		n = u->unread;
		if (unix_is_datagram(u))
			n = list_empty(&u->queue)
				? 0
				: list_entry(u->queue.next, struct unix_msg, link)->len;
		break;
	case SIOCUNIXFILE:
		return process_capable(CAP_NET_ADMIN) ? unix_open_name(u) : -EPERM;
	default:
		return -ENOTTY;
	}
	return put_user_u32(arg, n);
}

/* Who the peer is: socket(7), SO_PEERCRED and SO_PEERGROUPS. */

static int peer_cred(const struct unix_sock *u, void *val, unsigned *len)
{
	if (*len > sizeof u->cred)
		*len = sizeof u->cred;
	memcpy(val, &u->cred, *len);
	return 0;
}

static int peer_groups(const struct unix_sock *u, void *val, unsigned *len)
{
	unsigned n = 0, group;
	if (!u->cred.pid)
		return -ENODATA;
	while (process_group_at(n, &group))
		n++;
	unsigned need = n * (unsigned)sizeof group;
	if (*len < need) {
		*len = need;
		return -ERANGE;
	}
	for (unsigned i = 0; i < n && process_group_at(i, &group); i++)
		memcpy((uint8_t *)val + i * sizeof group, &group, sizeof group);
	*len = need;
	return 0;
}

static int unix_getsockopt(struct socket *so, int level, int name, void *val, unsigned *len)
{
	struct unix_sock *u = unix_of(so);
	if (level != SOL_SOCKET)
		return -EOPNOTSUPP;
	if (name == SO_PEERCRED)
		return peer_cred(u, val, len);
	if (name == SO_PEERGROUPS)
		return peer_groups(u, val, len);
	return -ENOPROTOOPT;
}

static int unix_setsockopt(struct socket *so, int level, int name, const void *val, unsigned len)
{
	(void)so, (void)name, (void)val, (void)len;
	return level == SOL_SOCKET ? -ENOPROTOOPT : -EOPNOTSUPP;
}

int unix_proc_line(struct socket *so, char *buf, size_t size)
{
	const struct unix_sock *u = unix_of(so);
	char name[UNIX_PATH_MAX + 2] = "";
	int state = u->so.file			 ? u->state == UNIX_CONNECTED ? 3 : 1
		    : u->state == UNIX_CONNECTED ? 2
						 : 4;
	if (u->addr)
		unix_addr_format(u->addr, name, sizeof name);
	return ksnprintf(buf, size, "%016x: %08X %08X %08X %04X %02X %5lu%s%s\n", 0, u->refs, 0,
			 u->state == UNIX_LISTENING ? 1u << 16 : 0, so->type, state,
			 (unsigned long)so->ino, *name ? " " : "", name);
}

#define COMMON                                                                                     \
	.name = "UNIX", .family = AF_UNIX, .size = sizeof(struct unix_sock),                       \
	.create = unix_create, .release = unix_release, .bind = unix_bind,                         \
	.shutdown = unix_shutdown, .getname = unix_getname, .poll = unix_poll,                     \
	.setsockopt = unix_setsockopt, .getsockopt = unix_getsockopt, .ioctl = unix_ioctl

static const struct proto unix_stream = {
    COMMON,
    .type = SOCK_STREAM,
    .connect = unix_stream_connect,
    .listen = unix_listen,
    .accept = unix_accept,
    .sendmsg = unix_stream_send,
    .recvmsg = unix_stream_receive,
};

static const struct proto unix_datagram = {
    COMMON,
    .type = SOCK_DGRAM,
    .connect = unix_datagram_connect,
    .sendmsg = unix_datagram_send,
    .recvmsg = unix_datagram_receive,
};

static const struct proto unix_raw = {
    COMMON,
    .type = SOCK_RAW,
    .connect = unix_datagram_connect,
    .sendmsg = unix_datagram_send,
    .recvmsg = unix_datagram_receive,
};

static const struct proto unix_seqpacket = {
    COMMON,
    .type = SOCK_SEQPACKET,
    .connect = unix_stream_connect,
    .listen = unix_listen,
    .accept = unix_accept,
    .sendmsg = unix_seqpacket_send,
    .recvmsg = unix_seqpacket_receive,
};

void unix_init(void)
{
	unix_name_init();
	socket_register(&unix_stream);
	socket_register(&unix_datagram);
	socket_register(&unix_seqpacket);
	socket_register(&unix_raw);
}
