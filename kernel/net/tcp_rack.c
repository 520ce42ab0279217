/* RACK-TLP (RFC 8985): losses are found by time of transmission; a probe finds losses at the tail.
 */
#include "net/tcp.h"

#define TLP_MIN		(10 * MS)
#define TLP_DELACK	(200 * MS) /* RFC 8985 7.2: the peer may delay the ACK of one segment */
#define REO_WND_PERSIST 16

static bool sent_after(uint64_t t1, uint32_t end1, uint64_t t2, uint32_t end2)
{
	return t1 > t2 || (t1 == t2 && seq_gt(end1, end2));
}

/* Step 2: the most recently sent segment that was delivered. */
void tcp_rack_delivered(struct tcp_sock *tp, const struct tcp_seg *s, const struct tcp_options *o)
{
	uint64_t rtt = tcp_now - s->xmit_time;

	if (s->mark & SEG_EVER) {
		/* Which copy was it? The echo says; else the time must have sufficed. */
		if (o->has_ts && o->ts_ecr &&
		    seq_lt(o->ts_ecr, (uint32_t)(s->xmit_time / MS) + tp->ts_offset))
			return;
		if (rtt < tp->min_rtt)
			return;
	}
	tp->rack_rtt = rtt;
	if (sent_after(s->xmit_time, seg_end(s), tp->rack_time, tp->rack_end)) {
		tp->rack_time = s->xmit_time;
		tp->rack_end = seg_end(s);
	}
}

/* Step 4: how late a segment may be before it counts as lost. */
static uint64_t reo_wnd(struct tcp_sock *tp)
{
	uint64_t wnd;

	if (tp->rack_dsack_round && seq_geq(tp->snd_una, tp->rack_round)) {
		tp->rack_dsack_round = false;
		tp->rack_round = tp->snd_nxt;
		if (tp->rack_mult < 64)
			tp->rack_mult++;
		tp->rack_persist = REO_WND_PERSIST;
	}
	if (!tp->rack_reord_seen &&
	    (tp->ca_state >= TCP_CA_Recovery || tp->in_flight_sacked >= TCP_DUP_THRESH * tp->mss))
		return 0;
	wnd = tp->min_rtt == UINT64_MAX ? tp->srtt : tp->min_rtt;
	wnd = wnd / 4 * (tp->rack_mult ? tp->rack_mult : 1);
	return wnd < tp->srtt ? wnd : tp->srtt;
}

/* Step 5. The list is in the order of time, so it ends at the first that is too young. */
bool tcp_rack_detect(struct tcp_sock *tp)
{
	uint64_t wnd = reo_wnd(tp), timeout = 0;
	bool lost = false;

	tcp_timer_clear(tp, TCP_T_REO);
	if (!tp->rack_time)
		return false;
	list_for_each_entry_safe (s, &tp->sent_order, struct tcp_seg, tx_link) {
		uint64_t due;

		if (!sent_after(tp->rack_time, tp->rack_end, s->xmit_time, seg_end(s)))
			break;
		due = s->xmit_time + tp->rack_rtt + wnd;
		/* Nothing is lost in the moment it was sent. Without that, a copy sent in the
		 * moment of a delivered segment behind it would be lost at once, and so would its
		 * own copy: for ever, where the clock does not move (a loopback of no delay). */
		if (s->xmit_time == tcp_now)
			due = tcp_now + 1;
		if (due <= tcp_now) {
			tcp_mark_lost(tp, s);
			lost = true;
		} else if (due > timeout) {
			timeout = due;
		}
	}
	if (timeout)
		tcp_timer_set(tp, TCP_T_REO, timeout);
	return lost;
}

void tcp_tlp_schedule(struct tcp_sock *tp)
{
	uint64_t pto;

	if (tp->ca_state != TCP_CA_Open || !tp->sack_ok || tp->tlp_out || tp->in_flight_sacked ||
	    tp->snd_nxt == tp->snd_una || !tp->srtt || TCP_IN(tp, TCPF(TCP_SYN_RECV)))
		return;
	pto = 2 * tp->srtt;
	if (tp->snd_nxt - tp->snd_una <= tp->mss)
		pto += TLP_DELACK;
	if (pto < TLP_MIN)
		pto = TLP_MIN;
	/* Later than the timeout it is of no use. */
	if (tp->deadline[TCP_T_RTO] && tcp_now + pto >= tp->deadline[TCP_T_RTO])
		tcp_timer_clear(tp, TCP_T_TLP);
	else
		tcp_timer_set(tp, TCP_T_TLP, tcp_now + pto);
}

/* RFC 8985 6.3: the reordering window has passed without an ACK. */
void tcp_reo_fire(struct tcp_sock *tp)
{
	struct tcp_ack_result r = {.prior_in_flight = tcp_in_flight(tp)};
	struct tcp_options o = {0};

	if (tp->snd_nxt == tp->snd_una)
		return;
	tcp_recovery_ack(tp, &r, &o);
	if (tp->lost_out)
		tcp_output(tp);
}

/* RFC 8985 7.3: new data if there is some and the window allows, else the last segment again. */
void tcp_tlp_fire(struct tcp_sock *tp)
{
	struct tcp_seg *s;
	uint32_t before = tp->snd_nxt;

	if (tp->tlp_out || tp->snd_nxt == tp->snd_una)
		return;
	tp->tlp_retrans = false;
	if (tp->send_head && tp->snd_nxt + tp->mss - tp->snd_una <= tp->snd_wnd) {
		uint32_t cwnd = tp->cc.cwnd;

		tp->cc.cwnd = tcp_in_flight(tp) + tp->mss;
		tcp_output(tp);
		tp->cc.cwnd = cwnd;
	}
	if (tp->snd_nxt == before) {
		s = tp->send_head ? list_entry(tp->send_head->link.prev, struct tcp_seg, link)
				  : list_entry(tp->send_queue.prev, struct tcp_seg, link);
		if (&s->link == &tp->send_queue || s->mark & (SEG_LOST | SEG_SACKED))
			return;
		if (s->len > tp->mss) {
			if (!tcp_seg_split(tp, s, s->len - tp->mss))
				return;
			s = list_entry(s->link.next, struct tcp_seg, link);
		}
		if (!tcp_retransmit(tp, s, tp->mss))
			return;
		tp->tlp_retrans = true;
	}
	tcp_stats.tlp_probes++;
	tp->tlp_out = true;
	tp->tlp_end = tp->snd_nxt;
	tcp_rearm_rto(tp);
}

/*
 * RFC 8985 7.4: was the probe needed? If it repaired a loss, the window must answer for it. An ACK
 * of all leaves that open: a duplicate reported after it says that the original had arrived, an ACK
 * of more without one that it had not.
 */
void tcp_tlp_ack(struct tcp_sock *tp, const struct tcp_ack_result *r, bool pure_dup)
{
	bool repaired = false;

	if (seq_lt(tp->snd_una, tp->tlp_end))
		return;
	if (tp->tlp_retrans && !r->dsack_tlp) {
		repaired = seq_gt(tp->snd_una, tp->tlp_end);
		if (!repaired && !pure_dup)
			return;
	}
	tp->tlp_out = false;
	if (tp->tlp_retrans)
		tp->retrans_time = 0;
	if (repaired && tp->ca_state < TCP_CA_Recovery) {
		tp->cc.ops->on_congestion(&tp->cc, r->prior_in_flight, tcp_now);
		if (tp->cc.cwnd > tp->cc.ssthresh)
			tp->cc.cwnd = tp->cc.ssthresh;
		tp->undo_on = false; /* this reduction was none of the last recovery's */
	}
}
