/*
 * Loss recovery: from disorder to fast recovery (RFC 6675 with RACK's detection, PRR's pace) or to
 * the loss state after a timeout, and back; undone if it was a mistake (RFC 3522, 3708, 5682).
 */
#include "net/tcp.h"

void tcp_mark_lost(struct tcp_sock *tp, struct tcp_seg *s)
{
	if (s->mark & SEG_SACKED)
		return;
	if (!(s->mark & SEG_LOST)) {
		s->mark |= SEG_LOST;
		tp->lost_out += seg_span(s);
	}
	if (s->mark & SEG_RETRANS) {
		s->mark &= (uint8_t)~SEG_RETRANS;
		tp->retrans_out -= seg_span(s);
	}
	list_remove(&s->tx_link);
	if (seq_lt(tp->lost_hint, tp->snd_una))
		tp->lost_hint = tp->snd_una; /* nothing lower is left */
	if (seq_lt(s->seq, tp->lost_hint))
		tp->lost_hint = s->seq;
}

static void remember(struct tcp_sock *tp)
{
	tp->high_seq = tp->snd_nxt;
	tp->undo_marker = tp->snd_una;
	tp->undo_on = true;
	tcp_dsack_mark(tp);
	tp->retrans_time = 0;
	tp->lost_hint = tp->snd_una;
}

static void enter_recovery(struct tcp_sock *tp)
{
	uint32_t flight = tp->snd_nxt - tp->snd_una;

	remember(tp);
	tp->ca_state = TCP_CA_Recovery;
	tcp_timer_clear(tp, TCP_T_TLP);
	tp->tlp_out = false;
	tp->cc.ops->on_congestion(&tp->cc, flight, tcp_now);
	tcp_prr_start(&tp->prr, flight);
	tcp_stats.fast_retrans++;
}

/* RFC 6298 5.4-5.6, RFC 5681 3.1: everything not SACKed counts as lost. */
void tcp_enter_loss(struct tcp_sock *tp)
{
	bool first = tp->ca_state != TCP_CA_Loss;
	uint32_t flight = tp->snd_nxt - tp->snd_una;

	if (first || tp->high_seq == tp->snd_una) {
		if (tp->ca_state < TCP_CA_Recovery)
			remember(tp);
		tp->undo_marker = tp->snd_una;
		tp->retrans_time = 0;
		tp->frto = true;
	}
	tp->cc.ops->on_rto(&tp->cc, flight, tcp_now, first);
	tp->ca_state = TCP_CA_Loss;
	tp->high_seq = tp->snd_nxt;
	tp->tlp_out = false;
	tp->dupacks = 0;
	tp->lost_hint = tp->snd_una;
	tcp_timer_clear(tp, TCP_T_TLP);
	tcp_timer_clear(tp, TCP_T_REO);
	for (struct tcp_seg *s = list_entry(tp->send_queue.next, struct tcp_seg, link);
	     &s->link != &tp->send_queue && s->xmit_time;
	     s = list_entry(s->link.next, struct tcp_seg, link)) {
		if (tp->reneging && s->mark & SEG_SACKED) {
			s->mark &= (uint8_t)~SEG_SACKED;
			tp->in_flight_sacked -= seg_span(s);
		}
		tcp_mark_lost(tp, s);
	}
	tp->reneging = false;
}

void tcp_recovery_reset(struct tcp_sock *tp)
{
	tp->ca_state = TCP_CA_Open;
	tp->undo_on = tp->frto = false;
	tp->retrans_time = 0;
	tp->dupacks = 0;
}

/* What was deemed lost is in flight after all. */
static void unmark_lost(struct tcp_sock *tp)
{
	for (struct tcp_seg *s = list_entry(tp->send_queue.next, struct tcp_seg, link);
	     &s->link != &tp->send_queue && s->xmit_time;
	     s = list_entry(s->link.next, struct tcp_seg, link)) {
		if (!(s->mark & SEG_LOST))
			continue;
		s->mark &= (uint8_t)~SEG_LOST;
		tp->lost_out -= seg_span(s);
		if (list_empty(&s->tx_link))
			list_add_head(&tp->sent_order, &s->tx_link);
	}
}

static void undo(struct tcp_sock *tp)
{
	tcp_stats.undo++;
	unmark_lost(tp);
	tp->cc.ops->on_undo(&tp->cc);
	tcp_recovery_reset(tp);
	if (tp->in_flight_sacked)
		tp->ca_state = TCP_CA_Disorder;
}

/*
 * Eifel (RFC 3522): the ACK echoes a timestamp from before the retransmission, so the original had
 * arrived. While other retransmissions are under way it says nothing about those: one of them may
 * repair a true loss. What was deemed lost and not sent again is judged anew after the undo.
 * D-SACK (RFC 3708): every retransmission was reported as a duplicate. F-RTO (RFC 5682 in
 * the form for SACK): after a timeout something is delivered that was sent only once.
 */
static bool spurious(const struct tcp_sock *tp, const struct tcp_ack_result *r,
		     const struct tcp_options *o)
{
	if (!tp->undo_on)
		return false;
	if (tp->retrans_time && r->acked && o->has_ts && o->ts_ecr &&
	    seq_lt(o->ts_ecr, tp->retrans_ts) && (tp->ca_state == TCP_CA_Loss || !tp->retrans_out))
		return true;
	if (tp->retrans_time && tp->undo_retrans == 0 && r->dsack)
		return true;
	return tp->ca_state == TCP_CA_Loss && tp->frto && r->orig_delivered && tp->sack_ok &&
	       r->delivered > 0;
}

/* Without SACK every duplicate ACK stands for one segment that has left the network. */
static void newreno(struct tcp_sock *tp, const struct tcp_ack_result *r)
{
	struct tcp_seg *s;

	if (list_empty(&tp->send_queue))
		return;
	s = list_entry(tp->send_queue.next, struct tcp_seg, link);
	if (!s->xmit_time)
		return;
	if (tp->ca_state == TCP_CA_Recovery ? r->acked > 0 : tp->dupacks >= TCP_DUP_THRESH) {
		if (s->mark & SEG_LOST)
			return;
		if (s->len > tp->mss && !tcp_seg_split(tp, s, tp->mss))
			return;
		tcp_mark_lost(tp, s);
	}
}

static void detect(struct tcp_sock *tp, const struct tcp_ack_result *r)
{
	if (tp->sack_ok)
		tcp_rack_detect(tp);
	else
		newreno(tp, r);
}

/* All that was out when the recovery began has arrived. */
static void leave(struct tcp_sock *tp)
{
	bool undo_on;

	/* RFC 6937 3: the window ends at ssthresh, though the last ACKs may have left it lower. */
	if (tp->ca_state == TCP_CA_Recovery)
		tp->cc.cwnd = tp->cc.ssthresh;
	/* RFC 8985 6.2 step 4: sixteen recoveries without a duplicate, and the window is small
	 * again. */
	if (tp->rack_persist && --tp->rack_persist == 0)
		tp->rack_mult = 1;
	undo_on = tp->undo_on;
	tcp_recovery_reset(tp);
	/* The D-SACKs for what was sent again come after the ACK of what was late. */
	tp->undo_on = undo_on && tp->sack_ok && tp->undo_retrans > 0;
	if (tp->in_flight_sacked)
		tp->ca_state = TCP_CA_Disorder;
}

void tcp_recovery_ack(struct tcp_sock *tp, struct tcp_ack_result *r, const struct tcp_options *o)
{
	bool lost_before = tp->lost_out > 0;

	if (r->acked && tp->dupacks) {
		uint32_t segs = r->acked / tp->mss;

		if (tp->ca_state != TCP_CA_Recovery || segs >= tp->dupacks)
			tp->dupacks = 0;
		else if (segs > 1) /* the first was the lost one itself */
			tp->dupacks -= segs - 1;
	}
	if (tp->ca_state >= TCP_CA_Recovery) {
		if (spurious(tp, r, o)) {
			undo(tp);
		} else if (seq_geq(tp->snd_una, tp->high_seq)) {
			/* RFC 6582 3.2 step 1, RFC 6675 5: without SACK, hold until something above
			 * high_seq, or old duplicates start it again. */
			leave(tp);
			if (!tp->sack_ok)
				tp->dupacks = 0;
		} else if (tp->ca_state == TCP_CA_Loss && r->acked) {
			tp->frto = tp->frto && !r->ever_retrans;
		}
	} else if (tp->undo_on && tp->undo_retrans == 0 && r->dsack) {
		undo(tp);
	}
	detect(tp, r);
	if (tp->ca_state < TCP_CA_Recovery) {
		if (tp->lost_out > 0) {
			enter_recovery(tp);
		} else {
			tp->ca_state =
			    tp->in_flight_sacked || tp->dupacks ? TCP_CA_Disorder : TCP_CA_Open;
			/* Limited transmit (RFC 3042): what is SACKed, or stands for duplicates,
			 * has left the flight. */
			return;
		}
	}
	if (tp->ca_state == TCP_CA_Recovery) {
		uint32_t pipe = tcp_in_flight(tp), delivered = r->delivered;

		if (!tp->sack_ok && !r->acked)
			delivered = tp->mss;
		if (delivered)
			tp->cc.cwnd = tcp_prr_cwnd(&tp->prr, &tp->cc, delivered, pipe,
						   r->acked > 0 && !(tp->lost_out && !lost_before));
	}
}
