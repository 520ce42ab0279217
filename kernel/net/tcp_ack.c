/* Acknowledgments: what they free, measure and allow (RFC 9293 3.10.7.4, fifth step). */
#include <linux/eventpoll.h>
#include "net/neighbour.h"
#include "net/tcp.h"

void tcp_write_space(struct tcp_sock *tp)
{
	if (tp->nospace && tcp_writable(tp)) {
		tp->nospace = false;
		socket_wake(tcp_so(tp), EPOLLOUT | EPOLLWRNORM);
	}
}

/* Takes what s (n bytes of its span) was counted as out of the counters. */
static void uncount(struct tcp_sock *tp, const struct tcp_seg *s, uint32_t n,
		    struct tcp_ack_result *r)
{
	if (s->mark & SEG_SACKED)
		tp->in_flight_sacked -= n;
	else
		r->delivered += n;
	if (s->mark & SEG_LOST)
		tp->lost_out -= n;
	if (s->mark & SEG_RETRANS)
		tp->retrans_out -= n;
}

/* Removes everything up to ack from the queue. */
static void clean_queue(struct tcp_sock *tp, uint32_t ack, const struct tcp_options *o,
			struct tcp_ack_result *r)
{
	while (!list_empty(&tp->send_queue)) {
		struct tcp_seg *s = list_entry(tp->send_queue.next, struct tcp_seg, link);
		uint32_t n;

		if (!s->xmit_time)
			break;
		if (seq_leq(seg_end(s), ack)) {
			uncount(tp, s, seg_span(s), r);
			if (s->mark & SEG_EVER) {
				r->ever_retrans = true;
			} else {
				if (!r->rtt && !(s->mark & SEG_SACKED))
					r->rtt = tcp_now - s->xmit_time + 1;
				if (!(s->mark & SEG_SACKED))
					r->orig_delivered = true;
			}
			if (!(s->mark & SEG_SACKED))
				tcp_rack_delivered(tp, s, o);
			tcp_seg_free(tp, s);
			continue;
		}
		if (seq_geq(s->seq, ack))
			break;
		n = ack - s->seq;
		uncount(tp, s, n, r);
		if (s->mark & SEG_EVER)
			r->ever_retrans = true;
		else if (!r->rtt)
			r->rtt = tcp_now - s->xmit_time + 1;
		if (!(s->mark & SEG_SACKED))
			tcp_rack_delivered(tp, s, o);
		s->seq += n;
		s->offset += n;
		s->len -= n;
		s->mark &= (uint8_t)~SEG_HEADROOM;
		tp->wmem -= n;
		break;
	}
}

static bool update_window(struct tcp_sock *tp, const struct packet *p)
{
	uint32_t wnd = p->tcp.window << (tcp_flag(p, TH_SYN) ? 0 : tp->snd_wscale);

	if (!(seq_gt(p->tcp.ack, tp->snd_una) || seq_gt(p->tcp.seq, tp->snd_wl1) ||
	      (p->tcp.seq == tp->snd_wl1 && (wnd > tp->snd_wnd || wnd == 0))))
		return false;
	tp->snd_wl1 = p->tcp.seq;
	tp->snd_wl2 = p->tcp.ack;
	if (wnd == tp->snd_wnd)
		return false;
	tp->snd_wnd = wnd;
	if (wnd > tp->max_wnd) {
		bool small = tp->max_wnd < 2u * tp->peer_mss;

		tp->max_wnd = wnd;
		if (small) { /* the size of segments depended on it */
			tp->pmtu = 0;
			tp->tx_valid = false;
		}
	}
	return true;
}

/*
 * The window grows only while it is what limits the sender (RFC 7661 1): in this round trip or the
 * one before the program or the peer's window did not; in slow start half of it in use is enough.
 */
static void grow(struct tcp_sock *tp, const struct tcp_ack_result *r)
{
	struct tcp_cc_ack a = {.now = tcp_now,
			       .acked = r->acked,
			       .in_flight = r->prior_in_flight,
			       .rtt = r->ever_retrans ? 0 : r->rtt,
			       .srtt = tp->srtt,
			       .min_rtt = tp->min_rtt};
	uint32_t before = tp->cc.cwnd;

	if (seq_geq(tp->snd_una, tp->round_mark)) {
		a.round_start = true;
		tp->round_mark = tp->snd_nxt;
		tp->was_limited = tp->cwnd_limited;
		tp->was_flight = tp->round_flight;
		tp->cwnd_limited = false;
		tp->round_flight = tcp_in_flight(tp);
	}
	a.cwnd_limited = tp->cwnd_limited || tp->was_limited;
	if (!a.cwnd_limited && before < tp->cc.ssthresh) {
		uint32_t flight =
		    tp->round_flight > tp->was_flight ? tp->round_flight : tp->was_flight;

		a.cwnd_limited = before < 2 * flight;
	}
	tp->cc.ops->on_ack(&tp->cc, &a);
	if (tp->cc.cwnd > before)
		tcp_sndbuf_expand(tp);
}

/* The cumulative ACK ends where something was SACKed: the peer has dropped it (RFC 2018 8). Or the
 * ACKs overtook each other; a moment will tell. */
static void check_reneging(struct tcp_sock *tp)
{
	struct tcp_seg *s;

	if (list_empty(&tp->send_queue))
		return;
	s = list_entry(tp->send_queue.next, struct tcp_seg, link);
	tp->reneging = s->mark & SEG_SACKED;
}

bool tcp_ack(struct tcp_sock *tp, struct packet *p, const struct tcp_options *o)
{
	uint32_t ack = p->tcp.ack, prior_una = tp->snd_una;
	struct tcp_ack_result r = {.prior_in_flight = tcp_in_flight(tp)};
	bool dup;

	if (seq_gt(ack, tp->snd_nxt)) {
		/* For something not yet sent (RFC 9293 3.10.7.4). */
		tcp_challenge_ack(tp);
		return false;
	}
	if (seq_lt(ack, prior_una)) {
		/* RFC 5961 5.2: too old to be anything but a guess. */
		if (seq_lt(ack, prior_una - tp->max_wnd)) {
			tcp_challenge_ack(tp);
			return false;
		}
		if (o->nsack && tp->sack_ok) {
			tcp_sack_apply(tp, o, ack, &r);
			if (r.delivered || r.dsack)
				tcp_recovery_ack(tp, &r, o);
			if (tp->send_head || tp->lost_out)
				tcp_output(tp);
		}
		return true;
	}
	tp->last_ack_time = tcp_now;
	tp->probes_out = tp->keep_probes = 0;
	tp->soft_error = 0;
	r.window_update = update_window(tp, p);
	if (seq_gt(ack, prior_una)) {
		r.acked = ack - prior_una;
		tp->snd_una = ack;
		tp->bytes_acked += r.acked;
		tp->retransmits = tp->backoff = 0;
		neighbour_confirm(&tp->inet.route);
		clean_queue(tp, ack, o, &r);
	}
	if (o->nsack && tp->sack_ok)
		tcp_sack_apply(tp, o, ack, &r);
	tp->delivered += r.delivered;
	if (tp->in_flight_sacked && r.acked)
		check_reneging(tp);
	if (r.rtt)
		tcp_rtt_sample(tp, r.rtt);
	else if (r.acked && r.ever_retrans && o->has_ts && o->ts_ecr) {
		/* RFC 7323 4: the echo tells which copy it answers. */
		uint32_t ms = tcp_ts_now(tp) - o->ts_ecr;

		if (ms < 600000)
			tcp_rtt_sample(tp, ms * MS);
	}
	dup = !r.acked && p->len == 0 && !r.window_update &&
	      p->tcp.window << tp->snd_wscale == tp->snd_wnd && tp->snd_nxt != tp->snd_una &&
	      !tcp_flag(p, TH_SYN | TH_FIN);
	if (tp->tlp_out)
		tcp_tlp_ack(tp, &r, dup && !o->nsack);
	if (tp->ca_state != TCP_CA_Open || tp->in_flight_sacked || r.dsack || dup || tp->lost_out) {
		if (dup && !tp->sack_ok)
			tp->dupacks++;
		tcp_recovery_ack(tp, &r, o);
	}
	if (r.acked && tp->ca_state != TCP_CA_Recovery && tp->ca_state != TCP_CA_CWR)
		grow(tp, &r);
	if (tp->snd_nxt == tp->snd_una) {
		tcp_timer_clear(tp, TCP_T_RTO);
		tcp_timer_clear(tp, TCP_T_TLP);
		tcp_timer_clear(tp, TCP_T_REO);
	} else if (r.acked || r.delivered) {
		tcp_rearm_rto(tp);
		if (tp->reneging)
			tcp_timer_set(tp, TCP_T_RTO,
				      tcp_now + (tp->srtt > 20 * MS ? tp->srtt / 2 : 10 * MS));
		if (tp->ca_state == TCP_CA_Open)
			tcp_tlp_schedule(tp);
	}
	if (tp->send_head || tp->lost_out) {
		if (tp->deadline[TCP_T_PERSIST] && r.window_update && tp->snd_wnd) {
			tcp_timer_clear(tp, TCP_T_PERSIST);
			tp->backoff = 0;
		}
		tcp_output(tp);
	}
	if (r.acked)
		tcp_write_space(tp);
	return true;
}
