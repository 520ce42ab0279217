/* The scoreboard: what the peer says it has beyond the cumulative ACK (RFC 2018, 2883, 6675). */
#include "net/tcp.h"

static bool block_valid(const struct tcp_sock *tp, const struct tcp_sack_block *b)
{
	return seq_lt(b->start, b->end) && seq_gt(b->end, tp->snd_una) &&
	       seq_leq(b->end, tp->snd_nxt) && seq_geq(b->start, tp->snd_una);
}

/* RFC 2883 4: a first block below the ACK, or inside the second, reports a duplicate. */
static bool is_dsack(const struct tcp_options *o, uint32_t ack)
{
	const struct tcp_sack_block *b = o->sack;

	if (seq_geq(b[0].start, b[0].end))
		return false;
	if (seq_lt(b[0].start, ack))
		return true;
	return o->nsack > 1 && seq_leq(b[0].end, b[1].end) && seq_geq(b[0].start, b[1].start);
}

static void mark_sacked(struct tcp_sock *tp, struct tcp_seg *s, const struct tcp_options *o,
			struct tcp_ack_result *r)
{
	uint32_t span = seg_span(s);

	if (s->mark & SEG_LOST) {
		tp->lost_out -= span;
		if (s->mark & SEG_RETRANS)
			tp->retrans_out -= span;
	} else if (s->mark & SEG_RETRANS) {
		tp->retrans_out -= span;
	}
	if (!(s->mark & SEG_EVER)) {
		if (seq_leq(seg_end(s), tp->high_seq))
			r->orig_delivered = true;
		/* Delivered out of order and never sent twice: the path reorders. */
		if (seq_lt(seg_end(s), tp->rack_fack) && !tp->rack_reord_seen) {
			tp->rack_reord_seen = true;
			tp->reord_seen++;
		}
		if (!r->rtt)
			r->rtt = tcp_now - s->xmit_time + 1;
	}
	tcp_rack_delivered(tp, s, o);
	s->mark = (uint8_t)((s->mark & ~(SEG_LOST | SEG_RETRANS)) | SEG_SACKED);
	list_remove(&s->tx_link);
	tp->in_flight_sacked += span;
	r->delivered += span;
	r->new_sack = true;
	if (seq_gt(seg_end(s), tp->rack_fack))
		tp->rack_fack = seg_end(s);
}

static void apply_block(struct tcp_sock *tp, const struct tcp_sack_block *b,
			const struct tcp_options *o, struct tcp_ack_result *r)
{
	for (struct tcp_seg *s = list_entry(tp->send_queue.next, struct tcp_seg, link);
	     &s->link != &tp->send_queue && s->xmit_time && seq_lt(s->seq, b->end);
	     s = list_entry(s->link.next, struct tcp_seg, link)) {
		if (seq_leq(seg_end(s), b->start) || s->mark & SEG_SACKED)
			continue;
		/* Packets of segmentation offload are reported in part: cut them there. */
		if (seq_lt(s->seq, b->start)) {
			if (!tcp_seg_split(tp, s, b->start - s->seq))
				return;
			continue;
		}
		if (seq_gt(s->seq + s->len, b->end) && !tcp_seg_split(tp, s, b->end - s->seq))
			return;
		if (seq_leq(seg_end(s), b->end))
			mark_sacked(tp, s, o, r);
	}
}

void tcp_sack_apply(struct tcp_sock *tp, const struct tcp_options *o, uint32_t ack,
		    struct tcp_ack_result *r)
{
	unsigned first = 0;

	if (is_dsack(o, ack)) {
		tcp_dsack_note(tp, o, r);
		first = 1;
	}
	for (unsigned i = first; i < o->nsack; i++) {
		if (block_valid(tp, &o->sack[i]))
			apply_block(tp, &o->sack[i], o, r);
	}
}
