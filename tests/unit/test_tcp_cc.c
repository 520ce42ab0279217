/* unit: kernel/net/tcp_cc.c kernel/net/tcp_cubic.c kernel/net/tcp_reno.c kernel/net/tcp_prr.c */
/* Congestion control against the formulas of its RFCs, computed here in floating point. */
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "net/tcp_cc.h"

#define MS   UINT64_C(1000000)
#define SEC  (1000 * MS)
#define MSS  1448u
#define PART 1000 /* relative tolerance: one in so many */

static void near(double got, double want, double part)
{
	if (fabs(got - want) > fabs(want) / part + 1)
		fail_msg("got %f, want %f", got, want);
}

/* One round trip: the whole window is acknowledged, two segments an ACK. */
static void round_trip(struct tcp_cc *c, uint64_t *now, uint64_t rtt, bool limited)
{
	uint32_t left = c->cwnd, flight = c->cwnd;
	uint64_t start = *now;
	bool first = true;

	while (left) {
		uint32_t n = left < 2 * c->mss ? left : 2 * c->mss;
		*now = start + rtt * (flight - left + n) / flight;
		struct tcp_cc_ack a = {.now = *now,
				       .acked = n,
				       .in_flight = left,
				       .rtt = rtt,
				       .srtt = rtt,
				       .min_rtt = rtt,
				       .cwnd_limited = limited,
				       .round_start = first};
		c->ops->on_ack(c, &a);
		left -= n;
		first = false;
	}
}

static void test_find(void **state)
{
	(void)state;
	assert_ptr_equal(tcp_cc_find("cubic"), &tcp_cc_cubic);
	assert_ptr_equal(tcp_cc_find("reno"), &tcp_cc_reno);
	assert_null(tcp_cc_find("bbr"));
	assert_null(tcp_cc_find(""));
}

/* RFC 6928, 2. */
static void test_initial_window(void **state)
{
	struct tcp_cc c;
	static const uint32_t want[][2] = {{536, 5360},	   {1000, 10000}, {1448, 14480},
					   {1460, 14600},  {2190, 14600}, {8960, 17920},
					   {65483, 130966}};

	(void)state;
	for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
		tcp_cc_init(&c, &tcp_cc_cubic, want[i][0]);
		assert_int_equal(c.cwnd, want[i][1]);
		assert_int_equal(c.ssthresh, UINT32_MAX);
	}
	tcp_cc_init(&c, &tcp_cc_cubic, 1460);
	tcp_cc_set_mss(&c, 536); /* untouched window: that of the new size */
	assert_int_equal(c.cwnd, 5360);
	c.cwnd = 500;
	tcp_cc_set_mss(&c, 1000);
	assert_int_equal(c.cwnd, 1000);
}

/* RFC 5681, 3.1: slow start doubles a window each round trip, up to ssthresh exactly. */
static void test_slow_start(void **state)
{
	const struct tcp_cc_ops *all[] = {&tcp_cc_cubic, &tcp_cc_reno};
	struct tcp_cc c;

	(void)state;
	for (int i = 0; i < 2; i++) {
		uint64_t now = SEC;
		tcp_cc_init(&c, all[i], MSS);
		round_trip(&c, &now, 50 * MS, true);
		assert_int_equal(c.cwnd, 20 * MSS);
		round_trip(&c, &now, 50 * MS, false); /* not used up: no growth */
		assert_int_equal(c.cwnd, 20 * MSS);
		c.cwnd_max = 30 * MSS;
		round_trip(&c, &now, 50 * MS, true);
		assert_int_equal(c.cwnd, 30 * MSS);
		c.cwnd_max = 0;
		c.ssthresh = 32 * MSS;
		round_trip(&c, &now, 50 * MS, true);
		assert_in_range(c.cwnd, 32 * MSS, 33 * MSS);
	}
}

/* RFC 5681, 3.1 and 3.2. */
static void test_reno(void **state)
{
	struct tcp_cc c;
	uint64_t now = SEC;

	(void)state;
	tcp_cc_init(&c, &tcp_cc_reno, MSS);
	c.cwnd = 100 * MSS;
	c.ops->on_congestion(&c, 100 * MSS, now);
	assert_int_equal(c.ssthresh, 50 * MSS);
	c.cwnd = c.ssthresh;
	for (uint32_t i = 1; i <= 10; i++) {
		round_trip(&c, &now, 50 * MS, true);
		assert_in_range(c.cwnd, (50 + i - 1) * MSS, (50 + i) * MSS);
	}
	/* The flight counts, not the window; limited transmit does not. */
	c.ops->on_congestion(&c, 20 * MSS, now);
	assert_int_equal(c.ssthresh, 10 * MSS);
	c.cwnd = 30 * MSS;
	c.ops->on_congestion(&c, 32 * MSS, now);
	assert_int_equal(c.ssthresh, 15 * MSS);
	c.ops->on_undo(&c);
	assert_int_equal(c.cwnd, 30 * MSS);
	c.ops->on_undo(&c); /* once */
	/* Timeout: half the flight once a window, one segment. */
	c.cwnd = 40 * MSS;
	c.ops->on_rto(&c, 40 * MSS, now, true);
	assert_int_equal(c.ssthresh, 20 * MSS);
	assert_int_equal(c.cwnd, MSS);
	c.ops->on_rto(&c, MSS, now, false);
	assert_int_equal(c.ssthresh, 20 * MSS);
	c.ops->on_undo(&c);
	assert_int_equal(c.cwnd, 40 * MSS);
	/* At least two segments. */
	c.ops->on_congestion(&c, MSS, now);
	assert_int_equal(c.ssthresh, 2 * MSS);
}

/* RFC 5681, 4.1: back to the restart window, in steps. */
static void test_idle(void **state)
{
	const struct tcp_cc_ops *all[] = {&tcp_cc_cubic, &tcp_cc_reno};
	struct tcp_cc c;

	(void)state;
	for (int i = 0; i < 2; i++) {
		tcp_cc_init(&c, all[i], MSS);
		c.cwnd = 100 * MSS;
		c.ssthresh = 40 * MSS;
		c.ops->on_idle(&c, 200 * MS, 200 * MS, SEC);
		assert_int_equal(c.cwnd, 100 * MSS);
		c.ops->on_idle(&c, 210 * MS, 200 * MS, SEC);
		assert_int_equal(c.cwnd, 50 * MSS);
		assert_int_equal(c.ssthresh, 75 * MSS);
		c.ops->on_idle(&c, 3600 * SEC, 200 * MS, SEC);
		assert_int_equal(c.cwnd, 10 * MSS);
		c.cwnd = 3 * MSS; /* smaller ones do not grow by it */
		c.ops->on_idle(&c, 3600 * SEC, 200 * MS, SEC);
		assert_int_equal(c.cwnd, 3 * MSS);
		c.ops->on_idle(&c, 3600 * SEC, 0, SEC);
	}
}

/* RFC 9438, 4.2, 4.4-4.7: along the curve through the plateau and beyond. */
static void test_cubic_curve(void **state)
{
	struct tcp_cc c;
	uint64_t now = SEC;
	const uint64_t rtt = 100 * MS;
	const double w_max = 1000;

	(void)state;
	tcp_cc_init(&c, &tcp_cc_cubic, MSS);
	c.cwnd = 1000 * MSS;
	c.ops->on_congestion(&c, c.cwnd, now);
	assert_int_equal(c.ssthresh, 700 * MSS);
	c.cwnd = c.ssthresh;
	double k = cbrt((w_max - 700) / 0.4);
	uint64_t start = now + rtt / 700 * 2;
	for (int i = 0; i < 200; i++) {
		round_trip(&c, &now, rtt, true);
		double t = (double)(now - start) / 1e9;
		/* Within a round trip of the curve. */
		double lo = (w_max + 0.4 * pow(t - 0.1 - k, 3)) * MSS * 0.99;
		double hi = (w_max + 0.4 * pow(t + 0.1 - k, 3)) * MSS * 1.01;
		assert_true(c.cwnd >= lo && c.cwnd <= hi);
	}
	assert_true(c.cwnd > 1300 * MSS);
	/* Fast convergence: the second loss below the old maximum. */
	c.cwnd = 800 * MSS;
	c.ops->on_congestion(&c, c.cwnd, now); /* w_max 1000 -> 800 < 1000: 680 */
	assert_int_equal(c.ssthresh, 560 * MSS);
	c.cwnd = c.ssthresh;
	k = cbrt((680. - 560) / 0.4);
	uint64_t at = now;
	while (now < at + (uint64_t)(k * 1e9))
		round_trip(&c, &now, rtt, true);
	near(c.cwnd, 680. * MSS, 100);
}

/* RFC 9438, 4.3: in short networks as fast as Reno with the same average. */
static void test_cubic_reno_friendly(void **state)
{
	struct tcp_cc c;
	uint64_t now = SEC;

	(void)state;
	tcp_cc_init(&c, &tcp_cc_cubic, MSS);
	c.cwnd = 40 * MSS;
	c.ops->on_congestion(&c, c.cwnd, now);
	c.cwnd = c.ssthresh;
	double est = 28;
	for (int i = 0; i < 40; i++) {
		round_trip(&c, &now, 1 * MS, true);
		est += est < 40 ? 9. / 17 : 1;
		near(c.cwnd, est * MSS, 30);
	}
}

/* RFC 9438, 5.8: time that the application wasted does not count. */
static void test_cubic_app_limited(void **state)
{
	struct tcp_cc a, b;
	uint64_t ta = SEC, tb = SEC;

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct tcp_cc *c = i ? &b : &a;
		tcp_cc_init(c, &tcp_cc_cubic, MSS);
		c->cwnd = 500 * MSS;
		c->ops->on_congestion(c, c->cwnd, SEC);
		c->cwnd = c->ssthresh;
	}
	for (int i = 0; i < 60; i++) {
		round_trip(&a, &ta, 50 * MS, true);
		round_trip(&b, &tb, 50 * MS, true);
		if (i == 20) {
			uint32_t before = b.cwnd;
			for (int k = 0; k < 100; k++)
				round_trip(&b, &tb, 50 * MS, false);
			assert_int_equal(b.cwnd, before);
		}
		if (i == 30) { /* a pause shorter than the timeout */
			tb += 150 * MS;
			b.ops->on_idle(&b, 150 * MS, 200 * MS, tb);
		}
	}
	near(b.cwnd, a.cwnd, 200);
}

/* RFC 9438, 4.8 and 4.9. */
static void test_cubic_timeout_undo(void **state)
{
	struct tcp_cc c, twin;
	uint64_t now = SEC, tnow;

	(void)state;
	tcp_cc_init(&c, &tcp_cc_cubic, MSS);
	c.cwnd = 300 * MSS;
	c.ops->on_congestion(&c, c.cwnd, now);
	c.cwnd = c.ssthresh;
	for (int i = 0; i < 10; i++)
		round_trip(&c, &now, 50 * MS, true);
	twin = c;
	tnow = now;
	c.ops->on_rto(&c, c.cwnd, now, true);
	assert_int_equal(c.cwnd, MSS);
	near(c.ssthresh, twin.cwnd * 0.7, PART);
	c.ops->on_rto(&c, MSS, now + SEC, false);
	c.ops->on_undo(&c);
	assert_int_equal(c.cwnd, twin.cwnd);
	assert_int_equal(c.ssthresh, twin.ssthresh);
	/* The curve goes on as if nothing had been. */
	for (int i = 0; i < 30; i++) {
		round_trip(&c, &now, 50 * MS, true);
		round_trip(&twin, &tnow, 50 * MS, true);
	}
	assert_int_equal(c.cwnd, twin.cwnd);

	/* After a true timeout: K = 0 from where slow start ended. */
	c.ops->on_rto(&c, c.cwnd, now, true);
	uint32_t thresh = c.ssthresh;
	while (c.cwnd < thresh)
		round_trip(&c, &now, 50 * MS, true);
	uint64_t start = now;
	for (int i = 0; i < 60; i++)
		round_trip(&c, &now, 50 * MS, true);
	double t = (double)(now - start) / 1e9;
	double cubic = thresh + 0.4 * pow(t + 0.05, 3) * MSS, reno = thresh + 60 * 9. / 17 * MSS;
	near(c.cwnd, cubic > reno ? cubic : reno, 20);
}

/* RFC 9406, 4.2. */
static void test_hystart(void **state)
{
	struct tcp_cc c;
	uint64_t now = SEC;

	(void)state;
	tcp_cc_init(&c, &tcp_cc_cubic, MSS);
	round_trip(&c, &now, 50 * MS, true);
	round_trip(&c, &now, 50 * MS, true);
	round_trip(&c, &now, 53 * MS, true); /* below the threshold of 50 / 8 */
	assert_int_equal(c.cwnd, 80 * MSS);
	/* A spike: slow start grows by a quarter, and goes on as before after it. */
	round_trip(&c, &now, 65 * MS, true);
	assert_in_range(c.cwnd, 100 * MSS, 120 * MSS);
	uint32_t before = c.cwnd;
	round_trip(&c, &now, 50 * MS, true);
	assert_in_range(c.cwnd, before * 3 / 2, before * 2);
	assert_int_equal(c.ssthresh, UINT32_MAX);
	/* A queue that builds up: five rounds, then congestion avoidance. */
	for (uint64_t i = 0; i < 8; i++)
		round_trip(&c, &now, (70 + 10 * i) * MS, true);
	assert_true(c.ssthresh < UINT32_MAX);
	assert_true(c.cwnd < 2 * before * 4);
}

/* Any input leaves a window of at least a segment and at most cwnd_max. */
static void test_bounds(void **state)
{
	const struct tcp_cc_ops *all[] = {&tcp_cc_cubic, &tcp_cc_reno};
	uint64_t x = 88172645463325252u;
	struct tcp_cc c;

	(void)state;
	for (int which = 0; which < 2; which++) {
		tcp_cc_init(&c, all[which], 536);
		uint64_t now = 1;
		for (int i = 0; i < 300000; i++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			now += (x >> 40) << (x & 15);
			switch ((x >> 8) % 40) {
			case 0:
				c.ops->on_congestion(&c, (uint32_t)(x >> 32), now);
				break;
			case 1:
				c.ops->on_rto(&c, (uint32_t)(x >> 32), now, x & 1);
				break;
			case 2:
				c.ops->on_undo(&c);
				break;
			case 3:
				c.ops->on_idle(&c, x >> 20, x >> 36, now);
				break;
			case 4:
				tcp_cc_set_mss(&c, 88 + (uint32_t)(x >> 50));
				break;
			case 5:
				c.cwnd_max = x & 1 ? 1u << 20 | (uint32_t)(x >> 40) : 0;
				if (c.cwnd_max && c.cwnd > c.cwnd_max)
					c.cwnd = c.cwnd_max;
				break;
			default: {
				struct tcp_cc_ack a = {.now = now,
						       .acked = (uint32_t)(x >> (32 + (x & 15))),
						       .rtt = x >> (20 + (x & 31)),
						       .srtt = x >> (10 + (x & 31)),
						       .cwnd_limited = x & 64,
						       .round_start = x & 128};
				c.ops->on_ack(&c, &a);
			}
			}
			assert_true(c.cwnd >= c.mss);
			assert_true(c.ssthresh >= 2 * c.mss);
			assert_true(c.cwnd <= 1u << 30);
		}
	}
}

/* RFC 9937, 6: a single loss in a window of 100; the window comes down in proportion. */
static void test_prr_proportional(void **state)
{
	struct tcp_cc c;
	struct tcp_prr p;
	uint32_t pipe = 100 * MSS, sent = 0, delivered = 0;

	(void)state;
	tcp_cc_init(&c, &tcp_cc_cubic, MSS);
	c.cwnd = 100 * MSS;
	c.ops->on_congestion(&c, pipe, SEC);
	tcp_prr_start(&p, pipe);
	pipe -= MSS; /* the lost one */
	for (int i = 0; i < 96; i++) {
		pipe -= MSS;
		delivered += MSS;
		uint32_t cwnd = tcp_prr_cwnd(&p, &c, MSS, pipe, true);
		if (i == 0)
			assert_true(cwnd >= pipe + MSS); /* the retransmission leaves at once */
		while (pipe + MSS <= cwnd) {
			pipe += MSS;
			sent += MSS;
			tcp_prr_sent(&p, MSS);
		}
		assert_true(sent <= delivered);
	}
	near(pipe, 70. * MSS, 30);
	near(sent, 0.7 * delivered, 30);
}

/* Many losses: pipe falls below ssthresh and slow start builds it up again, never above. */
static void test_prr_slow_start(void **state)
{
	struct tcp_cc c;
	struct tcp_prr p;
	uint32_t pipe = 20 * MSS;

	(void)state;
	tcp_cc_init(&c, &tcp_cc_reno, MSS);
	c.cwnd = 100 * MSS;
	c.ops->on_congestion(&c, 100 * MSS, SEC);
	tcp_prr_start(&p, 100 * MSS);
	uint32_t cwnd = tcp_prr_cwnd(&p, &c, MSS, pipe - MSS, false);
	assert_int_equal(cwnd, pipe); /* conservation: one out for one in */
	tcp_prr_sent(&p, MSS);
	cwnd = tcp_prr_cwnd(&p, &c, MSS, pipe - MSS, true);
	assert_int_equal(cwnd, pipe + MSS); /* one more */
	for (int i = 0; i < 200; i++) {
		pipe -= MSS;
		cwnd = tcp_prr_cwnd(&p, &c, MSS, pipe, true);
		if (cwnd > pipe)
			tcp_prr_sent(&p, cwnd - pipe);
		pipe = cwnd;
		assert_true(cwnd <= c.ssthresh);
	}
	assert_int_equal(pipe, c.ssthresh);
	tcp_prr_start(&p, 0);
	assert_true(tcp_prr_cwnd(&p, &c, 0, 0, false) >= MSS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_find),
	    cmocka_unit_test(test_initial_window),
	    cmocka_unit_test(test_slow_start),
	    cmocka_unit_test(test_reno),
	    cmocka_unit_test(test_idle),
	    cmocka_unit_test(test_cubic_curve),
	    cmocka_unit_test(test_cubic_reno_friendly),
	    cmocka_unit_test(test_cubic_app_limited),
	    cmocka_unit_test(test_cubic_timeout_undo),
	    cmocka_unit_test(test_hystart),
	    cmocka_unit_test(test_bounds),
	    cmocka_unit_test(test_prr_proportional),
	    cmocka_unit_test(test_prr_slow_start),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
