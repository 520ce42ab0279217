/*
 * Duplicates that the peer reports (RFC 2883): was it a retransmission of ours that was superfluous
 * (RFC 3708)? The network duplicates packets too; of those nothing is to be learnt, so what was
 * sent again is remembered until it is reported. Where memory is short a recovery stays as it is.
 */
#include "lib/string.h"
#include "net/tcp.h"

static void forget(struct tcp_sock *tp, unsigned i)
{
	tp->nresent--;
	memmove(&tp->resent[i], &tp->resent[i + 1], (tp->nresent - i) * sizeof tp->resent[0]);
	if (tp->resent_mark > i)
		tp->resent_mark--;
}

void tcp_dsack_resent(struct tcp_sock *tp, uint32_t start, uint32_t end)
{
	if (start == end)
		return;
	if (tp->nresent == TCP_RESENT)
		forget(tp, 0);
	tp->resent[tp->nresent++] = (struct tcp_sack_block){start, end};
	tp->undo_retrans += end - start;
}

void tcp_dsack_mark(struct tcp_sock *tp)
{
	tp->resent_mark = tp->nresent;
	tp->undo_retrans = 0;
}

void tcp_dsack_note(struct tcp_sock *tp, const struct tcp_options *o, struct tcp_ack_result *r)
{
	uint32_t start = o->sack[0].start, end = o->sack[0].end;

	if (seq_gt(end, tp->snd_nxt) || end - start > tp->max_wnd)
		return;
	tp->dsack_dups++;
	tcp_stats.dsack_recv++;
	for (unsigned i = 0; i < tp->nresent && start != end;) {
		struct tcp_sack_block *b = &tp->resent[i];
		bool head = seq_leq(start, b->start) && seq_gt(end, b->start);
		bool tail = seq_lt(start, b->end) && seq_geq(end, b->end);
		uint32_t cut;

		if (!head && !tail) { /* no part of it, or one from its middle */
			i++;
			continue;
		}
		cut = head && tail ? b->end - b->start : head ? end - b->start : b->end - start;
		r->dsack = true;
		if (i >= tp->resent_mark)
			tp->undo_retrans -= cut;
		if (head && tail) {
			start = b->end; /* a block reports one copy of each byte */
			forget(tp, i);
		} else if (head) {
			b->start = end;
			break;
		} else {
			b->end = start;
			start += cut;
			i++;
		}
	}
	if (!r->dsack)
		return;
	/* RFC 8985 6.2 step 4: what was deemed lost was only late. */
	tp->rack_dsack_round = true;
	r->dsack_tlp = tp->tlp_out && tp->tlp_retrans && end == tp->tlp_end;
}
