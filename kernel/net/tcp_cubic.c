/*
 * CUBIC (RFC 9438) with HyStart++ (RFC 9406) for the first slow start. Windows are in bytes; the
 * cubic function is computed in units of time of 2^14 ns, so that an ACK costs no division for it.
 */
#include "net/tcp_cc_internal.h"

#define MS UINT64_C(1000000)

/* HyStart++, RFC 9406, 4.3. */
#define MIN_RTT_THRESH	   (4 * MS)
#define MAX_RTT_THRESH	   (16 * MS)
#define MIN_RTT_DIVISOR	   8
#define N_RTT_SAMPLE	   8
#define CSS_GROWTH_DIVISOR 4
#define CSS_ROUNDS	   5

/* Time: 2^14 ns a unit, capped at 2^28 units, which are 73 minutes. */
#define UNIT_SHIFT 14
#define UNITS_MAX  ((1u << 28) - 1)
/* C = 0.4 segments/s^3, as segments/unit^3 times 2^64: 0.4 * 2^64 * (2^14 / 10^9)^3. */
#define C_SCALED 32452u

/* beta_cubic = 0.7; alpha_cubic = 3 * (1 - beta) / (1 + beta) = 9/17 (RFC 9438, 4.3). */
#define BETA_NUM  7
#define BETA_DEN  10
#define ALPHA_NUM 9
#define ALPHA_DEN 17

/* What a spurious loss event brings back (RFC 9438, 4.9.2). */
struct cubic_epoch {
	uint64_t start;	      /* 0: none yet */
	uint64_t limited_off; /* since when the application has been the limit; 0: it is not */
	uint32_t k;	      /* units from start until the window is w_max again */
	uint32_t origin;      /* the window at the plateau */
	uint32_t w_max;	      /* before the last reduction, after fast convergence; 0: none */
	uint32_t prior;	      /* cwnd at the last reduction */
	uint32_t w_est;	      /* what Reno would have */
	uint64_t est_rest;    /* of the division in its growth */
	uint64_t rest;	      /* of that of cwnd */
};

struct cubic {
	struct cubic_epoch e, undo;
	uint32_t undo_cwnd, undo_ssthresh;
	/* HyStart++ */
	uint32_t last_min, current_min; /* of round trips, in units; UINT32_MAX: none */
	uint32_t css_baseline;
	uint8_t samples, css_rounds;
	bool css, undo_valid;
};
_Static_assert(sizeof(struct cubic) <= sizeof((struct tcp_cc *)0)->state, "state");

static struct cubic *cubic_of(struct tcp_cc *c)
{
	return (struct cubic *)(void *)c->state;
}

static uint32_t units(uint64_t ns)
{
	uint64_t u = ns >> UNIT_SHIFT;

	return u < UNITS_MAX ? (uint32_t)u : UNITS_MAX;
}

static void cubic_init(struct tcp_cc *c)
{
	struct cubic *q = cubic_of(c);

	*q = (struct cubic){0};
	q->last_min = q->current_min = q->css_baseline = UINT32_MAX;
}

/* C * d^3 in bytes. 2^84 * 2^15 * 2^16 at most. */
static uint64_t cube(const struct tcp_cc *c, uint32_t d)
{
	return (uint64_t)((((unsigned __int128)d * d) * d * C_SCALED * c->mss) >> 64);
}

/* K = cbrt(bytes / C), the largest d with cube(d) <= bytes (RFC 9438, figure 2). */
static uint32_t cube_root(const struct tcp_cc *c, uint32_t bytes)
{
	uint32_t d = 0;

	for (uint32_t bit = (UNITS_MAX + 1) / 2; bit; bit >>= 1)
		if (cube(c, d | bit) <= bytes)
			d |= bit;
	return d;
}

/* W_cubic(t), at least 0 (RFC 9438, figure 1). */
static uint64_t w_cubic(const struct tcp_cc *c, const struct cubic_epoch *e, uint32_t t)
{
	if (t >= e->k)
		return e->origin + cube(c, t - e->k);
	uint64_t below = cube(c, e->k - t);
	return below < e->origin ? e->origin - below : 0;
}

/* The first ACK of congestion avoidance (RFC 9438, 4.2). */
static void epoch_begin(struct tcp_cc *c, struct cubic_epoch *e, uint64_t now)
{
	e->start = now;
	e->limited_off = 0;
	e->rest = e->est_rest = 0;
	e->w_est = c->cwnd;
	if (c->cwnd < e->w_max) {
		e->origin = e->w_max;
		e->k = cube_root(c, e->w_max - c->cwnd);
	} else {
		e->origin = c->cwnd;
		e->k = 0;
	}
}

static void avoid_congestion(struct tcp_cc *c, struct cubic_epoch *e, const struct tcp_cc_ack *a,
			     uint32_t acked)
{
	uint32_t cwnd = c->cwnd;
	uint64_t grown = cwnd;

	/* Time in which the application was the limit does not count (RFC 9438, 5.8). */
	if (e->start && e->limited_off) {
		e->start += a->now - e->limited_off;
		e->limited_off = 0;
	}
	if (!e->start)
		epoch_begin(c, e, a->now);
	uint64_t t = a->now - e->start;

	/* The Reno-friendly window (4.3): alpha segments for each window acknowledged. */
	uint32_t alpha = e->w_est < e->prior ? ALPHA_NUM : ALPHA_DEN;
	uint64_t per_segment = (uint64_t)ALPHA_DEN * cwnd;
	e->est_rest += (uint64_t)acked * c->mss * alpha;
	if (e->est_rest >= per_segment) {
		uint64_t est = e->w_est + e->est_rest / per_segment;
		e->est_rest %= per_segment;
		e->w_est = tcp_cc_bound(c, est);
	}

	if (w_cubic(c, e, units(t)) < e->w_est) {
		grown = e->w_est;
		e->rest = 0;
	} else {
		/* Concave and convex regions (4.4, 4.5): a window later cwnd shall be the target.
		 */
		uint64_t target = w_cubic(c, e, units(t + a->srtt));
		if (target > cwnd + cwnd / 2)
			target = cwnd + cwnd / 2;
		if (target > cwnd) {
			e->rest += (target - cwnd) * acked;
			if (e->rest >= cwnd) {
				grown += e->rest / cwnd;
				e->rest %= cwnd;
			}
		}
	}
	if (grown > cwnd)
		c->cwnd = tcp_cc_bound(c, grown);
}

/* HyStart++ (RFC 9406, 4.2): leaves slow start when round trips get longer, before losses do. */
static void hystart(struct tcp_cc *c, struct cubic *q, const struct tcp_cc_ack *a)
{
	if (a->round_start) {
		if (q->css && ++q->css_rounds >= CSS_ROUNDS) {
			c->ssthresh = c->cwnd;
			return;
		}
		q->last_min = q->current_min;
		q->current_min = UINT32_MAX;
		q->samples = 0;
	}
	if (!a->rtt)
		return;
	uint32_t rtt = units(a->rtt);
	if (rtt < q->current_min)
		q->current_min = rtt;
	if (q->samples < N_RTT_SAMPLE && ++q->samples < N_RTT_SAMPLE)
		return;
	if (q->css) {
		if (q->current_min < q->css_baseline) { /* it was but a spike */
			q->css = false;
			q->css_baseline = UINT32_MAX;
		}
		return;
	}
	if (q->last_min == UINT32_MAX)
		return;
	uint32_t thresh = q->last_min / MIN_RTT_DIVISOR;
	if (thresh < MIN_RTT_THRESH >> UNIT_SHIFT)
		thresh = MIN_RTT_THRESH >> UNIT_SHIFT;
	if (thresh > MAX_RTT_THRESH >> UNIT_SHIFT)
		thresh = MAX_RTT_THRESH >> UNIT_SHIFT;
	if (q->current_min >= q->last_min + thresh) {
		q->css = true;
		q->css_rounds = 0;
		q->css_baseline = q->current_min;
	}
}

static void cubic_on_ack(struct tcp_cc *c, const struct tcp_cc_ack *a)
{
	struct cubic *q = cubic_of(c);
	uint32_t acked = a->acked;

	/* Only the first slow start looks for the path's limit. */
	if (c->ssthresh == UINT32_MAX)
		hystart(c, q, a);
	if (!a->cwnd_limited) {
		if (q->e.start && !q->e.limited_off)
			q->e.limited_off = a->now;
		return;
	}
	if (c->cwnd < c->ssthresh)
		acked = tcp_cc_slow_start(
		    c, acked, q->css && c->ssthresh == UINT32_MAX ? CSS_GROWTH_DIVISOR : 1);
	if (acked && c->cwnd >= c->ssthresh)
		avoid_congestion(c, &q->e, a, acked);
}

/* RFC 9438, 4.6 and 4.7. cwnd stands for the flight, as it allows where cwnd does not grow unless
 * it is used up: bytes lost or SACKed are no longer in flight. */
static void reduce(struct tcp_cc *c, struct cubic *q)
{
	uint32_t less = (uint32_t)((uint64_t)c->cwnd * BETA_NUM / BETA_DEN);

	q->undo = q->e;
	q->undo_cwnd = c->cwnd;
	q->undo_ssthresh = c->ssthresh;
	q->undo_valid = true;

	/* Fast convergence: who has less than before makes room for others. */
	q->e.w_max = c->cwnd < q->e.w_max
			 ? (uint32_t)((uint64_t)c->cwnd * (BETA_DEN + BETA_NUM) / (2 * BETA_DEN))
			 : c->cwnd;
	q->e.prior = c->cwnd;
	q->e.start = 0;
	q->e.limited_off = 0;
	c->ssthresh = less > 2 * c->mss ? less : 2 * c->mss;
}

static void cubic_on_congestion(struct tcp_cc *c, uint32_t in_flight, uint64_t now)
{
	(void)in_flight;
	(void)now;
	reduce(c, cubic_of(c));
}

/* RFC 9438, 4.8: the next congestion avoidance starts from its own window, with K = 0. */
static void cubic_on_rto(struct tcp_cc *c, uint32_t in_flight, uint64_t now, bool first)
{
	struct cubic *q = cubic_of(c);

	(void)in_flight;
	(void)now;
	if (first)
		reduce(c, q);
	q->e.start = 0;
	q->e.w_max = 0;
	c->cwnd = c->mss;
}

static void cubic_on_undo(struct tcp_cc *c)
{
	struct cubic *q = cubic_of(c);

	if (!q->undo_valid)
		return;
	q->undo_valid = false;
	q->e = q->undo;
	if (c->cwnd < q->undo_cwnd)
		c->cwnd = q->undo_cwnd;
	if (c->ssthresh < q->undo_ssthresh)
		c->ssthresh = q->undo_ssthresh;
}

/* The window that comes after a pause starts an epoch of its own; a shorter one is time in which
 * nothing was learnt (RFC 9438, 5.8). */
static void cubic_on_idle(struct tcp_cc *c, uint64_t idle, uint64_t rto, uint64_t now)
{
	struct cubic_epoch *e = &cubic_of(c)->e;

	if (idle > rto) {
		tcp_cc_restart(c, idle, rto);
		e->start = 0;
	} else if (e->start && !e->limited_off) {
		e->start += idle;
		if (e->start > now)
			e->start = now;
	}
}

const struct tcp_cc_ops tcp_cc_cubic = {
    .name = "cubic",
    .init = cubic_init,
    .on_ack = cubic_on_ack,
    .on_congestion = cubic_on_congestion,
    .on_rto = cubic_on_rto,
    .on_undo = cubic_on_undo,
    .on_idle = cubic_on_idle,
};
