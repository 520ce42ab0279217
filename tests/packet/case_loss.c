/* Losses: RFC 6298, 5681, 3042, 6582, 6675, 8985, 6937, 9937, 5682; RFC 2018 8; RFC 2883. */
#include <asm/errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stddef.h>
#include "packet.h"

#define SEG(i) (1 + (uint32_t)(i)*mss())

/* A sender with n full segments in flight, over a path of rtt ms. */
static int in_flight(unsigned options, unsigned n, double rtt)
{
	int fd = active_rtt(options, 1 << 20, rtt);
	uint32_t seq = 1;

	CHECK_EQ(sk_set(fd, SOL_SOCKET, SO_SNDBUF, 4 << 20), 0);
	/* Round trips of 10, 20 ... segments until the window allows n. */
	for (unsigned w = 10; w < n; w *= 2) {
		CHECK_EQ(sk_send(fd, w * mss(), 0), w * mss());
		out_data(seq, seq + w * mss(), 1);
		seq += w * mss();
		run_ms(rtt);
		in(". 1 ack %u", seq);
	}
	/* Numbers from here on start at 1 again: what came before is as if it had not been. */
	c->iss += seq - 1;
	c->shift = seq - 1;
	CHECK(sk_send(fd, (size_t)n * mss(), 0) == (long)(n * mss()));
	run_ms(0.5);
	for (uint32_t at = 0; at < n * mss();) {
		CHECK(any_within(0));
		CHECK_EQ(c->last_seq, 1 + at);
		at += c->last_len;
	}
	run_ms(rtt);
	return fd;
}

CASE(loss_rto, "RFC 6298 5.4-5.6", "unanswered data are sent again, each time after twice the time")
{
	int fd = passive(ALL, 65535);
	double last = now_ms(), gap = 0;
	int n = 0;

	CHECK_EQ(sk_send(fd, 100, 0), 100);
	out(". 1:101 ack 1");
	for (; n < 9; n++) {
		if (!any_within(200e3))
			fail(__FILE__, __LINE__, "not sent again");
		CHECK_EQ(c->last_seq, 1);
		CHECK_EQ(c->last_len, 100);
		double now = now_ms();
		if (n == 1)
			CHECK_RANGE(now - last, 150, 1500);
		if (n > 1)
			CHECK_RANGE(now - last, gap * 1.7, gap * 2.3);
		gap = now - last;
		last = now;
	}
	in(". 1 ack 101");
	quiet(1000e3);
	/* The next is as quick as the first. */
	CHECK_EQ(sk_send(fd, 100, 0), 100);
	out(". 101:201 ack 1");
	out_within(1, 3100, ". 101:201 ack 1");
}

CASE(loss_give_up, "RFC 9293 3.8.3 MUST-20, MUST-23; tcp(7), tcp_retries2",
     "a peer that has vanished is given up after 100 s at the least")
{
	int fd = passive(ALL, 65535);
	double start = now_ms();

	CHECK_EQ(sk_send(fd, 100, 0), 100);
	while (any_within(300e3))
		;
	CHECK_RANGE(now_ms() - 300e3 - start, 100e3, 1800e3);
	CHECK(sk_poll(fd) & POLLHUP);
	CHECK_EQ(sk_recv(fd, 10, 0), -ETIMEDOUT);
	CHECK_EQ(sk_recv(fd, 10, 0), 0);
}

CASE(loss_rto_rtt, "RFC 6298 2.2, 2.3", "the timeout follows the round trip")
{
	int fd = active_rtt(ALL, 65535, 500);

	CHECK_EQ(sk_send(fd, 100, 0), 100);
	out(". 1:101 ack 1");
	/* A probe after two round trips (RFC 8985, 7.2) would be the first. */
	quiet(990);
	out_within(0, 2000, ". 1:101 ack 1");
}

CASE(loss_rto_minimum, "RFC 6298 2.4; Linux TCP_RTO_MIN",
     "no timeout below 200 ms, however short the path")
{
	int fd = active_rtt(0, 65535, 0.2);

	CHECK_EQ(sk_send(fd, 100, 0), 100);
	out(". 1:101 ack 1");
	for (int i = 0; i < 10; i++) {
		run_ms(0.2);
		in(". 1 ack %d", 101 + i * 100);
		CHECK_EQ(sk_send(fd, 100, 0), 100);
		out(". %d:%d ack 1", 101 + i * 100, 201 + i * 100);
	}
	/* A delayed ACK of 40 ms provokes at most one probe, no timeout. */
	run_ms(40);
	unsigned n = discard();
	CHECK_RANGE(n, 0, 1);
	in(". 1 ack 1101");
	quiet(5000);
}

CASE(loss_karn, "RFC 6298 3; Karn's algorithm",
     "ACKs of what was sent twice do not count as round trips")
{
	int fd = active_rtt(0, 65535, 20);
	struct tcp_info a, b;
	unsigned n = offsetof(struct tcp_info, tcpi_advmss);

	CHECK_EQ(sk_get_bytes(fd, IPPROTO_TCP, TCP_INFO, &a, &n), 0);
	CHECK_RANGE(a.tcpi_rtt, 15000, 30000);
	CHECK_EQ(sk_send(fd, 100, 0), 100);
	out(". 1:101 ack 1");
	out_within(1, 1500, ". 1:101 ack 1");
	run_ms(30);
	in(". 1 ack 101");
	n = offsetof(struct tcp_info, tcpi_advmss);
	CHECK_EQ(sk_get_bytes(fd, IPPROTO_TCP, TCP_INFO, &b, &n), 0);
	CHECK_EQ(b.tcpi_rtt, a.tcpi_rtt);
	CHECK_EQ(b.tcpi_unacked, 0);
}

CASE(loss_fast_retransmit, "RFC 5681 3.2",
     "three duplicate ACKs: the missing segment leaves at once")
{
	in_flight(0, 10, 100);
	in(". 1 ack 1");
	in(". 1 ack 1");
	discard();
	in(". 1 ack 1");
	out(". 1:%u ack 1", SEG(1));
	run_ms(100);
	discard();
	in(". 1 ack %u", SEG(10));
	quiet(3000);
}

CASE(loss_two_duplicates, "RFC 5681 3.2", "two duplicate ACKs are no loss")
{
	in_flight(0, 10, 100);
	in(". 1 ack 1");
	in(". 1 ack 1");
	run_ms(20);
	in(". 1 ack %u", SEG(10));
	while (any_within(0))
		CHECK(c->last_seq != 1);
}

CASE(loss_limited_transmit, "RFC 3042 2", "the first two duplicate ACKs release a new segment each")
{
	int fd = in_flight(0, 10, 100);

	CHECK_EQ(sk_send(fd, 5 * mss(), 0), 5 * mss());
	quiet(1);
	in(". 1 ack 1");
	out(". %u:%u ack 1", SEG(10), SEG(11));
	in(". 1 ack 1");
	out(". %u:%u ack 1", SEG(11), SEG(12));
	in(". 1 ack 1");
	out(". 1:%u ack 1", SEG(1));
}

CASE(loss_not_duplicates, "RFC 5681 2", "ACKs with data or a new window are no duplicates")
{
	in_flight(0, 10, 100);
	in(". 1:2 ack 1 win 65100");
	in(". 2:3 ack 1");
	in(". 3:4 ack 1");
	in(". 4:5 ack 1");
	in(". 5 ack 1 win 65200");
	in(". 5 ack 1 win 65300");
	in(". 5 ack 1 win 65400");
	in(". 5 ack 1 win 65500");
	while (any_within(5))
		CHECK_EQ(c->last_len, 0);
}

CASE(loss_newreno, "RFC 6582 3.2", "a partial ACK brings the next hole at once")
{
	in_flight(0, 10, 100);
	for (int i = 0; i < 3; i++)
		in(". 1 ack 1");
	out(". 1:%u ack 1", SEG(1));
	for (int i = 0; i < 4; i++)
		in(". 1 ack 1");
	discard();
	run_ms(100);
	in(". 1 ack %u", SEG(4)); /* the fifth is missing too */
	out(". %u:%u ack 1", SEG(4), SEG(5));
	run_ms(100);
	discard();
	in(". 1 ack %u", SEG(10));
	quiet(3000);
}

CASE(loss_sack, "RFC 6675 5",
     "what was not SACKed below three SACKed segments is sent again, nothing else")
{
	in_flight(ALL, 10, 100);
	in(". 1 ack 1 <ts,sack %u:%u>", SEG(1), SEG(2));
	in(". 1 ack 1 <ts,sack %u:%u>", SEG(1), SEG(3));
	discard();
	in(". 1 ack 1 <ts,sack %u:%u>", SEG(1), SEG(4));
	out(". 1:%u ack 1", SEG(1));
	in(". 1 ack 1 <ts,sack %u:%u>", SEG(1), SEG(10));
	quiet(50);
	run_ms(50);
	in(". 1 ack %u", SEG(10));
	quiet(3000);
}

CASE(loss_sack_holes, "RFC 6675 5", "several holes are filled from below, each once")
{
	int next = 0;

	in_flight(ALL, 20, 100);
	uint32_t want[3] = {SEG(0), SEG(4), SEG(8)};
	in(". 1 ack 1 <ts,sack %u:%u>", SEG(1), SEG(4));
	in(". 1 ack 1 <ts,sack %u:%u %u:%u>", SEG(5), SEG(8), SEG(1), SEG(4));
	in(". 1 ack 1 <ts,sack %u:%u %u:%u %u:%u>", SEG(9), SEG(20), SEG(5), SEG(8), SEG(1),
	   SEG(4));
	while (any_within(80)) {
		CHECK(next < 3);
		CHECK_EQ(c->last_seq, want[next]);
		CHECK_EQ(c->last_len, mss());
		next++;
	}
	CHECK_EQ(next, 3);
	in(". 1 ack %u", SEG(20));
	quiet(3000);
}

CASE(loss_sack_batch, "RFC 6675 5", "one ACK that reports ten segments beyond a hole suffices")
{
	in_flight(ALL, 20, 100);
	in(". 1 ack %u <ts,sack %u:%u>", SEG(2), SEG(3), SEG(13));
	out(". %u:%u ack 1", SEG(2), SEG(3));
}

CASE(loss_retransmission_lost, "RFC 8985 6.2; RFC 6675 5.1",
     "a retransmission that is lost is sent again, and the rest arrives")
{
	int fd = in_flight(ALL, 20, 100);

	CHECK(sk_send(fd, 20 * mss(), 0) > 0);
	in(". 1 ack 1 <ts,sack %u:%u>", SEG(1), SEG(20));
	out(". 1:%u ack 1", SEG(1));
	run_ms(100);
	uint32_t high = SEG(20);
	while (any_within(0))
		if (c->last_seq + c->last_len > high)
			high = c->last_seq + c->last_len;
	/* Newer data are SACKed: the retransmission is older than they. */
	if (high > SEG(20))
		in(". 1 ack 1 <ts,sack %u:%u>", SEG(1), high);
	bool again = false;
	while (any_within(900))
		if (c->last_seq == 1) {
			again = true;
			break;
		}
	CHECK(again);
}

CASE(loss_reneging, "RFC 2018 8", "what was SACKed and forgotten by the peer is sent again")
{
	in_flight(ALL, 10, 100);
	in(". 1 ack 1 <ts,sack %u:%u>", SEG(1), SEG(10));
	out(". 1:%u ack 1", SEG(1));
	run_ms(100);
	in(". 1 ack %u", SEG(1)); /* and no word of the others */
	uint32_t acked = SEG(1);
	double start = now_ms();
	while (acked < SEG(10)) {
		if (!any_within(5000))
			fail(__FILE__, __LINE__, "the rest is never sent again");
		if (c->last_seq == acked) {
			acked += c->last_len;
			in(". 1 ack %u", acked);
		}
	}
	CHECK(now_ms() - start < 30e3);
}

CASE(loss_rack_reordering, "RFC 8985 6.2",
     "a segment that one later overtook is not lost before a quarter of the round trip")
{
	in_flight(ALL, 10, 100);
	in(". 1 ack 1 <ts,sack %u:%u>", SEG(1), SEG(2));
	quiet(15);
	in(". 1 ack %u", SEG(2)); /* it was but late */
	quiet(10);
	in(". 1 ack %u", SEG(10));
	quiet(3000);
}

CASE(loss_rack_timer, "RFC 8985 6.2, 6.3",
     "when it stays away it is sent again, without waiting for the timeout")
{
	in_flight(ALL, 10, 100);
	in(". 1 ack 1 <ts,sack %u:%u>", SEG(1), SEG(2));
	out_within(5, 190, ". 1:%u ack 1", SEG(1));
}

CASE(loss_tlp, "RFC 8985 7.2, 7.3", "a lost tail is probed after two round trips")
{
	int fd = active_rtt(ALL, 1 << 20, 50);

	CHECK_EQ(sk_send(fd, 5 * mss(), 0), 5 * mss());
	out_data(1, SEG(5), 1);
	run_ms(50);
	in(". 1 ack %u", SEG(3));
	/* The probe is the last segment. */
	out_within(50, 190, ". %u:%u ack 1", SEG(4), SEG(5));
	run_ms(50);
	in(". 1 ack %u <ts,sack %u:%u>", SEG(3), SEG(4), SEG(5));
	out_within(0, 60, ". %u:%u ack 1", SEG(3), SEG(4));
	run_ms(50);
	in(". 1 ack %u", SEG(5));
	quiet(3000);
}

CASE(loss_tlp_once, "RFC 8985 7.2", "there is one probe, then the timeout")
{
	int fd = active_rtt(ALL, 1 << 20, 50);
	double first;

	CHECK_EQ(sk_send(fd, mss(), 0), mss());
	out_data(1, SEG(1), 1);
	double start = now_ms();
	CHECK(any_within(1000));
	first = now_ms() - start;
	CHECK(any_within(2000));
	CHECK(now_ms() - start - first >= 100 || first > 190);
}

CASE(loss_dsack_undo, "RFC 3708; RFC 9438 4.9; Linux", "a loss that was none gives the window back")
{
	int fd = in_flight(ALL, 20, 100);
	struct tcp_info before, after;
	unsigned n = offsetof(struct tcp_info, tcpi_advmss);

	CHECK_EQ(sk_get_bytes(fd, IPPROTO_TCP, TCP_INFO, &before, &n), 0);
	in(". 1 ack 1 <ts,sack %u:%u>", SEG(1), SEG(20));
	out(". 1:%u ack 1", SEG(1));
	run_ms(5);
	/* The first copy arrives late, then the second. */
	in(". 1 ack %u <ts %u %u>", SEG(20), 600000, c->last_ts_val - 100);
	run_ms(95);
	in(". 1 ack %u <ts,sack %u:%u>", SEG(20), SEG(0), SEG(1));
	n = offsetof(struct tcp_info, tcpi_advmss);
	CHECK_EQ(sk_get_bytes(fd, IPPROTO_TCP, TCP_INFO, &after, &n), 0);
	CHECK(after.tcpi_snd_cwnd >= before.tcpi_snd_cwnd);
	CHECK(after.tcpi_snd_ssthresh >= before.tcpi_snd_cwnd);
}

CASE(loss_spurious_rto, "RFC 5682 2.1; RFC 4015",
     "a delay that fired the timeout does not make all of the window be sent twice")
{
	int fd = in_flight(ALL, 10, 100);
	uint32_t ts = c->last_ts_val;
	unsigned again = 0;

	CHECK_EQ(sk_send(fd, 10 * mss(), 0), 10 * mss());
	/* The path stalls: a probe, then the timeout. */
	double start = now_ms();
	while (now_ms() - start < 1000 && any_within(1000))
		if (c->last_seq == 1)
			break;
	CHECK_EQ(c->last_seq, 1);
	run_ms(20);
	discard();
	/* The ACKs of the first transmission come after all. */
	in(". 1 ack %u <ts %u %u>", SEG(1), 600000, ts);
	in(". 1 ack %u <ts %u %u>", SEG(2), 600001, ts);
	in(". 1 ack %u <ts %u %u>", SEG(4), 600002, ts);
	while (any_within(20))
		if (c->last_seq < SEG(10))
			again++;
	in(". 1 ack %u <ts %u %u>", SEG(10), 600003, ts);
	while (any_within(20))
		if (c->last_seq < SEG(10))
			again++;
	CHECK_RANGE(again, 0, 3);
	struct tcp_info i;
	unsigned n = offsetof(struct tcp_info, tcpi_advmss);
	CHECK_EQ(sk_get_bytes(fd, IPPROTO_TCP, TCP_INFO, &i, &n), 0);
	CHECK(i.tcpi_snd_cwnd >= 5);
}

CASE(loss_rto_all, "RFC 6298 5.4; RFC 5681 3.1",
     "after a true timeout slow start sends the rest again")
{
	in_flight(ALL, 20, 100);
	double start = now_ms();
	while (any_within(2000) && !(c->last_seq == 1))
		CHECK(now_ms() - start < 2000);
	run_ms(100);
	discard();
	uint32_t acked = SEG(1);
	in(". 1 ack %u", acked);
	for (int i = 0; i < 40 && acked < SEG(20); i++) {
		uint32_t end = acked;
		while (any_within(0))
			if (c->last_seq == end)
				end += c->last_len;
		if (end == acked)
			CHECK(any_within(3000) && (end = c->last_seq + c->last_len, true));
		run_ms(100);
		acked = end;
		in(". 1 ack %u", acked);
	}
	CHECK_EQ(acked, SEG(20));
	CHECK(now_ms() - start < 5000);
}

CASE(loss_prr, "RFC 9937 6", "in recovery the window comes down in proportion, not at a blow")
{
	int fd = in_flight(ALL, 40, 100);
	unsigned fresh = 0;

	CHECK(sk_send(fd, 60 * mss(), 0) == (long)(60 * mss()));
	discard();
	for (unsigned i = 2; i <= 40; i++) {
		in(". 1 ack 1 <ts,sack %u:%u>", SEG(1), SEG(i));
		while (any_within(0))
			if (c->last_seq >= SEG(40))
				fresh++;
		run_ms(1);
	}
	/* cwnd was 40 to 80; of 39 delivered some 0.7 are replaced once it counts. */
	CHECK_RANGE(fresh, 14, 40);
}

CASE(loss_ssthresh, "RFC 9438 4.6; RFC 5681 4",
     "a loss reduces the window, by CUBIC's factor at most")
{
	int fd = in_flight(ALL, 40, 100);
	struct tcp_info a, b;
	unsigned n = offsetof(struct tcp_info, tcpi_advmss);

	CHECK_EQ(sk_get_bytes(fd, IPPROTO_TCP, TCP_INFO, &a, &n), 0);
	in(". 1 ack 1 <ts,sack %u:%u>", SEG(1), SEG(40));
	run_ms(100);
	discard();
	in(". 1 ack %u", SEG(40));
	n = offsetof(struct tcp_info, tcpi_advmss);
	CHECK_EQ(sk_get_bytes(fd, IPPROTO_TCP, TCP_INFO, &b, &n), 0);
	CHECK_RANGE(b.tcpi_snd_ssthresh, a.tcpi_snd_cwnd / 2 - 1, a.tcpi_snd_cwnd * 3 / 4);
	CHECK(b.tcpi_snd_cwnd <= b.tcpi_snd_ssthresh + 1);
}

CASE(loss_idle_restart, "RFC 5681 4.1",
     "after a pause no more than the initial window leaves at once")
{
	int fd = in_flight(ALL, 40, 50);

	in(". 1 ack %u", SEG(40));
	run_ms(60e3);
	CHECK_EQ(sk_send(fd, 60 * mss(), 0), 60 * mss());
	run_ms(1);
	unsigned n = discard();
	CHECK_RANGE(n, 5, 14);
}

CASE(loss_app_limited, "RFC 7661 4; Linux tcp_is_cwnd_limited",
     "a window that is not used does not grow")
{
	int fd = active_rtt(ALL, 1 << 20, 20);
	uint32_t seq = 1;

	for (int i = 0; i < 100; i++) {
		CHECK_EQ(sk_send(fd, mss(), 0), mss());
		out_data(seq, seq + mss(), 1);
		seq += mss();
		run_ms(20);
		in(". 1 ack %u", seq);
	}
	CHECK(sk_send(fd, 100 * mss(), 0) > 0);
	run_ms(1);
	unsigned n = discard();
	CHECK_RANGE(n, 8, 20);
}

CASE(loss_bad_sack, "RFC 2018 4; RFC 2883 4", "SACK blocks that make no sense are ignored")
{
	in_flight(ALL, 10, 100);
	in(". 1 ack 1 <ts,sack %u:%u>", SEG(5), SEG(4));
	in(". 1 ack 1 <ts,sack %u:%u>", SEG(20), SEG(30));
	in(". 1 ack 1 <ts,sack %u:%u>", SEG(5), SEG(30));
	in(". 1 ack 1 <ts,sack %u:%u>", SEG(0) - 5000, SEG(0) - 4000);
	in(". 1 ack 1 <ts,sack %u:%u>", 0x80000000u, 0x7fffffffu);
	in(". 1 ack 1 <ts,sack %u:%u>", 0u, 0xffffffffu);
	in(". 1 ack 1 <ts,sack %u:%u>", SEG(3), SEG(3));
	in(". 1 ack 1 <ts,sack>");
	while (any_within(1))
		CHECK(c->last_len == 0 || c->last_seq == 1);
	in(". 1 ack %u", SEG(10));
	quiet(3000);
}

CASE(loss_middle_of_segment, "RFC 9293 3.10.7.4",
     "ACKs and SACKs that cut segments are honoured to the byte")
{
	in_flight(ALL, 10, 100);
	in(". 1 ack %u <ts,sack %u:%u>", SEG(0) + 500, SEG(1) + 300, SEG(10) - 100);
	run_ms(100);
	uint32_t low = SEG(0) + 500;
	while (any_within(0))
		CHECK(c->last_seq >= low || c->last_seq + c->last_len > low);
	in(". 1 ack %u <ts,sack %u:%u>", SEG(1) + 100, SEG(1) + 300, SEG(10) - 100);
	double start = now_ms();
	while (any_within(3000)) {
		CHECK(now_ms() - start < 20e3);
		if (c->last_seq + c->last_len >= SEG(10))
			in(". 1 ack %u", SEG(10));
	}
}

CASE(loss_simultaneous_loss, "RFC 9293 3.8.1",
     "data and its ACK lost in both directions: all arrives once")
{
	int fd = active_rtt(ALL, 65535, 50);

	CHECK_EQ(sk_send(fd, 100, 0), 100);
	out(". 1:101 ack 1");
	in("P. 1:101 ack 1");
	CHECK_EQ(sk_recv(fd, 1000, 0), 100);
	CHECK(any_within(1000));
	in("P. 1:101 ack 1");
	CHECK_EQ(sk_recv(fd, 1000, 0), -EAGAIN);
	while (any_within(2000))
		if (c->last_len) {
			in(". 101 ack 101");
			break;
		}
	quiet(3000);
}
