/* Urgent data (RFC 6093): one byte out of band, as the BSD interface has it. */
#include <asm/errno.h>
#include <linux/eventpoll.h>
#include "net/socket_abi.h"
#include "net/tcp.h"

/* The urgent pointer of an arriving segment; like Linux, it points behind the urgent byte. */
void tcp_urgent_in(struct tcp_sock *tp, const struct packet *p, uint16_t urg_ptr)
{
	uint32_t seq = p->tcp.seq + urg_ptr;

	if (urg_ptr)
		seq--;
	if (seq_lt(seq, tp->copied_seq))
		return; /* read already */
	if (seq_lt(seq, tp->rcv_nxt) && tp->urg_data && seq_leq(seq, tp->urg_seq))
		return;
	if (tp->urg_data && seq_leq(seq, tp->urg_seq))
		return;
	tp->urg_seq = seq;
	tp->urg_data = TCP_URG_NOTYET;
	/* The byte may be in this very segment. */
	if (seq_geq(seq, p->tcp.seq) && seq - p->tcp.seq < p->len) {
		uint8_t byte;

		packet_read(p, seq - p->tcp.seq, &byte, 1);
		tp->urg_data = (uint16_t)(TCP_URG_VALID | byte);
		socket_wake(tcp_so(tp), EPOLLPRI | EPOLLIN | EPOLLRDNORM);
	}
}

/* The byte came in a later segment than the pointer. */
void tcp_urgent_data(struct tcp_sock *tp, const struct packet *p)
{
	uint32_t at = tp->urg_seq - p->tcp.seq;
	uint8_t byte;

	if (tp->urg_data != TCP_URG_NOTYET || at >= p->len)
		return;
	packet_read(p, at, &byte, 1);
	tp->urg_data = (uint16_t)(TCP_URG_VALID | byte);
	socket_wake(tcp_so(tp), EPOLLPRI | EPOLLIN | EPOLLRDNORM);
}

/* recv with MSG_OOB: -EINVAL if there is none or it was read, -EAGAIN if it is still on its way. */
long tcp_recv_urgent(struct tcp_sock *tp, struct socket_msg *m)
{
	struct socket *so = tcp_so(tp);
	uint8_t byte;

	if (so->oobinline || !tp->urg_data || tp->urg_data == TCP_URG_READ)
		return -EINVAL;
	if (tp->state == TCP_CLOSE && !(so->shutdown & RCV_SHUTDOWN))
		return -ENOTCONN;
	if (tp->urg_data & TCP_URG_VALID) {
		byte = (uint8_t)tp->urg_data;
		if (!(m->flags & MSG_PEEK))
			tp->urg_data = TCP_URG_READ;
		m->flags |= MSG_OOB;
		if (m->uio->left == 0) {
			m->flags |= MSG_TRUNC;
			return 0;
		}
		return uio_put(m->uio, &byte, 1) == 1 ? 1 : -EFAULT;
	}
	if (tp->state == TCP_CLOSE || so->shutdown & RCV_SHUTDOWN)
		return 0;
	return -EAGAIN;
}
