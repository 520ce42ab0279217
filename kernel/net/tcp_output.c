/*
 * What may be sent, and when: windows, Nagle, silly windows, corks (RFC 9293 3.7.4, 3.8.6.2),
 * congestion (RFC 5681), and the size of the packets given to segmentation offload.
 */
#include "net/tcp.h"

#define GSO_LIMIT (65535u - 40 - TCP_MAX_HEADER)
#define CORK_TIME (200 * MS)
/* The smallest MTUs that black holes make us try (RFC 4821 7.2; RFC 8200 for IPv6). */
#define MAX_SEG_PIECES (PACKET_MAX_FRAGS - 1)

void tcp_sync_mss(struct tcp_sock *tp)
{
	uint32_t mtu = tp->inet.route.mtu, mss;
	uint16_t old = tp->mss;

	if (tp->mtu_cap && tp->mtu_cap < mtu)
		mtu = tp->mtu_cap;
	if (mtu == tp->pmtu && tp->mss)
		return;
	tp->pmtu = mtu;
	mss = mtu - ip_header_len(&tp->inet.remote) - TCP_HEADER;
	if (mss > tp->peer_mss)
		mss = tp->peer_mss;
	if (tp->user_mss && mss > tp->user_mss)
		mss = tp->user_mss;
	if (tp->ts_ok)
		mss -= TCP_TS_SPACE;
	/* Half the largest window the peer ever offered: it may wait for a second segment before it
	 * acknowledges, and more than one must fit. */
	if (tp->max_wnd > 536 && mss > tp->max_wnd / 2)
		mss = tp->max_wnd / 2;
	if (mss < TCP_MIN_MSS || mss > 65535)
		mss = mss > 65535 ? 65535 : TCP_MIN_MSS;
	tp->mss = (uint16_t)mss;
	tp->gso_max = mss >= GSO_LIMIT ? mss : GSO_LIMIT / mss * mss;
	if (tp->cc.ops && old != tp->mss)
		tcp_cc_set_mss(&tp->cc, tp->mss);
}

/* Should a tail smaller than a segment wait? */
static bool hold_back(const struct tcp_sock *tp)
{
	if (tp->fin_queued)
		return false;
	if (tp->cork || tp->more)
		return true;
	/* Nagle, as Minshall refined it: one small segment may be outstanding. */
	return !tp->nodelay && tp->snd_nxt != tp->snd_una && seq_gt(tp->snd_sml, tp->snd_una);
}

/* Sends the next limit bytes that were never sent. Bytes sent, 0 when memory is out. */
static uint32_t send_new(struct tcp_sock *tp, uint32_t limit)
{
	struct tcp_seg *first = tp->send_head, *s = first;
	uint32_t total = 0, end;
	bool idle;
	unsigned count = 0;

	for (;;) {
		if (s->len > limit - total && !tcp_seg_split(tp, s, limit - total)) {
			if (!count)
				return 0;
			s = list_entry(s->link.prev, struct tcp_seg, link);
			break;
		}
		total += s->len;
		count++;
		if (total == limit || s->link.next == &tp->send_queue || count == MAX_SEG_PIECES)
			break;
		s = list_entry(s->link.next, struct tcp_seg, link);
	}
	end = seg_end(s);
	if (!tcp_transmit(tp, first, count, total))
		return 0;
	s = first;
	for (unsigned i = 0; i < count; i++) {
		s->xmit_time = tcp_now;
		list_add_tail(&tp->sent_order, &s->tx_link);
		s = list_entry(s->link.next, struct tcp_seg, link);
	}
	tp->send_head = &s->link == &tp->send_queue ? NULL : s;
	idle = tp->snd_nxt == tp->snd_una;
	tp->snd_nxt = end;
	if (idle)
		tcp_rearm_rto(tp);
	if (tcp_in_flight(tp) > tp->round_flight)
		tp->round_flight = tcp_in_flight(tp);
	if (total < tp->mss)
		tp->snd_sml = end;
	return total ? total : 1;
}

/* The oldest in flight was sent more than half a round trip ago. */
static bool ack_is_near(const struct tcp_sock *tp)
{
	const struct tcp_seg *s = list_entry(tp->send_queue.next, struct tcp_seg, link);

	return s->xmit_time && tcp_now - s->xmit_time > tp->srtt / 2;
}

/*
 * How many of the unsent bytes may go now in one packet; 0: none. Bytes, or 1 for a FIN alone.
 */
static uint32_t sendable(struct tcp_sock *tp, bool force)
{
	uint32_t unsent = tp->write_seq - tp->snd_nxt, flight, room, limit;
	int32_t wnd = (int32_t)(tp->snd_una + tp->snd_wnd - tp->snd_nxt);
	uint32_t mss = tp->mss;
	bool window_limited = false, cwnd_limited = false;

	if (unsent == 0)
		return 0;
	flight = tcp_in_flight(tp);
	room = tp->cc.cwnd > flight ? tp->cc.cwnd - flight : 0;
	if (wnd <= 0)
		return 0;
	/* The request or response that fits: what happens nearly always. */
	limit = unsent;
	if (limit > (uint32_t)wnd) {
		limit = (uint32_t)wnd;
		window_limited = true;
	}
	if (limit > room) {
		tp->cwnd_limited = cwnd_limited = true;
		limit = room;
		window_limited = false;
	}
	if (limit > tp->gso_max)
		limit = tp->gso_max;
	if (limit < unsent) {
		if (limit >= mss) {
			limit -= limit % mss;
			/* Wait for a larger packet while an ACK is soon to come: each costs much,
			 * whatever its size. */
			if (cwnd_limited && ack_is_near(tp) && tp->ca_state == TCP_CA_Open &&
			    !force && limit < tp->gso_max && limit < tp->cc.cwnd / 3 &&
			    flight >= 4 * mss)
				return 0;
			return limit;
		}
		/* RFC 9293 3.8.6.2.1: half of the largest window is worth a segment. */
		if (window_limited && (limit >= tp->max_wnd / 2 || force))
			return limit;
		/* A window smaller than a segment, nothing to wait for. */
		if (!window_limited && flight == 0)
			return (uint32_t)wnd < mss ? (uint32_t)wnd : mss < unsent ? mss : unsent;
		return 0;
	}
	if (!force && !(tp->fin_queued) && hold_back(tp)) {
		uint32_t tail = limit < mss ? limit : limit % mss;

		if (tail && (tp->cork || tp->more))
			tcp_timer_set(tp, TCP_T_CORK,
				      tp->deadline[TCP_T_CORK] ? tp->deadline[TCP_T_CORK]
							       : tcp_now + CORK_TIME);
		limit -= tail;
	}
	return limit;
}

static void idle_restart(struct tcp_sock *tp)
{
	uint64_t idle = tcp_now - tp->last_sent;

	if (tp->last_sent && tp->snd_nxt == tp->snd_una && idle > tp->rto) {
		tp->cc.ops->on_idle(&tp->cc, idle, tp->rto, tcp_now);
		tp->undo_on =
		    false; /* the window before the pause is no longer that to return to */
	}
}

static void output(struct tcp_sock *tp, bool force)
{
	uint32_t n, sent = 0;

	if (!TCP_IN(tp, TCPF(TCP_ESTABLISHED) | TCPF(TCP_CLOSE_WAIT) | TCPF(TCP_FIN_WAIT1) |
			    TCPF(TCP_LAST_ACK) | TCPF(TCP_CLOSING)))
		return;
	if (tp->lost_out > 0)
		tcp_retransmit_lost(tp);
	if (!tp->send_head)
		return;
	if (tp->snd_nxt == tp->snd_una)
		idle_restart(tp);
	/* A new route may bring another MTU; before sizes are computed. */
	if (!tcp_route(tp)) {
		tcp_check_persist(tp);
		return;
	}
	while ((n = sendable(tp, force)) > 0) {
		n = send_new(tp, n);
		if (n == 0)
			break;
		sent += n;
		if (tp->ca_state == TCP_CA_Recovery)
			tcp_prr_sent(&tp->prr, n);
		if (!tp->send_head)
			break;
	}
	if (!tp->send_head)
		tcp_timer_clear(tp, TCP_T_CORK);
	if (sent) {
		tcp_tlp_schedule(tp);
		tcp_timer_clear(tp, TCP_T_PERSIST);
	} else if (tp->send_head) {
		tcp_check_persist(tp);
	}
}

void tcp_output(struct tcp_sock *tp)
{
	output(tp, false);
}

void tcp_output_force(struct tcp_sock *tp)
{
	output(tp, true);
}

/*
 * Sends s again, with the lost ones behind it while they make at most max bytes. False: no memory
 * or no route.
 */
bool tcp_retransmit(struct tcp_sock *tp, struct tcp_seg *s, uint32_t max)
{
	struct tcp_seg *last = s, *next;
	uint32_t total, span = 0, start = s->seq;
	unsigned count = 1;

	if (max < tp->mss)
		max = tp->mss;
	if (s->flags & TH_SYN) {
		s->mark |= SEG_EVER;
		tcp_send_syn(tp, s);
		return true;
	}
	/* The peer may have shrunk its window: send what it takes, at least one byte. */
	if (seq_gt(s->seq + s->len, tp->snd_una + tp->snd_wnd) && s->len > 1) {
		uint32_t fits = tp->snd_una + tp->snd_wnd - s->seq;

		if (seq_leq(tp->snd_una + tp->snd_wnd, s->seq))
			fits = s->len < tp->mss ? s->len : tp->mss;
		if (fits < max)
			max = fits;
	}
	if (s->len > max && !tcp_seg_split(tp, s, max))
		return false;
	total = s->len;
	while (count < MAX_SEG_PIECES && total < max && last->link.next != &tp->send_queue &&
	       !(last->flags & TH_FIN)) {
		next = list_entry(last->link.next, struct tcp_seg, link);
		if (!(next->mark & SEG_LOST) || next->mark & (SEG_RETRANS | SEG_SACKED) ||
		    !next->xmit_time)
			break;
		if (next->len > max - total && !tcp_seg_split(tp, next, max - total))
			break;
		total += next->len;
		last = next;
		count++;
	}
	if (!tcp_transmit(tp, s, count, total))
		return false;
	for (unsigned i = 0; i < count; i++) {
		s->xmit_time = tcp_now;
		if (!(s->mark & SEG_RETRANS)) {
			s->mark |= SEG_RETRANS;
			tp->retrans_out += seg_span(s);
		}
		s->mark |= SEG_EVER;
		list_remove(&s->tx_link);
		list_add_tail(&tp->sent_order, &s->tx_link);
		span += seg_span(s);
		s = list_entry(s->link.next, struct tcp_seg, link);
	}
	if (!tp->retrans_time) {
		tp->retrans_time = tcp_now;
		tp->retrans_ts = tcp_ts_now(tp);
	}
	tcp_dsack_resent(tp, start, start + total);
	tp->total_retrans += (total + tp->mss - 1) / tp->mss;
	tp->bytes_retrans += total;
	tcp_stats.retrans_segs += (total + tp->mss - 1) / tp->mss;
	if (tp->ca_state == TCP_CA_Recovery)
		tcp_prr_sent(&tp->prr, span);
	return true;
}

void tcp_retransmit_lost(struct tcp_sock *tp)
{
	struct tcp_seg *next;

	for (struct tcp_seg *s = list_entry(tp->send_queue.next, struct tcp_seg, link);
	     &s->link != &tp->send_queue && s->xmit_time; s = next) {
		uint32_t flight;

		next = list_entry(s->link.next, struct tcp_seg, link);
		if (seq_lt(s->seq, tp->lost_hint))
			continue;
		if (!(s->mark & SEG_LOST) || s->mark & (SEG_RETRANS | SEG_SACKED))
			continue;
		flight = tcp_in_flight(tp);
		if (flight >= tp->cc.cwnd || (flight && flight + tp->mss > tp->cc.cwnd))
			return;
		if (!tcp_retransmit(tp, s,
				    tp->cc.cwnd - flight < tp->gso_max
					? (tp->cc.cwnd - flight) / tp->mss * tp->mss
					: tp->gso_max))
			return;
		tp->lost_hint = s->seq;
		if (!tp->deadline[TCP_T_RTO])
			tcp_rearm_rto(tp);
		next = list_entry(s->link.next, struct tcp_seg, link);
	}
}
