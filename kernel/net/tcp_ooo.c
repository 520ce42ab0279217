/*
 * Segments that arrived before their turn. Kept as islands: maximal contiguous ranges, each with
 * its packets in order, which are what SACK reports (RFC 2018) and which are few however many
 * packets they hold. Bounded in number and, with the receive queue, in memory.
 */
#include "mm/kmalloc.h"
#include "net/tcp.h"

static void report_duplicate(struct tcp_sock *tp, uint32_t start, uint32_t end)
{
	if (!tp->sack_ok)
		return;
	tp->dsack = true;
	tp->dsack_block = (struct tcp_sack_block){start, end};
}

static void free_packets(struct tcp_sock *tp, struct list *packets)
{
	list_for_each_entry_safe (p, packets, struct packet, link) {
		list_remove(&p->link);
		tp->rmem -= p->truesize;
		packet_free(p);
	}
}

static void island_free(struct tcp_sock *tp, struct tcp_island *i)
{
	free_packets(tp, &i->packets);
	list_remove(&i->link);
	tp->nislands--;
	kfree(i);
}

void tcp_ooo_purge(struct tcp_sock *tp)
{
	while (!list_empty(&tp->islands))
		island_free(tp, list_entry(tp->islands.next, struct tcp_island, link));
}

static void cut_front(struct packet *p, uint32_t to)
{
	uint32_t n = to - p->tcp.seq;

	packet_skip(p, n < p->len ? n : p->len);
	p->tcp.seq = to;
}

/* The FIN, if any, goes with the tail. */
static void cut_back(struct packet *p, uint32_t to)
{
	uint32_t n = to - p->tcp.seq;

	if (n < p->len)
		packet_trim(p, n);
	p->tcp.end_seq = to;
	p->tcp.flags &= (uint8_t)~TH_FIN;
}

static void splice_tail(struct list *to, struct list *from)
{
	if (list_empty(from))
		return;
	from->next->prev = to->prev;
	from->prev->next = to;
	to->prev->next = from->next;
	to->prev = from->prev;
	list_init(from);
}

/* Cuts from p what the islands already hold, and drops islands that p covers. False: p has nothing
 * new. */
static bool cut_overlaps(struct tcp_sock *tp, struct packet *p, bool *dup)
{
	list_for_each_entry_safe (i, &tp->islands, struct tcp_island, link) {
		if (seq_geq(p->tcp.seq, i->end) || seq_leq(p->tcp.end_seq, i->start))
			continue;
		if (!*dup) {
			report_duplicate(tp, seq_gt(p->tcp.seq, i->start) ? p->tcp.seq : i->start,
					 seq_lt(p->tcp.end_seq, i->end) ? p->tcp.end_seq : i->end);
			*dup = true;
		}
		if (seq_geq(p->tcp.seq, i->start) && seq_leq(p->tcp.end_seq, i->end)) {
			list_remove(&i->link);
			list_add_head(&tp->islands, &i->link);
			return false;
		}
		if (seq_lt(p->tcp.seq, i->start) && seq_gt(p->tcp.end_seq, i->end))
			island_free(tp, i);
		else if (seq_lt(p->tcp.seq, i->start))
			cut_back(p, i->start);
		else
			cut_front(p, i->end);
	}
	return true;
}

void tcp_ooo_insert(struct tcp_sock *tp, struct packet *p)
{
	struct tcp_island *before = NULL, *after = NULL, *into;
	bool dup = false;

	tp->ooo_packets++;
	if (!cut_overlaps(tp, p, &dup) || !tcp_rmem_schedule(tp, p->truesize) ||
	    (packet_memory_pressure() && tp->rmem > 65536)) {
		if (!dup)
			tcp_stats.ooo_dropped++;
		packet_free(p);
		return;
	}
	list_for_each_entry (i, &tp->islands, struct tcp_island, link) {
		if (i->end == p->tcp.seq)
			before = i;
		if (i->start == p->tcp.end_seq)
			after = i;
	}
	into = before ? before : after;
	if (!into) {
		if (tp->nislands >= TCP_MAX_ISLANDS || !(into = kmalloc(sizeof *into))) {
			tcp_stats.ooo_dropped++;
			packet_free(p);
			return;
		}
		into->start = p->tcp.seq;
		into->end = p->tcp.end_seq;
		list_init(&into->packets);
		list_init(&into->link);
		tp->nislands++;
	}
	if (into == before) {
		into->end = p->tcp.end_seq;
		if (!tcp_packet_join(tp, &into->packets, p)) {
			tp->rmem += p->truesize;
			list_add_tail(&into->packets, &p->link);
		}
		if (after) {
			into->end = after->end;
			splice_tail(&into->packets, &after->packets);
			island_free(tp, after);
		}
	} else {
		into->start = p->tcp.seq;
		tp->rmem += p->truesize;
		list_add_head(&into->packets, &p->link);
	}
	list_remove(&into->link);
	list_add_head(&tp->islands, &into->link);
}

static struct tcp_island *contiguous(struct tcp_sock *tp)
{
	list_for_each_entry (i, &tp->islands, struct tcp_island, link) {
		if (seq_leq(i->start, tp->rcv_nxt))
			return i;
	}
	return NULL;
}

void tcp_ooo_advance(struct tcp_sock *tp)
{
	struct tcp_island *i;
	bool fin = false;

	while (!fin && (i = contiguous(tp))) {
		list_for_each_entry_safe (p, &i->packets, struct packet, link) {
			list_remove(&p->link);
			tp->rmem -= p->truesize;
			if (seq_leq(p->tcp.end_seq, tp->rcv_nxt)) {
				packet_free(p);
				continue;
			}
			if (seq_lt(p->tcp.seq, tp->rcv_nxt))
				cut_front(p, tp->rcv_nxt);
			fin = p->tcp.flags & TH_FIN;
			tcp_receive(tp, p);
			if (fin)
				break; /* nothing counts behind it */
		}
		island_free(tp, i);
	}
	if (fin)
		tcp_fin(tp);
}

/*
 * Too much memory is held: what lies farthest from its turn goes (the peer keeps it until it is
 * acknowledged: RFC 2018 section 8 allows reneging).
 */
void tcp_ooo_prune(struct tcp_sock *tp)
{
	uint32_t goal = tp->inet.so.rcvbuf - tp->inet.so.rcvbuf / 8;

	while (tp->rmem > goal && tp->nislands > 0) {
		struct tcp_island *last = NULL;

		list_for_each_entry (i, &tp->islands, struct tcp_island, link) {
			if (!last || seq_gt(i->start, last->start))
				last = i;
		}
		/* From the back of the last island, packet by packet. */
		while (tp->rmem > goal && !list_empty(&last->packets)) {
			struct packet *p = list_entry(last->packets.prev, struct packet, link);

			list_remove(&p->link);
			last->end = p->tcp.seq;
			tp->rmem -= p->truesize;
			packet_free(p);
			tcp_stats.rcv_pruned++;
		}
		if (list_empty(&last->packets))
			island_free(tp, last);
	}
}
