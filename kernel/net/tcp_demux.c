/* Segments from IP: validity, and whose they are. ICMP errors likewise. */
#include <asm/errno.h>
#include "net/checksum.h"
#include "net/net.h"
#include "net/netif.h"
#include "net/tcp.h"

uint64_t tcp_now;
struct tcp_stats tcp_stats;

void tcp_clock_update(void)
{
	tcp_now = net_now();
}

/* Header in the linear part and consistent, checksum right. */
static bool valid(struct packet *p, unsigned *header)
{
	unsigned len;

	if (p->len < TCP_HEADER ||
	    (packet_linear(p) < TCP_HEADER && packet_need_linear(p, TCP_HEADER)))
		return false;
	len = (unsigned)(p->data[12] >> 4) * 4;
	if (len < TCP_HEADER || len > p->len ||
	    (packet_linear(p) < len && packet_need_linear(p, len)))
		return false;
	if (p->csum == CSUM_NONE) {
		uint64_t pseudo = checksum_pseudo(&p->src, &p->dst, IPPROTO_TCP, p->len);

		if (packet_sum(p, 0, p->len, checksum_fold(pseudo)) != 0xffff) {
			tcp_stats.csum_errors++;
			return false;
		}
	}
	/* Nobody talks TCP with a group (RFC 1122 4.2.3.10). */
	if (p->broadcast || p->multicast || ip_is_multicast(&p->dst) || ip_is_multicast(&p->src) ||
	    ip_is_any(&p->src))
		return false;
	*header = len;
	return true;
}

static bool is_listening(const struct inet_sock *s)
{
	return ((const struct tcp_sock *)(const void *)s)->state == TCP_LISTEN;
}

/* Answers p, which belongs to nobody, with RST (RFC 9293 3.10.7.1). */
void tcp_reset_reply(const struct packet *p)
{
	struct tcp_reply r = {.local = p->dst,
			      .remote = p->src,
			      .lport = get_be16(p->l4 + 2),
			      .rport = get_be16(p->l4)};

	if (tcp_flag(p, TH_RST))
		return;
	if (ip_is_linklocal6(&p->src) && p->netif)
		r.ifindex = p->netif->index;
	if (tcp_flag(p, TH_ACK)) {
		r.seq = p->tcp.ack;
		r.flags = TH_RST;
	} else {
		r.ack = p->tcp.end_seq;
		r.flags = TH_RST | TH_ACK;
	}
	tcp_stats.out_rsts++;
	tcp_send_reply(&r);
}

/* Half-open connections, pairs in TIME-WAIT, listeners: what is not a connection. Takes p. */
static void small_input(struct packet *p, uint16_t lport, uint16_t rport, int ifindex)
{
	uint32_t hash = inet_hash(&tcp_table, &p->dst, lport, &p->src, rport), isn = 0;
	const uint8_t *options = p->l4 + TCP_HEADER;
	unsigned len = (unsigned)(p->l4[12] >> 4) * 4 - TCP_HEADER;
	struct tcp_options o;
	struct tcp_request *r;
	struct tcp_timewait *tw;
	struct inet_sock *l;

	tcp_parse_options(options, len, tcp_flag(p, TH_SYN), &o);
	r = tcp_request_find(hash, &p->dst, lport, &p->src, rport);
	if (r) {
		tcp_request_segment(r, p, &o);
		return;
	}
	tw = tcp_timewait_find(hash, &p->dst, lport, &p->src, rport);
	if (tw && tcp_timewait_segment(tw, p, &o, &isn))
		return;
	l = inet_lookup_bound(&tcp_table, &p->dst, lport, &p->src, rport, ifindex, is_listening);
	if (l) {
		tcp_listen_segment(tcp_of_inet(l), p, &o, hash, isn);
		return;
	}
	tcp_reset_reply(p);
	packet_free(p);
}

void tcp_input(struct packet *p)
{
	uint16_t lport, rport;
	struct inet_sock *s;
	unsigned header;
	const uint8_t *h;
	int ifindex;

	tcp_stats.in_segs++;
	if (!valid(p, &header)) {
		tcp_stats.in_errs++;
		packet_free(p);
		return;
	}
	tcp_clock_update();
	h = p->l4 = p->data;
	rport = get_be16(h);
	lport = get_be16(h + 2);
	p->tcp.seq = get_be32(h + 4);
	p->tcp.ack = get_be32(h + 8);
	p->tcp.flags = h[13];
	p->tcp.window = get_be16(h + 14);
	packet_pull(p, header);
	p->tcp.end_seq = p->tcp.seq + p->len + (h[13] & TH_FIN) + ((h[13] & TH_SYN) >> 1);
	ifindex = p->netif ? p->netif->index : 0;
	s = inet_lookup_connected(&tcp_table, &p->dst, lport, &p->src, rport, ifindex);
	if (s)
		tcp_segment(tcp_of_inet(s), p);
	else
		small_input(p, lport, rport, ifindex);
	tcp_reap();
}

/* RFC 1191, 8201: the packet was too big for the path. */
static void pmtu_error(struct tcp_sock *tp, const struct icmp_error *e)
{
	uint16_t old = tp->mss;

	route_update_pmtu(&e->remote, e->mtu, e->length);
	if (!tcp_route(tp))
		return;
	tcp_sync_mss(tp);
	if (tp->mss >= old)
		return;
	/* What is out in larger segments will not arrive: again, smaller. */
	for (struct tcp_seg *s = list_entry(tp->send_queue.next, struct tcp_seg, link);
	     &s->link != &tp->send_queue && s->xmit_time;
	     s = list_entry(s->link.next, struct tcp_seg, link)) {
		if (s->len > tp->mss || s->link.prev == &tp->send_queue)
			tcp_mark_lost(tp, s);
	}
	tcp_output(tp);
}

/*
 * RFC 5927 and RFC 1122 4.2.3.9: errors count only for sequence numbers in flight; hard ones end a
 * connection attempt, soft ones are remembered for a timeout to report.
 */
void tcp_icmp_error(const struct icmp_error *e)
{
	uint16_t lport, rport;
	uint32_t seq;
	struct inet_sock *s;
	struct tcp_sock *tp;

	if (e->payload_len < 8)
		return;
	tcp_clock_update();
	lport = get_be16(e->payload);
	rport = get_be16(e->payload + 2);
	seq = get_be32(e->payload + 4);
	s = inet_lookup_connected(&tcp_table, &e->local, lport, &e->remote, rport, 0);
	if (!s) {
		struct tcp_request *r =
		    tcp_request_find(inet_hash(&tcp_table, &e->local, lport, &e->remote, rport),
				     &e->local, lport, &e->remote, rport);

		if (r)
			tcp_request_icmp(r, e, seq);
		return;
	}
	tp = tcp_of_inet(s);
	if (tp->state == TCP_CLOSE || seq_lt(seq, tp->snd_una) || seq_gt(seq, tp->snd_nxt))
		return;
	if (e->error == EMSGSIZE) {
		if (TCP_IN(tp, TCPF_SYNCHRONIZED))
			pmtu_error(tp, e);
	} else if (TCP_IN(tp, TCPF(TCP_SYN_SENT) | TCPF(TCP_SYN_RECV))) {
		if (s->recverr || s->recverr6)
			inet_queue_error(s, e);
		tcp_done(tp, e->error);
	} else if (s->recverr || s->recverr6) {
		inet_queue_error(s, e);
		socket_set_error(&s->so, e->error, 0);
	} else {
		tp->soft_error = e->error;
	}
	tcp_reap();
}
