/*
 * The receive window: how much is offered, and how the buffer behind it grows with the path
 * ("dynamic right-sizing", Fisk and Feng, 2001); the send buffer likewise.
 */
#include "net/tcp.h"

#define RATIO_INIT 128u /* half of the memory is payload, until packets tell otherwise */
#define RATIO_MAX  250u

uint32_t tcp_rcv_wnd(const struct tcp_sock *tp)
{
	return seq_gt(tp->rcv_adv, tp->rcv_nxt) ? tp->rcv_adv - tp->rcv_nxt : 0;
}

uint32_t tcp_initial_window(uint32_t rcvbuf, uint16_t mss, uint32_t clamp)
{
	uint32_t w = (uint32_t)((uint64_t)rcvbuf * RATIO_INIT >> 8);

	if (w > 65535)
		w = 65535;
	if (clamp && w > clamp)
		w = clamp;
	return w > mss ? w - w % mss : w;
}

/* The scale with which the largest buffer can be offered (RFC 7323 2.2). */
uint8_t tcp_choose_wscale(const struct tcp_sock *tp)
{
	uint32_t space = tcp_limits.rmem_max;
	uint8_t scale = 0;

	if (tp->inet.so.rcvbuf > space || tp->inet.so.rcvbuf_locked)
		space = tp->inet.so.rcvbuf;
	if (tp->window_clamp && tp->window_clamp < space)
		space = tp->window_clamp;
	while (space > 65535 && scale < TCP_MAX_WSCALE) {
		space >>= 1;
		scale++;
	}
	return scale;
}

void tcp_window_init(struct tcp_sock *tp)
{
	uint32_t first = 10u * tp->adv_mss; /* what comes in the first round trip */

	tp->rcv_ratio = RATIO_INIT;
	tp->rcvq_space = tcp_rcv_wnd(tp) < first && tcp_rcv_wnd(tp) ? tcp_rcv_wnd(tp) : first;
	tp->rcvq_seq = tp->copied_seq;
	tp->rcvq_time = tcp_now;
}

static uint32_t free_space(const struct tcp_sock *tp)
{
	uint32_t rcvbuf = tp->inet.so.rcvbuf, space, most = 65535u << tp->rcv_wscale;

	space = rcvbuf > tp->rmem ? rcvbuf - tp->rmem : 0;
	space = (uint32_t)((uint64_t)space * tp->rcv_ratio >> 8);
	if (tp->window_clamp && tp->window_clamp < most)
		most = tp->window_clamp;
	return space < most ? space : most;
}

/* The window that would be offered now, without the rules against silly windows. */
static uint32_t next_window(const struct tcp_sock *tp, uint32_t current)
{
	uint32_t space = free_space(tp), mask = (1u << tp->rcv_wscale) - 1;
	/* What an empty buffer would offer: a step beyond that would close the window for good. */
	uint32_t full = (uint32_t)((uint64_t)tp->inet.so.rcvbuf * tp->rcv_ratio >> 8);
	uint32_t step = tp->rcv_mss < full / 4 ? tp->rcv_mss : full / 4;

	/* RFC 9293 3.8.6.2.2: the right edge moves by a segment or half the buffer, and never
	 * back (3.8.6). */
	if (space < current + step && !(space > current && current == 0 && space >= step))
		space = current;
	space &= ~mask;
	if (space < current)
		space = (current + mask) & ~mask;
	return space;
}

uint32_t tcp_select_window(struct tcp_sock *tp)
{
	uint32_t current = tcp_rcv_wnd(tp), w;

	w = next_window(tp, current);
	tp->rcv_adv = tp->rcv_nxt + w;
	return w;
}

/*
 * After the program has read: does the peer need to hear of it? If more than a segment is not yet
 * acknowledged (the rule of every second one), or if the window can grow to twice what is left.
 */
void tcp_cleanup_rbuf(struct tcp_sock *tp, uint32_t copied)
{
	uint32_t current;

	if (TCP_IN(tp, TCPF(TCP_CLOSE) | TCPF(TCP_SYN_SENT) | TCPF(TCP_LISTEN)))
		return;
	if (tp->ack_pending != TCP_ACK_NONE && tp->rcv_nxt - tp->rcv_wup > tp->rcv_mss) {
		tcp_send_ack(tp);
		return;
	}
	if (copied == 0 || tp->inet.so.shutdown & RCV_SHUTDOWN)
		return;
	current = tcp_rcv_wnd(tp);
	if (2 * current <= (uint64_t)tp->inet.so.rcvbuf * tp->rcv_ratio >> 8) {
		uint32_t next = next_window(tp, current);

		if (next > 0 && next >= 2 * current)
			tcp_send_ack(tp);
	}
}

void tcp_rcv_rtt_measure(struct tcp_sock *tp, const struct packet *p, const struct tcp_options *o)
{
	uint64_t sample;

	if (tp->ts_ok && o && o->has_ts && o->ts_ecr && p->len >= tp->rcv_mss) {
		uint32_t ms = tcp_ts_now(tp) - o->ts_ecr;

		if (ms > 60000)
			return;
		/* The clock is coarse; the sender's side knows short paths better. */
		sample = ms ? ms * MS : tp->srtt && tp->srtt < MS ? tp->srtt : MS / 2;
	} else {
		if (tp->rcv_rtt_time && seq_lt(tp->rcv_nxt, tp->rcv_rtt_seq))
			return;
		sample = tp->rcv_rtt_time ? tcp_now - tp->rcv_rtt_time : 0;
		tp->rcv_rtt_seq = tp->rcv_nxt + tcp_rcv_wnd(tp);
		tp->rcv_rtt_time = tcp_now;
		if (!sample || (tp->rcv_rtt && sample > tp->rcv_rtt))
			return;
	}
	tp->rcv_rtt = tp->rcv_rtt ? tp->rcv_rtt - (tp->rcv_rtt >> 3) + (sample >> 3) : sample;
}

/* Once a round trip: twice of what the program took in the last one should fit. */
void tcp_rcv_adjust(struct tcp_sock *tp)
{
	uint32_t copied;
	uint64_t want;

	if (tp->rcv_rtt == 0 || tcp_now - tp->rcvq_time < tp->rcv_rtt)
		return;
	copied = tp->copied_seq - tp->rcvq_seq;
	if (copied > tp->rcvq_space) {
		want = 2ull * copied + 16ull * tp->rcv_mss;
		want += want * (copied - tp->rcvq_space) / tp->rcvq_space;
		want = want * 256 / tp->rcv_ratio;
		if (want > tcp_limits.rmem_max)
			want = tcp_limits.rmem_max;
		if (want > tp->inet.so.rcvbuf && !tp->inet.so.rcvbuf_locked &&
		    !packet_memory_pressure())
			tp->inet.so.rcvbuf = (uint32_t)want;
		tp->rcvq_space = copied;
	}
	tp->rcvq_seq = tp->copied_seq;
	tp->rcvq_time = tcp_now;
}

/* The send buffer holds two windows, and their memory. */
void tcp_sndbuf_expand(struct tcp_sock *tp)
{
	uint64_t want = 2ull * tp->cc.cwnd + 16ull * TCP_SEG_OVERHEAD;

	want += want / 4;
	if (want > tcp_limits.wmem_max)
		want = tcp_limits.wmem_max;
	if (want > tp->inet.so.sndbuf && !tp->inet.so.sndbuf_locked && !packet_memory_pressure())
		tp->inet.so.sndbuf = (uint32_t)want;
}
