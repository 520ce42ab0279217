/* In-order bytes that wait for the program, in the packets that brought them. */
#include <asm/errno.h>
#include "net/tcp.h"

/* How much of the memory of packets is payload: what the window computes with. */
static void measure_ratio(struct tcp_sock *tp, const struct packet *p)
{
	uint32_t ratio;

	if (p->len < tp->rcv_mss ||
	    (p->truesize == tp->rcv_ratio_truesize && p->len == tp->rcv_ratio_len))
		return;
	tp->rcv_ratio_truesize = p->truesize;
	tp->rcv_ratio_len = p->len;
	ratio = (uint32_t)(((uint64_t)p->len << 8) / p->truesize);
	tp->rcv_ratio = (uint16_t)(ratio > 250 ? 250 : ratio < 32 ? 32 : ratio);
}

bool tcp_rmem_schedule(struct tcp_sock *tp, uint32_t truesize)
{
	uint32_t limit = tp->inet.so.rcvbuf;

	if (tp->rmem + truesize <= limit)
		return true;
	tcp_ooo_prune(tp);
	/* What was offered is taken, though small packets weigh more than the window foresaw. */
	return tp->rmem + truesize <= 2 * limit || list_empty(&tp->receive_queue);
}

void tcp_receive(struct tcp_sock *tp, struct packet *p)
{
	uint32_t len = p->len, truesize = p->truesize;

	if (len == 0) { /* a FIN alone */
		packet_free(p);
		return;
	}
	measure_ratio(tp, p);
	tp->rcv_nxt += len;
	tp->rcv_queued += len;
	tp->bytes_received += len;
	tp->data_in++;
	if (tcp_packet_join(tp, &tp->receive_queue, p))
		return;
	tp->rmem += truesize;
	list_add_tail(&tp->receive_queue, &p->link);
}

void tcp_receive_purge(struct tcp_sock *tp)
{
	list_for_each_entry_safe (p, &tp->receive_queue, struct packet, link) {
		list_remove(&p->link);
		tp->rmem -= p->truesize;
		packet_free(p);
	}
	tp->rcv_queued = 0;
}

uint32_t tcp_readable(const struct tcp_sock *tp)
{
	uint32_t n = tp->rcv_queued;

	/* Urgent data: up to the mark, and the byte itself only inline. */
	if (tp->urg_data && seq_geq(tp->urg_seq, tp->copied_seq) &&
	    seq_lt(tp->urg_seq, tp->copied_seq + n)) {
		uint32_t before = tp->urg_seq - tp->copied_seq;

		if (before)
			return before;
		return tp->inet.so.oobinline ? n : n - 1;
	}
	return n;
}

/* How many bytes from seq on may be copied in one go, given urgent data. 0: stop here. *skip: the
 * byte at seq is the urgent one and is passed over. */
static uint32_t urgent_limit(struct tcp_sock *tp, uint32_t seq, uint32_t n, bool copied, bool *skip)
{
	uint32_t before;

	*skip = false;
	if (!tp->urg_data || seq_lt(tp->urg_seq, seq) || seq_geq(tp->urg_seq, seq + n))
		return n;
	before = tp->urg_seq - seq;
	if (before)
		return before;
	if (copied)
		return 0; /* a read ends at the mark */
	if (!tp->inet.so.oobinline) {
		*skip = true;
		return 1;
	}
	return n;
}

static void consume(struct tcp_sock *tp, struct packet *p, uint32_t n)
{
	tp->copied_seq += n;
	tp->rcv_queued -= n;
	if (n == p->len) {
		list_remove(&p->link);
		tp->rmem -= p->truesize;
		packet_free(p);
	} else {
		packet_skip(p, n);
	}
	if (tp->urg_data && seq_gt(tp->copied_seq, tp->urg_seq))
		tp->urg_data = 0;
}

static long read_nothing(struct tcp_sock *tp)
{
	struct socket *so = tcp_so(tp);

	if (so->error)
		return socket_error(so);
	if (so->shutdown & RCV_SHUTDOWN)
		return 0;
	if (tp->state == TCP_CLOSE)
		return -ENOTCONN;
	return -EAGAIN;
}

long tcp_recvmsg(struct socket *so, struct socket_msg *m)
{
	struct tcp_sock *tp = tcp_of(so);
	bool peek = m->flags & MSG_PEEK, trunc = m->flags & MSG_TRUNC;
	uint32_t copied = 0, offset = 0, seq = tp->copied_seq;
	struct packet *p;
	long err = 0;

	if (m->flags & MSG_ERRQUEUE)
		return inet_recv_error(&tp->inet, m);
	if (tp->state == TCP_LISTEN)
		return -ENOTCONN;
	tcp_clock_update();
	if (m->flags & MSG_OOB)
		return tcp_recv_urgent(tp, m);
	m->name_len = 0;
	m->flags &= (unsigned)~MSG_TRUNC;
	p = list_entry(tp->receive_queue.next, struct packet, link);
	while (&p->link != &tp->receive_queue && m->uio->left > 0) {
		struct packet *next = list_entry(p->link.next, struct packet, link);
		uint32_t n = p->len - offset, done;
		bool skip;

		if (n > m->uio->left)
			n = (uint32_t)m->uio->left;
		n = urgent_limit(tp, seq, n, copied > 0, &skip);
		if (n == 0)
			break;
		if (skip) {
			done = n;
		} else if (trunc) {
			uio_skip(m->uio, n);
			done = n;
		} else {
			done = packet_read_uio(p, offset, m->uio, n);
		}
		if (!skip)
			copied += done;
		seq += done;
		if (peek) {
			offset += done;
			if (offset == p->len) {
				offset = 0;
				p = next;
			}
		} else {
			bool whole = done == p->len;

			consume(tp, p, done);
			if (whole)
				p = next;
		}
		if (done < n) {
			err = -EFAULT;
			break;
		}
	}
	if (copied == 0 && !err)
		err = read_nothing(tp);
	if (copied && tp->inq) {
		int left = (int)tcp_readable(tp);

		cmsg_put(m, IPPROTO_TCP, TCP_CM_INQ, &left, sizeof left);
	}
	if (!peek && copied) {
		tcp_rcv_adjust(tp);
		tcp_cleanup_rbuf(tp, copied);
	}
	tcp_reap();
	return copied ? (long)copied : err;
}
