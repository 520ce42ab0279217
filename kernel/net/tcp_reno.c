/* Congestion control as of RFC 5681, in bytes (appropriate byte counting, RFC 3465). */
#include "net/tcp_cc_internal.h"

struct reno {
	uint64_t counted; /* bytes acknowledged towards the next segment of growth */
	uint32_t undo_cwnd, undo_ssthresh;
	bool undo_valid;
};
_Static_assert(sizeof(struct reno) <= sizeof((struct tcp_cc *)0)->state, "state");

static struct reno *reno_of(struct tcp_cc *c)
{
	return (struct reno *)(void *)c->state;
}

static void reno_init(struct tcp_cc *c)
{
	*reno_of(c) = (struct reno){0};
}

static void reno_on_ack(struct tcp_cc *c, const struct tcp_cc_ack *a)
{
	struct reno *r = reno_of(c);
	uint32_t acked = a->acked;

	if (!a->cwnd_limited) /* RFC 7661, 4.4: a window not in use tells nothing */
		return;
	if (c->cwnd < c->ssthresh)
		acked = tcp_cc_slow_start(c, acked, 1);
	if (!acked || c->cwnd < c->ssthresh)
		return;
	/* One segment for each window acknowledged (RFC 5681, 3.1, formula 3 by counting). */
	r->counted += acked;
	if (r->counted >= c->cwnd) {
		uint64_t windows = r->counted / c->cwnd;
		r->counted %= c->cwnd;
		c->cwnd = tcp_cc_bound(c, c->cwnd + windows * c->mss);
	}
}

/* RFC 5681, formula 4. The flight may exceed the window by what limited transmit sent. */
static void reno_reduce(struct tcp_cc *c, uint32_t in_flight)
{
	struct reno *r = reno_of(c);
	uint32_t half = (in_flight < c->cwnd ? in_flight : c->cwnd) / 2;

	r->undo_cwnd = c->cwnd;
	r->undo_ssthresh = c->ssthresh;
	r->undo_valid = true;
	r->counted = 0;
	c->ssthresh = half > 2 * c->mss ? half : 2 * c->mss;
}

static void reno_on_congestion(struct tcp_cc *c, uint32_t in_flight, uint64_t now)
{
	(void)now;
	reno_reduce(c, in_flight);
}

static void reno_on_rto(struct tcp_cc *c, uint32_t in_flight, uint64_t now, bool first)
{
	(void)now;
	if (first)
		reno_reduce(c, in_flight);
	c->cwnd = c->mss;
}

static void reno_on_undo(struct tcp_cc *c)
{
	struct reno *r = reno_of(c);

	if (!r->undo_valid)
		return;
	r->undo_valid = false;
	if (c->cwnd < r->undo_cwnd)
		c->cwnd = r->undo_cwnd;
	if (c->ssthresh < r->undo_ssthresh)
		c->ssthresh = r->undo_ssthresh;
}

static void reno_on_idle(struct tcp_cc *c, uint64_t idle, uint64_t rto, uint64_t now)
{
	(void)now;
	tcp_cc_restart(c, idle, rto);
}

const struct tcp_cc_ops tcp_cc_reno = {
    .name = "reno",
    .init = reno_init,
    .on_ack = reno_on_ack,
    .on_congestion = reno_on_congestion,
    .on_rto = reno_on_rto,
    .on_undo = reno_on_undo,
    .on_idle = reno_on_idle,
};
