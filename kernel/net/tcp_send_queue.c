/*
 * What the program has written and the peer has not acknowledged: pieces of the stream, each in
 * memory that packets refer to, so that a byte is copied once however often it is sent.
 */
#include <asm/errno.h>
#include "mm/kmalloc.h"
#include "net/tcp.h"

/* Payload of a large piece; with its headroom it fills a power of two. */
#define CHUNK	      32768u
#define CHUNK_PAYLOAD (CHUNK - PACKET_HEADROOM)
/* Room for writes that may still join a piece which cannot go at once. */
#define JOIN_ROOM 4096u
/* When to try again after memory was out. */
#define MEMORY_WAIT (20 * MS)

struct tcp_seg *tcp_seg_new(struct tcp_sock *tp, uint32_t seq, uint8_t flags)
{
	struct tcp_seg *s = kmalloc(sizeof *s);

	if (!s)
		return NULL;
	*s = (struct tcp_seg){.seq = seq, .flags = flags};
	list_init(&s->tx_link);
	list_add_tail(&tp->send_queue, &s->link);
	if (!tp->send_head)
		tp->send_head = s;
	tp->wmem += TCP_SEG_OVERHEAD;
	tcp_stats.segments++;
	return s;
}

void tcp_seg_free(struct tcp_sock *tp, struct tcp_seg *s)
{
	if (tp->send_head == s)
		tp->send_head = s->link.next == &tp->send_queue
				    ? NULL
				    : list_entry(s->link.next, struct tcp_seg, link);
	list_remove(&s->link);
	list_remove(&s->tx_link);
	tp->wmem -= s->len + TCP_SEG_OVERHEAD;
	if (s->buf)
		netbuf_put(s->buf);
	tcp_stats.segments--;
	kfree(s);
}

bool tcp_seg_split(struct tcp_sock *tp, struct tcp_seg *s, uint32_t len)
{
	struct tcp_seg *rest = kmalloc(sizeof *rest);

	if (!rest)
		return false;
	*rest = *s;
	rest->buf = netbuf_get(s->buf);
	rest->seq += len;
	rest->offset += len;
	rest->len -= len;
	rest->flags &= (uint8_t)~TH_SYN;
	rest->mark &= (uint8_t)~SEG_HEADROOM;
	s->len = len;
	s->flags &= (uint8_t) ~(TH_FIN | TH_PSH);
	s->mark &= (uint8_t)~SEG_TAIL;
	list_insert_after(&s->link, &rest->link);
	list_init(&rest->tx_link);
	if (!list_empty(&s->tx_link))
		list_insert_after(&s->tx_link, &rest->tx_link);
	tp->wmem += TCP_SEG_OVERHEAD;
	tcp_stats.segments++;
	return true;
}

void tcp_send_queue_purge(struct tcp_sock *tp)
{
	while (!list_empty(&tp->send_queue))
		tcp_seg_free(tp, list_entry(tp->send_queue.next, struct tcp_seg, link));
	tp->in_flight_sacked = tp->lost_out = tp->retrans_out = 0;
	tp->snd_una = tp->snd_nxt = tp->write_seq;
}

bool tcp_queue_fin(struct tcp_sock *tp)
{
	struct tcp_seg *s = NULL;

	if (!list_empty(&tp->send_queue))
		s = list_entry(tp->send_queue.prev, struct tcp_seg, link);
	if (!s || s->xmit_time || (s->flags & TH_SYN)) {
		s = tcp_seg_new(tp, tp->write_seq, 0);
		if (!s)
			return false;
	}
	s->flags |= TH_FIN;
	tp->write_seq++;
	tp->fin_queued = true;
	return true;
}

bool tcp_writable(const struct tcp_sock *tp)
{
	uint32_t sndbuf = tp->inet.so.sndbuf;

	if (tp->notsent_lowat && tp->write_seq - tp->snd_nxt >= tp->notsent_lowat)
		return false;
	return tp->wmem < sndbuf && sndbuf - tp->wmem >= tp->wmem / 2;
}

/* A new piece at the end, with room for want bytes. */
static struct tcp_seg *new_piece(struct tcp_sock *tp, uint32_t want, bool join)
{
	uint32_t size = want >= CHUNK_PAYLOAD ? CHUNK : want + PACKET_HEADROOM;
	struct netbuf *buf;
	struct tcp_seg *s;

	if (join && size < JOIN_ROOM)
		size = JOIN_ROOM - 64;
	buf = netbuf_alloc(size);
	if (!buf)
		return NULL;
	s = tcp_seg_new(tp, tp->write_seq, 0);
	if (!s) {
		netbuf_put(buf);
		return NULL;
	}
	s->buf = buf;
	s->offset = PACKET_HEADROOM;
	s->mark = SEG_HEADROOM | SEG_TAIL;
	return s;
}

/* Copies up to n bytes behind the payload of s. Bytes done. */
static uint32_t append(struct tcp_sock *tp, struct tcp_seg *s, struct uio *u, uint32_t n)
{
	uint32_t room = s->buf->size - s->offset - s->len, done;

	if (n > room)
		n = room;
	done = (uint32_t)uio_get(u, s->buf->data + s->offset + s->len, n);
	s->len += done;
	tp->wmem += done;
	tp->write_seq += done;
	return done;
}

static struct tcp_seg *tail_with_room(struct tcp_sock *tp)
{
	struct tcp_seg *s;

	if (!tp->send_head)
		return NULL;
	s = list_entry(tp->send_queue.prev, struct tcp_seg, link);
	if (s->xmit_time || !(s->mark & SEG_TAIL) || (s->flags & (TH_SYN | TH_FIN)) ||
	    s->offset + s->len >= s->buf->size)
		return NULL;
	return s;
}

/* A piece that refers to the message's bytes where they are. */
static struct tcp_seg *refer(struct tcp_sock *tp, struct socket_msg *m, uint32_t n)
{
	struct tcp_seg *s = tcp_seg_new(tp, tp->write_seq, 0);

	if (!s)
		return NULL;
	s->buf = netbuf_get(m->ref);
	s->offset = m->ref_offset;
	s->len = n < CHUNK ? n : CHUNK;
	tp->wmem += s->len;
	tp->write_seq += s->len;
	m->ref_offset += s->len;
	uio_skip(m->uio, s->len);
	return s;
}

static long sendmsg_check(struct tcp_sock *tp, const struct socket_msg *m)
{
	struct socket *so = tcp_so(tp);

	if (m->flags & MSG_FASTOPEN)
		return -EOPNOTSUPP;
	if (TCP_IN(tp, TCPF(TCP_SYN_SENT) | TCPF(TCP_SYN_RECV)) && !(so->shutdown & SEND_SHUTDOWN))
		return -EAGAIN;
	if (so->error)
		return socket_error(so);
	if (so->shutdown & SEND_SHUTDOWN || !TCP_IN(tp, TCPF_CAN_SEND))
		return -EPIPE;
	return 0;
}

/*
 * send(2), write(2) on a connection. Takes what the buffer has room for and sends what the windows
 * allow.
 */
long tcp_sendmsg(struct socket *so, struct socket_msg *m)
{
	struct tcp_sock *tp = tcp_of(so);
	struct tcp_seg *s = NULL;
	uint32_t unpushed = 0;
	long done = 0, err;

	tcp_clock_update();
	err = sendmsg_check(tp, m);
	if (err)
		return err;
	tp->more = (m->flags & MSG_MORE) != 0;
	while (m->uio->left > 0) {
		uint32_t want = m->uio->left > UINT32_MAX ? UINT32_MAX : (uint32_t)m->uio->left, n;

		if (tp->wmem >= so->sndbuf ||
		    (tp->notsent_lowat && tp->write_seq - tp->snd_nxt >= tp->notsent_lowat)) {
			tp->nospace = true;
			break;
		}
		s = m->ref ? refer(tp, m, want) : tail_with_room(tp);
		if (!s && !m->ref)
			s = new_piece(tp, want, tp->send_head != NULL || tp->more || tp->cork);
		if (!s) {
			/* No memory: the program waits, until others give some back. */
			tp->nospace = true;
			tcp_stats.mem_aborts++;
			tcp_timer_set(tp, TCP_T_MEMORY, tcp_now + MEMORY_WAIT);
			break;
		}
		n = m->ref ? s->len : append(tp, s, m->uio, want);
		done += n;
		unpushed += n;
		if (n == 0) {
			err = -EFAULT;
			break;
		}
		/* Large writes go while the rest is still being copied. */
		if (unpushed >= tp->gso_max && m->uio->left > 0) {
			tcp_output(tp);
			unpushed = 0;
		}
	}
	if (s && s->len == 0 && !s->xmit_time && !(s->flags & TH_FIN))
		tcp_seg_free(tp, s);
	else if (s && !tp->more)
		list_entry(tp->send_queue.prev, struct tcp_seg, link)->flags |= TH_PSH;
	if (m->flags & MSG_OOB && done > 0) {
		/* The urgent pointer is behind the last byte written (RFC 6093 2.1, as Linux). */
		tp->snd_up = tp->write_seq;
		tp->urg_out = true;
		tcp_output_force(tp);
	} else if (tp->send_head) {
		tcp_output(tp);
	}
	tcp_reap();
	if (done > 0)
		return done;
	return err ? err : m->uio->left > 0 ? -EAGAIN : 0;
}
