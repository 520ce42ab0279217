/* Round trip times and the retransmission timeout (RFC 6298). */
#include "net/tcp.h"

#define MIN_RTT_WINDOW (300 * SECOND)

void tcp_rtt_init(struct tcp_sock *tp)
{
	tp->srtt = tp->rttvar = 0;
	tp->min_rtt = UINT64_MAX;
	tp->rto = TCP_RTO_INIT;
}

void tcp_set_rto(struct tcp_sock *tp)
{
	/* The variance, not the whole, has the minimum: delayed ACKs come on top of the path. */
	uint64_t var = 4 * tp->rttvar;

	if (var < TCP_RTO_MIN)
		var = TCP_RTO_MIN;
	tp->rto = tp->srtt + var;
	if (tp->rto > TCP_RTO_MAX)
		tp->rto = TCP_RTO_MAX;
}

void tcp_rtt_sample(struct tcp_sock *tp, uint64_t rtt)
{
	if (rtt == 0)
		rtt = 1;
	if (rtt <= tp->min_rtt || tcp_now - tp->min_rtt_stamp > MIN_RTT_WINDOW) {
		tp->min_rtt = rtt;
		tp->min_rtt_stamp = tcp_now;
	}
	if (tp->srtt == 0) {
		tp->srtt = rtt;
		tp->rttvar = rtt / 2;
	} else {
		uint64_t diff = rtt > tp->srtt ? rtt - tp->srtt : tp->srtt - rtt;

		/* A shorter round trip widens the variance less, or a path that has become faster
		 * would get a longer timeout. */
		if (rtt < tp->srtt && diff > tp->rttvar)
			diff = tp->rttvar + (diff - tp->rttvar) / 8;
		tp->rttvar = tp->rttvar - (tp->rttvar >> 2) + (diff >> 2);
		tp->srtt = tp->srtt - (tp->srtt >> 3) + (rtt >> 3);
	}
	tcp_set_rto(tp);
}
