/* Segments for a connection: RFC 9293 3.10.7, with the checks of RFC 5961 and RFC 7323. */
#include <asm/errno.h>
#include <linux/eventpoll.h>
#include "net/net.h"
#include "net/tcp.h"

/* The timestamps option in its usual place: NOP NOP 8 10. */
#define TS_WORD 0x0101080au

void tcp_wake_read(struct tcp_sock *tp)
{
	struct socket *so = tcp_so(tp);

	if (so->rcvlowat <= 1 || tp->rcv_queued >= so->rcvlowat || so->shutdown & RCV_SHUTDOWN)
		socket_wake(so, EPOLLIN | EPOLLRDNORM);
}

/* The peer's FIN is next in sequence (eighth step). */
void tcp_fin(struct tcp_sock *tp)
{
	struct socket *so = tcp_so(tp);
	uint32_t events = EPOLLIN | EPOLLRDNORM | EPOLLRDHUP;

	tp->rcv_nxt++;
	so->shutdown |= RCV_SHUTDOWN;
	switch (tp->state) {
	case TCP_SYN_RECV:
	case TCP_ESTABLISHED:
		tp->state = TCP_CLOSE_WAIT;
		/* A program that was served is likely to close, too. */
		if (tp->bytes_received)
			tcp_ack_later(tp);
		else
			tcp_ack_now(tp);
		break;
	case TCP_FIN_WAIT1: /* both at once; our FIN is not acknowledged */
		tp->state = TCP_CLOSING;
		tcp_ack_now(tp);
		break;
	case TCP_FIN_WAIT2:
		tcp_send_ack(tp);
		tcp_ooo_purge(tp);
		tcp_enter_timewait(tp);
		return;
	default:
		tcp_ack_now(tp);
		return;
	}
	tcp_ooo_purge(tp);
	if (so->shutdown == (RCV_SHUTDOWN | SEND_SHUTDOWN))
		events |= EPOLLHUP;
	socket_wake(so, events);
}

/* Payload and FIN of an acceptable segment (seventh and eighth step). Takes p. */
static void data_in(struct tcp_sock *tp, struct packet *p, const struct tcp_options *o)
{
	uint32_t len = p->len, wnd = tcp_rcv_wnd(tp);
	bool fin = tcp_flag(p, TH_FIN), push = tcp_flag(p, TH_PSH);

	if (p->tcp.seq == p->tcp.end_seq) {
		packet_free(p);
		return;
	}
	if (seq_leq(p->tcp.end_seq, tp->rcv_nxt)) {
		/* A retransmission of what is here: say so (RFC 2883). */
		if (tp->sack_ok) {
			tp->dsack = true;
			tp->dsack_block = (struct tcp_sack_block){p->tcp.seq, p->tcp.end_seq};
		}
		tcp_enter_quickack(tp, 16);
		tcp_ack_now(tp);
		packet_free(p);
		return;
	}
	if (seq_geq(p->tcp.seq, tp->rcv_nxt + wnd) && !(fin && len == 0)) {
		tcp_ack_now(tp); /* a window probe */
		packet_free(p);
		return;
	}
	if (seq_gt(p->tcp.seq + len, tp->rcv_nxt + wnd)) {
		uint32_t keep = tp->rcv_nxt + wnd - p->tcp.seq;

		packet_trim(p, keep);
		p->tcp.end_seq = p->tcp.seq + keep;
		p->tcp.flags &= (uint8_t)~TH_FIN;
		fin = false;
		len = keep;
	}
	if (seq_lt(p->tcp.seq, tp->rcv_nxt)) {
		uint32_t old = tp->rcv_nxt - p->tcp.seq;

		if (tp->sack_ok) {
			tp->dsack = true;
			tp->dsack_block = (struct tcp_sack_block){p->tcp.seq, tp->rcv_nxt};
		}
		packet_skip(p, old);
		p->tcp.seq += old;
		len -= old;
	}
	if (p->tcp.seq != tp->rcv_nxt) {
		tcp_enter_quickack(tp, 16);
		tcp_ooo_insert(tp, p);
		tcp_ack_now(tp);
		return;
	}
	if (len && !tcp_rmem_schedule(tp, p->truesize)) {
		tcp_stats.rcv_pruned++;
		tcp_ack_now(tp);
		packet_free(p);
		return;
	}
	if (len > tp->rcv_mss)
		tp->rcv_mss = (uint16_t)(len < tp->adv_mss ? len : tp->adv_mss);
	tp->last_recv = tcp_now;
	if (tp->urg_data == TCP_URG_NOTYET)
		tcp_urgent_data(tp, p);
	if (len)
		tcp_rcv_rtt_measure(tp, p, o);
	tcp_receive(tp, p);
	if (fin)
		tcp_fin(tp);
	else
		tcp_ack_data(tp, len, push);
	if (tp->nislands && tp->state != TCP_CLOSE)
		tcp_ooo_advance(tp);
	if (len)
		tcp_wake_read(tp);
}

/*
 * Header prediction: the next segment in sequence of an undisturbed connection, which nearly all
 * are. True: done, p is taken.
 */
static bool predicted(struct tcp_sock *tp, struct packet *p)
{
	const uint8_t *h = p->l4;
	struct tcp_options o;
	uint32_t len = p->len;
	bool push = h[13] & TH_PSH;

	if (tp->state != TCP_ESTABLISHED || (h[13] & ~TH_PSH) != TH_ACK ||
	    p->tcp.seq != tp->rcv_nxt || tp->nislands || tp->urg_data ||
	    seq_lt(p->tcp.ack, tp->snd_una) || seq_gt(p->tcp.ack, tp->snd_nxt) ||
	    len > tcp_rcv_wnd(tp) || tp->rmem + p->truesize > tp->inet.so.rcvbuf)
		return false;
	o.has_ts = false;
	o.nsack = 0;
	if (tp->ts_ok) {
		if (h[12] != (TCP_HEADER + TCP_TS_SPACE) / 4 << 4 || get_be32(h + 20) != TS_WORD)
			return false;
		o.has_ts = true;
		o.ts_val = get_be32(h + 24);
		o.ts_ecr = get_be32(h + 28);
		if (seq_lt(o.ts_val, tp->ts_recent))
			return false;
		if (seq_leq(p->tcp.seq, tp->last_ack_sent)) {
			tp->ts_recent = o.ts_val;
			tp->ts_recent_stamp = tcp_now;
		}
	} else if (h[12] != TCP_HEADER / 4 << 4) {
		return false;
	}
	tp->segs_in++;
	if (p->tcp.ack != tp->snd_una || len == 0 || p->tcp.window << tp->snd_wscale != tp->snd_wnd)
		tcp_ack(tp, p, &o);
	if (len == 0) {
		packet_free(p);
		return true;
	}
	if (len > tp->rcv_mss)
		tp->rcv_mss = (uint16_t)(len < tp->adv_mss ? len : tp->adv_mss);
	/* After a pause the peer's window may have to grow again. */
	if (tcp_now - tp->last_recv > tp->rto && !tp->pingpong)
		tp->quick = 16;
	tp->last_recv = tcp_now;
	tcp_rcv_rtt_measure(tp, p, &o);
	tcp_receive(tp, p);
	tcp_ack_data(tp, len, push);
	tcp_wake_read(tp);
	return true;
}

/* Second step: RST (RFC 5961 3.2). */
static void reset_in(struct tcp_sock *tp, const struct packet *p)
{
	bool match = p->tcp.seq == tp->rcv_nxt;

	/* A peer whose segments overtook each other counts from the end of what it sent. */
	list_for_each_entry (i, &tp->islands, struct tcp_island, link) {
		match = match || p->tcp.seq == i->end;
	}
	if (!match) {
		tcp_challenge_ack(tp);
		return;
	}
	tcp_stats.estab_resets += TCP_IN(tp, TCPF(TCP_ESTABLISHED) | TCPF(TCP_CLOSE_WAIT));
	switch (tp->state) {
	case TCP_CLOSE_WAIT:
		tcp_done(tp, EPIPE);
		break;
	case TCP_SYN_RECV:
		tcp_done(tp, ECONNREFUSED);
		break;
	default:
		tcp_done(tp, ECONNRESET);
	}
}

/* The first steps: is the segment acceptable? False: it is not, and has been answered. */
static bool acceptable(struct tcp_sock *tp, const struct packet *p, const struct tcp_options *o)
{
	/* PAWS (RFC 7323 5.3): a timestamp older than the last one, unless that is itself old. */
	if (tp->ts_ok && o->has_ts && seq_lt(o->ts_val, tp->ts_recent) &&
	    tcp_now - tp->ts_recent_stamp < TCP_PAWS_24DAYS && !tcp_flag(p, TH_RST)) {
		tcp_stats.paws++;
		/* Unless it is a disordered ACK, which is harmless. */
		tcp_oow_ack(tp, p);
		return false;
	}
	if (seq_lt(p->tcp.end_seq, tp->rcv_wup) ||
	    seq_gt(p->tcp.seq, tp->rcv_nxt + tcp_rcv_wnd(tp))) {
		if (!tcp_flag(p, TH_RST)) {
			if (tcp_flag(p, TH_SYN)) {
				tcp_challenge_ack(tp);
			} else {
				if (tp->sack_ok && p->len && seq_leq(p->tcp.end_seq, tp->rcv_nxt)) {
					tp->dsack = true;
					tp->dsack_block =
					    (struct tcp_sack_block){p->tcp.seq, p->tcp.end_seq};
				}
				tcp_oow_ack(tp, p);
			}
		}
		return false;
	}
	if (tcp_flag(p, TH_RST)) {
		reset_in(tp, p);
		return false;
	}
	if (tcp_flag(p, TH_SYN)) {
		/* The other end of a simultaneous open sends its SYN again with the ACK. */
		if (tp->state == TCP_SYN_RECV && p->tcp.seq == tp->irs)
			return true;
		tcp_challenge_ack(tp); /* RFC 5961 4 */
		return false;
	}
	return tcp_flag(p, TH_ACK);
}

/* What the acknowledgment of our FIN, or of our SYN, changes. False: the connection has ended. */
static bool states_after_ack(struct tcp_sock *tp, const struct packet *p)
{
	bool fin_acked = tp->fin_queued && tp->snd_una == tp->write_seq;

	switch (tp->state) {
	case TCP_SYN_RECV: /* simultaneous open */
		if (seq_leq(p->tcp.ack, tp->iss) || seq_gt(p->tcp.ack, tp->snd_nxt)) {
			tcp_reset_reply(p);
			return false;
		}
		tcp_enter_established(tp);
		break;
	case TCP_FIN_WAIT1:
		if (!fin_acked)
			break;
		tp->state = TCP_FIN_WAIT2;
		tp->inet.so.shutdown |= SEND_SHUTDOWN;
		if (tp->orphan) {
			if (tp->linger2 < 0) {
				tcp_done(tp, 0);
				return false;
			}
			tcp_timer_set(tp, TCP_T_LINGER,
				      tcp_now + (tp->linger2 ? (uint64_t)tp->linger2 * SECOND
							     : TCP_TIMEWAIT_LEN));
		} else {
			socket_wake(tcp_so(tp), EPOLLOUT | EPOLLWRNORM);
		}
		break;
	case TCP_CLOSING:
		if (fin_acked) {
			tcp_enter_timewait(tp);
			return false;
		}
		break;
	case TCP_LAST_ACK:
		if (fin_acked) {
			tcp_done(tp, 0);
			return false;
		}
		break;
	default:
		break;
	}
	return true;
}

/* SYN-SENT (RFC 9293 3.10.7.3). */
static void syn_sent(struct tcp_sock *tp, struct packet *p, const struct tcp_options *o)
{
	bool ack_ok = tcp_flag(p, TH_ACK) && p->tcp.ack == tp->snd_nxt;

	if (tcp_flag(p, TH_ACK) && !ack_ok) {
		tcp_reset_reply(p);
		return;
	}
	/* An echo from before this connection is of an old one (RFC 7323 5.3, as Linux). */
	if (ack_ok && tp->ts_ok && o->has_ts && o->ts_ecr && (seq_gt(o->ts_ecr, tcp_ts_now(tp)))) {
		tcp_reset_reply(p);
		return;
	}
	if (tcp_flag(p, TH_RST)) {
		if (ack_ok)
			tcp_done(tp, ECONNREFUSED);
		return;
	}
	if (!tcp_flag(p, TH_SYN))
		return;
	tp->irs = p->tcp.seq;
	tp->rcv_nxt = tp->rcv_wup = tp->last_ack_sent = tp->copied_seq = p->tcp.seq + 1;
	tp->rcv_adv = tp->rcv_nxt + tp->rcv_adv; /* held the size of the window so far */
	tp->ts_ok = tp->ts_ok && o->has_ts;
	tp->sack_ok = tp->sack_ok && o->sack_ok;
	tp->wscale_ok = tp->wscale_ok && o->has_wscale;
	if (tp->wscale_ok) {
		tp->snd_wscale = o->wscale;
	} else {
		tp->snd_wscale = tp->rcv_wscale = 0;
	}
	if (tp->ts_ok) {
		tp->ts_recent = o->ts_val;
		tp->ts_recent_stamp = tcp_now;
	}
	tp->peer_mss = o->mss ? o->mss : ip_is_v4(&tp->inet.remote) ? 536 : 1220;
	tp->snd_wl1 = p->tcp.seq;
	tp->snd_wnd = tp->max_wnd = p->tcp.window; /* never scaled in a SYN */
	tp->pmtu = 0;
	if (tcp_route(tp))
		tcp_sync_mss(tp);
	if (!ack_ok) {
		/* Both have opened at once. */
		struct tcp_seg *s = list_entry(tp->send_queue.next, struct tcp_seg, link);

		tp->state = TCP_SYN_RECV;
		tcp_send_syn(tp, s);
		return;
	}
	tp->last_recv = tcp_now;
	tp->state = TCP_ESTABLISHED;
	tp->rcv_queued = 0;
	tcp_ack(tp, p, o);
	tcp_enter_established(tp);
	/* Data may be behind the SYN. */
	tcp_ack_now(tp);
	if (p->len || tcp_flag(p, TH_FIN)) {
		struct packet *data = packet_clone(p, 0);

		if (data) {
			data->tcp = p->tcp;
			data->tcp.seq++;
			data->tcp.flags &= (uint8_t)~TH_SYN;
			data_in(tp, data, o);
		}
	}
}

void tcp_enter_established(struct tcp_sock *tp)
{
	uint16_t mss;

	tp->state = TCP_ESTABLISHED;
	if (tcp_route(tp)) {
		tp->pmtu = 0;
		tcp_sync_mss(tp);
	}
	mss = tp->mss;
	tcp_cc_init(&tp->cc, tp->cc.ops, mss);
	/* RFC 6298 5.7, RFC 6928 3: a SYN that was lost once says that the path is bad. */
	if (tp->syn_retries > 1)
		tp->cc.cwnd = mss;
	tp->rcv_mss = mss < 536 ? mss : 536;
	if (mss < tp->rcv_mss || tp->rcv_mss == 0)
		tp->rcv_mss = 536;
	tp->round_mark = tp->snd_nxt;
	tp->high_seq = tp->snd_una;
	tp->rack_fack = tp->rack_round = tp->snd_una;
	tp->quick = 16;
	tp->backoff = tp->retransmits = 0;
	tp->snd_sml = tp->snd_una;
	tp->retrans_time = 0;
	tcp_window_init(tp);
	tcp_sndbuf_expand(tp);
	tp->last_recv = tp->last_ack_time = tcp_now;
	if (tp->inet.so.keepalive)
		tcp_keepalive_start(tp);
	tcp_timer_clear(tp, TCP_T_RTO);
	if (!tp->queued_for_accept)
		socket_wake(tcp_so(tp), EPOLLOUT | EPOLLWRNORM);
}

void tcp_segment(struct tcp_sock *tp, struct packet *p)
{
	const uint8_t *h = p->l4;
	struct tcp_options o;

	if (predicted(tp, p))
		return;
	tp->segs_in++;
	tcp_parse_options(h + TCP_HEADER, (unsigned)(h[12] >> 4) * 4 - TCP_HEADER,
			  tcp_flag(p, TH_SYN), &o);
	if (tp->state == TCP_SYN_SENT) {
		syn_sent(tp, p, &o);
		packet_free(p);
		return;
	}
	if (tp->state == TCP_CLOSE) {
		tcp_reset_reply(p);
		packet_free(p);
		return;
	}
	if (!acceptable(tp, p, &o)) {
		packet_free(p);
		return;
	}
	if (tp->ts_ok && o.has_ts && seq_geq(o.ts_val, tp->ts_recent) &&
	    seq_leq(p->tcp.seq, tp->last_ack_sent)) {
		tp->ts_recent = o.ts_val;
		tp->ts_recent_stamp = tcp_now;
	}
	if (tp->state == TCP_SYN_RECV &&
	    (seq_leq(p->tcp.ack, tp->iss) || seq_gt(p->tcp.ack, tp->snd_nxt))) {
		if (tcp_flag(p, TH_SYN))
			tcp_send_syn(tp, list_entry(tp->send_queue.next, struct tcp_seg, link));
		else
			tcp_reset_reply(p);
		packet_free(p);
		return;
	}
	if (tcp_flag(p, TH_SYN)) { /* of a simultaneous open: it has been counted */
		p->tcp.seq++;
		p->tcp.flags &= (uint8_t)~TH_SYN;
	}
	if (!tcp_ack(tp, p, &o) || tp->state == TCP_CLOSE || !states_after_ack(tp, p)) {
		packet_free(p);
		return;
	}
	if (tcp_flag(p, TH_URG))
		tcp_urgent_in(tp, p, get_be16(h + 18));
	if (!TCP_IN(tp, TCPF(TCP_ESTABLISHED) | TCPF(TCP_FIN_WAIT1) | TCPF(TCP_FIN_WAIT2))) {
		/* The peer has sent its FIN; all it sends is old. */
		if (p->len || tcp_flag(p, TH_FIN))
			tcp_ack_now(tp);
		packet_free(p);
		return;
	}
	/* Nobody will ever read this (RFC 2525 2.17, RFC 9293 3.10.7.4 after close). */
	if (tp->orphan && p->len && seq_gt(p->tcp.seq + p->len, tp->rcv_nxt)) {
		tcp_reset_reply(p);
		tcp_done(tp, 0);
		packet_free(p);
		return;
	}
	data_in(tp, p, &o);
}
