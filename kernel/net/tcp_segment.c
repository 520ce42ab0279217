/* Building segments and handing them to IP. Checksums and cutting to the MSS are left to the
 * interface (CSUM_PARTIAL, GSO). */
#include "net/checksum.h"
#include "net/tcp.h"

#define CHECK_OFFSET 16

/* Makes the route and the header template good. False: there is no way to the peer now. */
bool tcp_route(struct tcp_sock *tp)
{
	if (!route_valid(&tp->inet.route) || !tp->tx_valid) {
		int err = inet_route(&tp->inet, &tp->inet.remote);

		if (err) {
			tp->soft_error = -err;
			return false;
		}
		inet_fill_tx(&tp->inet, &tp->inet.remote, IPPROTO_TCP, &tp->tx);
		tp->tx.src = tp->inet.local;
		tp->tx.df = (ip_is_v4(&tp->inet.remote) ? tp->inet.pmtudisc : tp->inet.pmtudisc6) !=
			    IP_PMTUDISC_DONT;
		tp->pseudo = checksum_fold(
		    checksum_pseudo(&tp->inet.local, &tp->inet.remote, IPPROTO_TCP, 0));
		tp->tx_valid = true;
		tcp_sync_mss(tp);
	}
	return true;
}

static void put_header(uint8_t *h, uint16_t sport, uint16_t dport, uint32_t seq, uint32_t ack,
		       unsigned len, uint8_t flags, uint16_t window)
{
	put_be16(h, sport);
	put_be16(h + 2, dport);
	put_be32(h + 4, seq);
	put_be32(h + 8, ack);
	h[12] = (uint8_t)(len / 4 << 4);
	h[13] = flags;
	put_be16(h + 14, window);
	put_be32(h + 16, 0);
}

/* The sum of the pseudo header goes where the checksum will be. */
static void set_partial(struct packet *p, uint8_t *h, uint16_t pseudo)
{
	uint16_t sum = checksum_fold((uint64_t)pseudo + hton16((uint16_t)p->len));

	memcpy(h + CHECK_OFFSET, &sum, sizeof sum);
	p->l4 = h;
	p->csum = CSUM_PARTIAL;
	p->csum_start = h;
	p->csum_offset = CHECK_OFFSET;
}

/* Puts header and options before the payload of p and sends it. Takes p. */
static bool finish(struct tcp_sock *tp, struct packet *p, uint32_t seq, uint8_t flags)
{
	unsigned opts = (tp->ts_ok ? TCP_TS_SPACE : 0) + tcp_sack_space(tp);
	uint32_t payload = p->len;
	uint8_t *h = packet_push(p, TCP_HEADER + opts), *o = h + TCP_HEADER;
	uint32_t window = tcp_select_window(tp) >> tp->rcv_wscale;

	put_header(h, tp->inet.local_port, tp->inet.remote_port, seq, tp->rcv_nxt,
		   TCP_HEADER + opts, flags, (uint16_t)(window > 65535 ? 65535 : window));
	if (tp->ts_ok)
		o = tcp_put_ts(o, tcp_ts_now(tp), tp->ts_recent);
	if (opts > TCP_TS_SPACE || (opts && !tp->ts_ok))
		tcp_put_sack(o, tp, opts - (unsigned)(o - h - TCP_HEADER));
	if (tp->urg_out) {
		if (seq_gt(tp->snd_up, seq) && tp->snd_up - seq <= 0xffff) {
			h[13] |= TH_URG;
			put_be16(h + 18, (uint16_t)(tp->snd_up - seq));
		} else if (seq_leq(tp->snd_up, tp->snd_una)) {
			tp->urg_out = false;
		}
	}
	set_partial(p, h, tp->pseudo);
	if (payload + opts > tp->mss + (tp->ts_ok ? TCP_TS_SPACE : 0)) {
		p->gso = ip_is_v4(&tp->inet.remote) ? GSO_TCP4 : GSO_TCP6;
		p->gso_size = (uint16_t)(tp->mss + (tp->ts_ok ? TCP_TS_SPACE : 0) - opts);
	}
	tcp_stats.out_segs++;
	tp->segs_out++;
	if (flags & TH_ACK)
		tcp_ack_sent(tp);
	return ip_output(p, &tp->inet.route, &tp->tx) == 0;
}

bool tcp_transmit(struct tcp_sock *tp, struct tcp_seg *first, unsigned count, uint32_t total)
{
	struct tcp_seg *s = first;
	struct packet *p;
	uint8_t flags = TH_ACK;

	if (!tcp_route(tp))
		return false;
	if (first->len && first->mark & SEG_HEADROOM) {
		p = packet_wrap(netbuf_get(first->buf), first->offset, first->len);
		if (!p)
			return false;
		p->head = first->buf->data; /* the headroom is this packet's alone */
		first->mark &= (uint8_t)~SEG_HEADROOM;
	} else {
		p = packet_alloc(0);
		if (!p)
			return false;
		if (first->len)
			packet_add_frag(p, netbuf_get(first->buf), first->offset, first->len);
	}
	for (unsigned i = 1; i < count; i++) {
		s = list_entry(s->link.next, struct tcp_seg, link);
		if (s->len)
			packet_add_frag(p, netbuf_get(s->buf), s->offset, s->len);
	}
	flags |= s->flags & (TH_FIN | TH_PSH);
	if (total) {
		tp->data_out++;
		tp->bytes_sent += total;
		tp->last_sent = tcp_now;
	}
	/* What the ring had no room for counts as sent and lost: recovery sees to it. */
	finish(tp, p, first->seq, flags);
	return true;
}

void tcp_send_control(struct tcp_sock *tp, uint8_t flags, uint32_t seq)
{
	struct packet *p;

	if (!tcp_route(tp))
		return;
	p = packet_alloc(0);
	if (!p)
		return;
	if (flags & TH_RST)
		tcp_stats.out_rsts++;
	finish(tp, p, seq, flags);
}

void tcp_send_ack(struct tcp_sock *tp)
{
	tcp_send_control(tp, TH_ACK, tp->snd_nxt);
}

/* SYN, or SYN and ACK where both ends have opened at once (RFC 9293 3.5, figure 8). */
void tcp_send_syn(struct tcp_sock *tp, struct tcp_seg *s)
{
	struct tcp_syn_options o = {.mss = tp->adv_mss,
				    .ts = tp->ts_ok,
				    .sack = tp->sack_ok,
				    .has_wscale = tp->wscale_ok,
				    .wscale = tp->rcv_wscale,
				    .ts_val = tcp_ts_now(tp),
				    .ts_ecr = tp->ts_recent};
	bool ack = tp->state == TCP_SYN_RECV;
	uint32_t window = tp->rcv_adv - tp->rcv_nxt;
	struct packet *p;
	uint8_t bytes[TCP_MAX_HEADER - TCP_HEADER], *h;
	unsigned opts;

	s->xmit_time = tcp_now;
	if (!tcp_route(tp))
		return;
	p = packet_alloc(0);
	if (!p)
		return;
	opts = tcp_put_syn_options(bytes, &o);
	h = packet_push(p, TCP_HEADER + opts);
	put_header(h, tp->inet.local_port, tp->inet.remote_port, s->seq, ack ? tp->rcv_nxt : 0,
		   TCP_HEADER + opts, ack ? TH_SYN | TH_ACK : TH_SYN,
		   (uint16_t)(window > 65535 ? 65535 : window));
	memcpy(h + TCP_HEADER, bytes, opts);
	set_partial(p, h, tp->pseudo);
	tcp_stats.out_segs++;
	tp->segs_out++;
	ip_output(p, &tp->inet.route, &tp->tx);
}

void tcp_send_reply(const struct tcp_reply *r)
{
	struct ip_tx tx = {.src = r->local,
			   .dst = r->remote,
			   .protocol = IPPROTO_TCP,
			   .tos = r->tos,
			   .ttl = r->ttl,
			   .df = true};
	uint8_t bytes[TCP_MAX_HEADER - TCP_HEADER], *h;
	struct packet *p;
	struct route rt;
	unsigned opts = 0;

	memset(&rt, 0, sizeof rt);
	if (route_lookup(&rt, &r->remote, &r->local, r->ifindex))
		return;
	p = packet_alloc(0);
	if (!p)
		return;
	if (r->syn) {
		opts = tcp_put_syn_options(bytes, r->syn);
	} else if (r->ts) {
		tcp_put_ts(bytes, r->ts_val, r->ts_ecr);
		opts = TCP_TS_SPACE;
	}
	h = packet_push(p, TCP_HEADER + opts);
	put_header(h, r->lport, r->rport, r->seq, r->ack, TCP_HEADER + opts, r->flags, r->window);
	memcpy(h + TCP_HEADER, bytes, opts);
	set_partial(p, h, checksum_fold(checksum_pseudo(&r->local, &r->remote, IPPROTO_TCP, 0)));
	tcp_stats.out_segs++;
	ip_output(p, &rt, &tx);
}
