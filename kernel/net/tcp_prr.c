/*
 * Proportional Rate Reduction (RFC 9937, which succeeds RFC 6937): how cwnd comes down to ssthresh
 * during a recovery, ACK by ACK, instead of at a blow.
 */
#include "net/tcp_cc.h"

void tcp_prr_start(struct tcp_prr *p, uint32_t in_flight)
{
	p->delivered = 0;
	p->out = 0;
	p->recover_fs = in_flight ? in_flight : 1;
}

uint32_t tcp_prr_cwnd(struct tcp_prr *p, const struct tcp_cc *c, uint32_t delivered, uint32_t pipe,
		      bool safe)
{
	uint64_t count;

	p->delivered += delivered;
	if (pipe > c->ssthresh) {
		/* As many bytes leave as have arrived, times the reduction, rounded up. Both
		 * factors fit 32 bits but for a recovery of more than 4 GiB. */
		uint64_t share = (p->delivered * c->ssthresh + p->recover_fs - 1) / p->recover_fs;
		count = share > p->out ? share - p->out : 0;
	} else {
		/* The conservative bound: no more than what has left the network; one segment
		 * more, as in slow start, while the recovery goes well. */
		count = p->delivered > p->out ? p->delivered - p->out : 0;
		if (count < delivered)
			count = delivered;
		if (safe)
			count += c->mss;
		if (count > c->ssthresh - pipe)
			count = c->ssthresh - pipe;
	}
	/* The first retransmission never waits. */
	if (!p->out && count < c->mss)
		count = c->mss;
	count += pipe;
	return count < UINT32_MAX ? (uint32_t)count : UINT32_MAX;
}

void tcp_prr_sent(struct tcp_prr *p, uint32_t bytes)
{
	p->out += bytes;
}
