/*
 * Connections of AF_UNIX: connect, listen and accept (of SOCK_SEQPACKET too), and SOCK_STREAM's
 * bytes. unix(7), and Linux's behaviour where that is silent.
 *
 * connect(2) is done at once: it makes the socket that accept(2) will return, with the client as
 * its peer, and puts it into the listener's queue. The client can write before anybody accepts.
 */
#include <asm/errno.h>
#include <linux/eventpoll.h>
#include "net/unix_internal.h"
#include "vfs/file.h"

static void become_peers(struct unix_sock *a, struct unix_sock *b)
{
	a->peer = unix_get(b);
	b->peer = unix_get(a);
	a->state = b->state = UNIX_CONNECTED;
}

int unix_pair(struct socket *sa, struct socket *sb)
{
	struct unix_sock *a = unix_of(sa), *b = unix_of(sb);
	become_peers(a, b);
	a->cred = b->cred = unix_current_cred();
	return 0;
}

/* May u connect to l? */
static int check_listener(const struct unix_sock *u, const struct unix_sock *l)
{
	if (l->state != UNIX_LISTENING || (l->so.shutdown & RCV_SHUTDOWN))
		return -ECONNREFUSED;
	if (l->queued > l->backlog)
		return -EAGAIN;
	return u->state == UNIX_CLOSED ? 0 : u->state == UNIX_CONNECTED ? -EISCONN : -EINVAL;
}

static int connect_to(struct unix_sock *u, struct unix_sock *l)
{
	int err = check_listener(u, l);
	if (err == -EAGAIN) {
		int r = unix_block_on(u, l);
		return r ? r : err;
	}
	if (err)
		return err;
	struct socket *so = socket_alloc(l->so.proto, AF_UNIX);
	if (!so)
		return -ENOMEM;
	struct unix_sock *e = unix_of(so);
	unix_setup(e);
	unix_inherit_name(e, l);
	become_peers(u, e);
	e->cred = unix_current_cred();
	u->cred = l->cred;
	list_add_tail(&l->accepting, &e->embryo_link);
	l->queued++;
	unix_unblock(u);
	socket_wake(&l->so, EPOLLIN | EPOLLRDNORM);
	return 0;
}

int unix_stream_connect(struct socket *so, const struct __kernel_sockaddr_storage *a, unsigned len)
{
	struct unix_sock *u = unix_of(so), *l;
	int err = unix_lookup(u, a, len, &l);
	if (err)
		return err;
	err = unix_autobind_for_cred(u);
	if (!err)
		err = connect_to(u, l);
	unix_put(l);
	return err;
}

int unix_listen(struct socket *so, int backlog)
{
	struct unix_sock *u = unix_of(so);
	if (!u->addr || u->state == UNIX_CONNECTED)
		return -EINVAL;
	bool more = (unsigned)backlog > u->backlog;
	u->backlog = (unsigned)backlog;
	u->state = UNIX_LISTENING;
	u->so.acceptconn = true;
	u->cred = unix_current_cred();
	if (more)
		unix_wake_blocked(u);
	return 0;
}

int unix_accept(struct socket *so, struct socket **conn)
{
	struct unix_sock *u = unix_of(so);
	if (u->state != UNIX_LISTENING)
		return -EINVAL;
	if (list_empty(&u->accepting)) {
		/* Who does not wait is told that there is nobody, even then. */
		bool wait = so->file && !file_nonblock(so->file);
		return wait && (so->shutdown & RCV_SHUTDOWN) ? -EINVAL : -EAGAIN;
	}
	struct unix_sock *e = list_entry(u->accepting.next, struct unix_sock, embryo_link);
	list_remove(&e->embryo_link);
	u->queued--;
	e->so.passcred = so->passcred;
	unix_wake_blocked(u);
	*conn = &e->so;
	return 0;
}

static int send_check(struct unix_sock *u, const struct socket_msg *m)
{
	if (m->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (m->name_len)
		return u->state == UNIX_CONNECTED ? -EISCONN : -EOPNOTSUPP;
	if (!u->peer)
		return -ENOTCONN;
	return u->so.shutdown & SEND_SHUTDOWN ? -EPIPE : 0;
}

/* One message of what is left in m->uio. Bytes, -errno. */
static long send_piece(struct unix_sock *u, struct socket_msg *m, struct unix_send_scm *scm)
{
	struct unix_sock *peer = u->peer;
	uint32_t n = u->so.sndbuf / 2 > 64 ? u->so.sndbuf / 2 - 64 : 1;
	struct unix_msg *msg;
	if (n > UNIX_PIECE)
		n = UNIX_PIECE;
	if (n > m->uio->left)
		n = (uint32_t)m->uio->left;
	int err = socket_error(&u->so);
	if (err)
		return err;
	if (peer->dead || (u->so.shutdown & SEND_SHUTDOWN) || (peer->so.shutdown & RCV_SHUTDOWN))
		return -EPIPE;
	if (u->wmem >= u->so.sndbuf)
		return -EAGAIN;
	err = unix_msg_new(u, m->uio, n, &msg);
	if (err)
		return err;
	unix_scm_attach(msg, scm, u, peer);
	unix_enqueue(peer, msg);
	socket_wake(&peer->so, EPOLLIN | EPOLLRDNORM | EPOLLRDBAND);
	return n;
}

long unix_stream_send(struct socket *so, struct socket_msg *m)
{
	struct unix_sock *u = unix_of(so);
	struct unix_send_scm scm;
	long done = 0;
	int err = unix_scm_parse(m, &scm);
	if (!err)
		err = send_check(u, m);
	while (!err && m->uio->left) {
		long n = send_piece(u, m, &scm);
		if (n < 0)
			err = (int)n;
		else
			done += n;
	}
	if (err == -EAGAIN)
		u->nospace = true;
	unix_scm_drop(scm.files);
	if (done)
		m->control_len = 0; /* what goes on after this goes without */
	return done ? done : err;
}

/* A receive in progress. */
struct reading {
	struct unix_sock *u;
	struct socket_msg *m;
	struct unix_cred cred;
	struct unix_scm *files;
	bool started;
	uint32_t skip; /* bytes to pass over, peeking */
	long done;
};

static bool same_cred(const struct unix_cred *a, const struct unix_cred *b)
{
	return a->pid == b->pid && a->uid == b->uid && a->gid == b->gid;
}

/* Takes n bytes of msg, which have been copied. True: the receive may go on with the next one. */
static bool consume(struct reading *r, struct unix_msg *msg, uint32_t n)
{
	struct unix_sock *u = r->u;
	msg->read += n;
	u->unread -= n;
	if (u->so.peek_off > 0)
		u->so.peek_off = (uint32_t)u->so.peek_off > n ? u->so.peek_off - (int)n : 0;
	if (msg->scm) {
		unix_scm_drop(r->files);
		r->files = unix_scm_detach(msg);
	}
	if (msg->read < msg->len)
		return false;
	unix_dequeue(u, msg);
	unix_msg_free(msg);
	return !r->files;
}

static bool look(struct reading *r, struct unix_msg *msg, uint32_t n)
{
	if (r->u->so.peek_off >= 0)
		r->u->so.peek_off += (int)n;
	r->skip = 0;
	if (!msg->scm)
		return true;
	r->files = unix_scm_dup(msg->scm);
	return false;
}

/* Handles one message. True: go on with the next. */
static bool read_message(struct reading *r, struct unix_msg *msg)
{
	uint32_t left = msg->len - msg->read;
	bool peek = r->m->flags & MSG_PEEK;
	if (r->skip >= left) {
		r->skip -= left;
		return true;
	}
	if (!r->started) {
		r->started = true;
		r->cred = msg->cred;
		unix_put_name(r->m, msg->from);
	} else if (r->u->so.passcred && !same_cred(&r->cred, &msg->cred)) {
		return false; /* never glue what different people wrote */
	}
	uint32_t n = left - r->skip;
	if (n > r->m->uio->left)
		n = (uint32_t)r->m->uio->left;
	uint32_t got = unix_msg_copy(msg, msg->read + r->skip, r->m->uio, n);
	if (!got && n) {
		if (!r->done)
			r->done = -EFAULT;
		return false;
	}
	r->done += got;
	bool more = peek ? look(r, msg, got) : consume(r, msg, got);
	return more && got == n && r->m->uio->left;
}

/* The queue has nothing for this call. */
static long nothing(struct unix_sock *u)
{
	int err = socket_error(&u->so);
	if (err)
		return err;
	return u->so.shutdown & RCV_SHUTDOWN ? 0 : -EAGAIN;
}

long unix_stream_receive(struct socket *so, struct socket_msg *m)
{
	struct unix_sock *u = unix_of(so);
	struct reading r = {.u = u, .m = m};
	if (u->state != UNIX_CONNECTED)
		return -EINVAL;
	if (m->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if ((m->flags & MSG_PEEK) && u->so.peek_off > 0)
		r.skip = (uint32_t)u->so.peek_off;
	m->name_len = 0;
	list_for_each_entry_safe (msg, &u->queue, struct unix_msg, link)
		if (!read_message(&r, msg))
			break;
	if (!r.started)
		return nothing(u);
	if (r.done >= 0)
		unix_scm_receive(u, m, &r.cred, r.files);
	else
		unix_scm_drop(r.files);
	return r.done;
}
