/* Windows: what either end may send and offers. RFC 9293, 3.8.6; RFC 1122, 4.2; RFC 7323, 2. */
#include <asm/errno.h>
#include "packet.h"

/* The right edge of the window that the machine offers. */
static uint32_t edge(void)
{
	return c->last_ack + (c->last_win << c->wscale);
}

CASE(window_edge, "RFC 9293 3.8.6, SHLD-14", "the right edge never moves left; what fits is kept")
{
	int fd = passive(ALL, 65535);
	uint32_t seq = 1, right;

	in(". 1:2 ack 1");
	CHECK(any_within(500));
	right = edge();
	seq = 2;
	for (int i = 0; i < 10000 && c->last_win; i++) {
		uint32_t n = right - seq < mss() ? right - seq : mss();
		if (!n)
			break;
		in(". %u:%u ack 1", seq, seq + n);
		seq += n;
		if (!any_within(500))
			fail(__FILE__, __LINE__, "no ACK of %u", seq);
		CHECK_EQ(c->last_ack, seq);
		CHECK((int32_t)(edge() - right) >= 0);
		right = edge();
	}
	CHECK_EQ(seq, right);
	CHECK(seq > 40000);
	/* Beyond the window nothing is taken, and everything answered. */
	in(". %u:%u ack 1", seq, seq + 100);
	out(". 1 ack %u win 0", seq);
	long n, total = 0;
	while ((n = sk_recv(fd, 20000, 0)) > 0)
		total += n;
	CHECK_EQ(total, seq - 1);
	/* The window opens, and says so. */
	CHECK(any_within(0));
	CHECK(edge() - seq >= mss());
	discard();
	in(". %u:%u ack 1", seq, seq + 100);
	CHECK_EQ(sk_recv(fd, 1000, 0), 100);
}

CASE(window_partly, "RFC 9293 3.10.7.4",
     "of a segment that begins in the window the rest is cut off")
{
	int l = listen_on(80, 1);

	CHECK_EQ(sk_set(l, SOL_SOCKET, SO_RCVBUF, 4096), 0);
	in("S 0 win 5000 <mss 1000>");
	out("S. 0 ack 1");
	uint32_t right = 1 + c->last_win;
	in(". 1 ack 1");
	int fd = (int)sk_accept(l);
	CHECK(right < 12000);
	uint32_t seq = 1;
	while (right - seq > 500) {
		uint32_t n = right - seq - 500 < 1000 ? right - seq - 500 : 1000;
		in(". %u:%u ack 1", seq, seq + n);
		seq += n;
		CHECK(any_within(500));
	}
	right = c->last_ack + c->last_win;
	in(". %u:%u ack 1", seq, right + 700);
	CHECK(any_within(500));
	CHECK_RANGE(c->last_ack, seq, right);
	while (sk_recv(fd, 10000, 0) > 0)
		;
	CHECK_EQ(received_bytes(fd), c->last_ack - 1);
}

CASE(window_zero_probe, "RFC 9293 3.8.6.1 MUST-36, 10.7.4",
     "a probe of a closed window is answered; reading it again opens it")
{
	int l = listen_on(80, 1);

	CHECK_EQ(sk_set(l, SOL_SOCKET, SO_RCVBUF, 4096), 0);
	int fd = passive_on(l, 80, 0, 65535);
	uint32_t seq = 1;
	do {
		in(". %u:%u ack 1", seq, seq + 500);
		CHECK(any_within(500));
		seq = c->last_ack;
		CHECK(seq < 100000);
	} while (c->last_win);
	for (int i = 0; i < 5; i++) {
		run_ms(1000);
		in(". %u:%u ack 1", seq, seq + 1);
		out(". 1 ack %u win 0", seq);
		in(". %u ack 1", seq - 1); /* as Linux probes */
		out(". 1 ack %u win 0", seq);
	}
	while (sk_recv(fd, 20000, 0) > 0)
		;
	out(". 1 ack %u win>500", seq);
}

CASE(window_sws_receiver, "RFC 9293 3.8.6.2.2 MUST-39", "a window does not open by a few bytes")
{
	int l = listen_on(80, 1);

	CHECK_EQ(sk_set(l, SOL_SOCKET, SO_RCVBUF, 8192), 0);
	int fd = passive_on(l, 80, 0, 65535);
	uint32_t seq = 1;
	do {
		in(". %u:%u ack 1", seq, seq + 1000);
		CHECK(any_within(500));
		seq = c->last_ack;
		CHECK(seq < 100000);
	} while (c->last_win);
	CHECK_EQ(sk_recv(fd, 10, 0), 10);
	quiet(100);
	in(". %u:%u ack 1", seq, seq + 1);
	out(". 1 ack %u win 0", seq);
}

CASE(window_zero, "RFC 9293 3.8.6.1 MUST-35, 37; RFC 1122 4.2.2.17",
     "a closed window is probed, ever slower, as long as the peer answers")
{
	int fd = passive(0, 1000);
	double last = 0, gap = 0;

	CHECK_EQ(sk_send(fd, 3000, 0), 3000);
	out_data(1, 1001, 1);
	in(". 1 ack 1001 win 0");
	double start = now_ms();
	for (int i = 0; i < 14; i++) {
		if (!any_within(130e3))
			fail(__FILE__, __LINE__, "no probe");
		CHECK(c->last_seq == 1000 || c->last_seq == 1001);
		CHECK(c->last_len <= 1);
		double now = now_ms();
		if (i == 0)
			CHECK_RANGE(now - start, 150, 2000);
		else
			CHECK(now - last >= gap * 1.5 || gap > 50e3);
		gap = i ? now - last : now - start;
		last = now;
		in(". 1 ack 1001 win 0");
	}
	CHECK(now_ms() - start > 300e3);
	CHECK_EQ(sk_error(fd), 0);
	in(". 1 ack 1001 win 5000");
	out_data(1001, 3001, 10);
}

CASE(window_zero_dead, "RFC 1122 4.2.2.17, 4.2.3.5",
     "a peer with a closed window that answers no probe is given up in the end")
{
	int fd = passive(0, 1000);

	CHECK_EQ(sk_send(fd, 3000, 0), 3000);
	out_data(1, 1001, 1);
	in(". 1 ack 1001 win 0");
	double start = now_ms();
	while (any_within(200e3))
		;
	CHECK_RANGE(now_ms() - 200e3 - start, 100e3, 3600e3);
	CHECK_EQ(sk_error(fd), ETIMEDOUT);
}

CASE(window_update, "RFC 9293 3.10.7.4", "a window update lets what waits go")
{
	int fd = passive(0, 1000);

	CHECK_EQ(sk_send(fd, 3000, 0), 3000);
	out_data(1, 1001, 1);
	in(". 1 ack 1001 win 0");
	quiet(20);
	in(". 1 ack 1001 win 1000");
	out_data(1001, 2001, 1);
	/* An older segment does not set the window (WL1, WL2). */
	in(". 1 ack 1 win 60000");
	quiet(10);
}

CASE(window_shrinks, "RFC 9293 3.8.6 MUST-34", "a peer that takes back window is borne with")
{
	int fd = passive(ALL, 20000);

	CHECK_EQ(sk_send(fd, 30000, 0), 30000);
	run_ms(1);
	discard();
	in(". 1 ack %u win %u", 1 + mss(), 2000 >> 7);
	run_ms(50);
	discard();
	/* What was sent beyond arrives all the same, or is sent again. */
	in(". 1 ack %u win %u", 1 + 5 * mss(), 60000 >> 7);
	pump_to(30001, 20);
	CHECK_EQ(sk_error(fd), 0);
}

CASE(window_sws_sender, "RFC 9293 3.8.6.2.1 MUST-38", "no silly segments into a small window")
{
	int fd = passive(0, 4000);

	CHECK_EQ(sk_send(fd, 20000, 0), 20000);
	out(". 1:%u ack 1", 1 + peer_mss());
	out(". %u:%u ack 1", 1 + peer_mss(), 1 + 2 * peer_mss());
	/* Less than a segment and than half the largest window is left. */
	quiet(20);
	in(". 1 ack %u win %u", 1 + 2 * peer_mss(), 500);
	quiet(20);
	in(". 1 ack %u win 4000", 1 + 2 * peer_mss());
	out(". %u:%u ack 1", 1 + 2 * peer_mss(), 1 + 3 * peer_mss());
}

CASE(window_sws_override, "RFC 9293 3.8.6.2.1 SHLD-29",
     "a window that stays small is used after a while")
{
	int fd = passive(0, 4000);

	CHECK_EQ(sk_send(fd, 2 * peer_mss() + 1000, 0), 2 * peer_mss() + 1000);
	discard();
	in(". 1 ack %u win 300", 1 + 2 * peer_mss());
	if (!any_within(3000))
		fail(__FILE__, __LINE__, "nothing is ever sent into 300 bytes of window");
	CHECK_EQ(c->last_seq, 1 + 2 * peer_mss());
	CHECK_RANGE(c->last_len, 1, 300);
}

CASE(window_unscaled, "RFC 9293 3.8.6", "never more in flight than the peer's window")
{
	int fd = passive(0, 5000);

	CHECK_EQ(sk_send(fd, 50000, 0), 50000);
	for (uint32_t acked = 1; acked < 50001;) {
		run_ms(10);
		uint32_t end = acked;
		while (any_within(0))
			end = c->last_seq + c->last_len;
		CHECK(end - acked <= 5000);
		if (end == acked) {
			run_ms(1000);
			CHECK(any_within(0));
			end = c->last_seq + c->last_len;
		}
		CHECK(end > acked);
		acked = end;
		in(". 1 ack %u", acked);
	}
}

CASE(window_scaled, "RFC 7323 2.3", "large windows work in both directions")
{
	int fd = passive(ALL, 4 << 20);

	CHECK_EQ(sk_set(fd, SOL_SOCKET, SO_SNDBUF, 4 << 20), 0);
	CHECK(sk_send(fd, 300000, 0) > 150000);
	uint32_t acked = 1, end = 1;
	for (int i = 0; i < 5; i++) {
		run_ms(5); /* before a probe for a lost tail */
		while (any_within(0))
			end = c->last_seq + c->last_len;
		if (i < 4)
			in(". 1 ack %u", acked = end);
	}
	CHECK(end - acked > 65535);
}

CASE(window_autotune, "RFC 7323 2.3; tcp(7), tcp_moderate_rcvbuf",
     "the window grows beyond 64 KiB for a reader that keeps up")
{
	int fd = passive(ALL, 65535);
	uint32_t seq = 1, largest = 0;

	for (int round = 0; round < 30; round++) {
		uint32_t n = 0;
		while (n < 60000) {
			in(". %u:%u ack 1", seq, seq + mss());
			seq += mss(), n += mss();
			if (n % (4 * mss()) == 0)
				while (sk_recv(fd, 65536, 0) > 0)
					;
		}
		while (sk_recv(fd, 65536, 0) > 0)
			;
		while (any_within(0))
			if ((c->last_win << c->wscale) > largest)
				largest = c->last_win << c->wscale;
		run_ms(20);
	}
	CHECK_RANGE(largest, 65536, 64 << 20);
}
