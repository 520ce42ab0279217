/*
 * Messages of AF_UNIX: SOCK_DGRAM, and SOCK_SEQPACKET once connected (unix_stream.c connects). They
 * are reliable and in order; a receiver whose queue is full makes senders wait (unix(7)).
 */
#include <asm/errno.h>
#include <linux/eventpoll.h>
#include "net/unix_internal.h"
#include "vfs/file.h"

static bool may_send(const struct unix_sock *u, const struct unix_sock *to)
{
	return !to->peer || to->peer == u;
}

/* u is no longer other's correspondent: what other had sent is void, and other hears of it. */
static void disconnected(struct unix_sock *u, struct unix_sock *other)
{
	while (!list_empty(&u->queue)) {
		struct unix_msg *m = list_entry(u->queue.next, struct unix_msg, link);
		unix_dequeue(u, m);
		unix_msg_free(m);
	}
	unix_wake_blocked(u);
	if (!other->dead && other->peer == u)
		socket_set_error(&other->so, ECONNRESET, EPOLLERR);
}

int unix_datagram_connect(struct socket *so, const struct __kernel_sockaddr_storage *a,
			  unsigned len)
{
	struct unix_sock *u = unix_of(so), *to = NULL, *old = u->peer;
	int err = 0;
	if (len < sizeof a->ss_family)
		return -EINVAL;
	if (a->ss_family != AF_UNSPEC) {
		err = unix_lookup(u, a, len, &to);
		if (!err)
			err = unix_autobind_for_cred(u);
		if (!err && !may_send(u, to))
			err = -EPERM;
		if (err) {
			unix_put(to);
			return err;
		}
	}
	u->peer = to;
	u->state = to ? UNIX_CONNECTED : UNIX_CLOSED;
	if (to)
		to->state = UNIX_CONNECTED;
	unix_unblock(u);
	if (old && old != to) {
		disconnected(u, old);
		if (!old->peer)
			old->state = UNIX_CLOSED;
	}
	unix_put(old);
	/* Writability depends on the peer. */
	socket_wake(so, EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND);
	return 0;
}

/* The receiver that a message goes to: a reference. */
static int receiver(struct unix_sock *u, const struct socket_msg *m, struct unix_sock **to)
{
	*to = NULL;
	if (m->name_len)
		return unix_lookup(u, &m->name, m->name_len, to);
	if (!u->peer)
		return -ENOTCONN;
	*to = unix_get(u->peer);
	if (!u->peer->dead)
		return 0;
	if (u->so.type == SOCK_SEQPACKET)
		return -EPIPE;
	/* The correspondent is gone. */
	struct unix_sock *old = u->peer;
	u->peer = NULL;
	u->state = UNIX_CLOSED;
	unix_unblock(u);
	disconnected(u, old);
	unix_put(old);
	return -ECONNREFUSED;
}

/* May a message of len bytes go from u to to now? */
static int check_send(struct unix_sock *u, struct unix_sock *to, size_t len)
{
	if (len > UINT32_MAX || len + 32 > u->so.sndbuf)
		return -EMSGSIZE;
	int err = socket_error(&u->so);
	if (err)
		return err;
	if (u->so.shutdown & SEND_SHUTDOWN)
		return -EPIPE;
	if (u->wmem >= u->so.sndbuf) {
		u->nospace = true;
		return -EAGAIN;
	}
	if (!may_send(u, to))
		return -EPERM;
	if (to->so.shutdown & RCV_SHUTDOWN)
		return -EPIPE;
	if (to != u && to->peer != u && unix_queue_full(to)) {
		err = unix_block_on(u, to);
		return err ? err : -EAGAIN;
	}
	return 0;
}

static long send_to(struct unix_sock *u, struct unix_sock *to, struct socket_msg *m,
		    struct unix_send_scm *scm)
{
	struct unix_msg *msg;
	uint32_t len = (uint32_t)m->uio->left;
	int err = unix_msg_new(u, m->uio, len, &msg);
	if (err)
		return err;
	unix_scm_attach(msg, scm, u, to);
	unix_enqueue(to, msg);
	socket_wake(&to->so, EPOLLIN | EPOLLRDNORM | EPOLLRDBAND);
	return len;
}

static long send_message(struct unix_sock *u, struct socket_msg *m)
{
	struct unix_send_scm scm;
	struct unix_sock *to = NULL;
	if (m->flags & MSG_OOB)
		return -EOPNOTSUPP;
	long n = unix_scm_parse(m, &scm);
	if (!n)
		n = receiver(u, m, &to);
	if (!n)
		n = unix_autobind_for_cred(u);
	if (!n)
		n = check_send(u, to, m->uio->left);
	if (!n)
		n = send_to(u, to, m, &scm);
	unix_scm_drop(scm.files);
	unix_put(to);
	return n;
}

long unix_datagram_send(struct socket *so, struct socket_msg *m)
{
	return send_message(unix_of(so), m);
}

long unix_seqpacket_send(struct socket *so, struct socket_msg *m)
{
	struct unix_sock *u = unix_of(so);
	int err = socket_error(so);
	if (err)
		return err;
	if (u->state != UNIX_CONNECTED)
		return -ENOTCONN;
	m->name_len = 0;
	return send_message(u, m);
}

/* The message to read, *skip bytes of which have been peeked at. NULL: none. */
static struct unix_msg *next_message(struct unix_sock *u, bool peek, uint32_t *skip)
{
	*skip = peek && u->so.peek_off > 0 ? (uint32_t)u->so.peek_off : 0;
	list_for_each_entry (m, &u->queue, struct unix_msg, link) {
		if (*skip < m->len || (!*skip && !m->len))
			return m;
		*skip -= m->len;
	}
	return NULL;
}

static long nothing(struct unix_sock *u, const struct socket_msg *m)
{
	if (!(u->so.shutdown & RCV_SHUTDOWN))
		return -EAGAIN;
	/* A datagram socket that does not wait is told that there is nothing, even then. */
	bool wait = !(m->flags & MSG_DONTWAIT) && !(u->so.file && file_nonblock(u->so.file));
	return u->so.type == SOCK_SEQPACKET || wait ? 0 : -EAGAIN;
}

static void take(struct unix_sock *u, struct unix_msg *msg, struct unix_scm **files)
{
	if (u->so.peek_off > 0)
		u->so.peek_off =
		    (uint32_t)u->so.peek_off > msg->len ? u->so.peek_off - (int)msg->len : 0;
	*files = unix_scm_detach(msg);
	unix_dequeue(u, msg);
	if (!unix_queue_full(u))
		unix_wake_blocked(u);
}

long unix_datagram_receive(struct socket *so, struct socket_msg *m)
{
	struct unix_sock *u = unix_of(so);
	bool peek = m->flags & MSG_PEEK;
	uint32_t skip;
	if (m->flags & MSG_OOB)
		return -EOPNOTSUPP;
	m->name_len = 0;
	int err = socket_error(so);
	if (err)
		return err;
	struct unix_msg *msg = next_message(u, peek, &skip);
	if (!msg)
		return nothing(u, m);
	uint32_t left = msg->len - skip;
	uint32_t n = left < m->uio->left ? left : (uint32_t)m->uio->left;
	unix_put_name(m, msg->from);
	bool whole = unix_msg_copy(msg, skip, m->uio, n) == n;
	unsigned flags = m->flags;
	struct unix_cred cred = msg->cred;
	struct unix_scm *files = NULL;
	if (peek) {
		if (msg->scm)
			files = unix_scm_dup(msg->scm);
		if (u->so.peek_off >= 0)
			u->so.peek_off += (int)n;
	} else {
		take(u, msg, &files);
		unix_msg_free(msg);
	}
	if (!whole) {
		unix_scm_drop(files);
		return -EFAULT;
	}
	if (n < left)
		m->flags |= MSG_TRUNC;
	else
		m->flags &= ~(unsigned)MSG_TRUNC;
	unix_scm_receive(u, m, &cred, files);
	return flags & MSG_TRUNC ? left : n;
}

long unix_seqpacket_receive(struct socket *so, struct socket_msg *m)
{
	return unix_of(so)->state == UNIX_CONNECTED ? unix_datagram_receive(so, m) : -ENOTCONN;
}
