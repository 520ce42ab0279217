/* Timestamps: RFC 7323. */
#include <asm/errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include "packet.h"

CASE(timestamp_echo, "RFC 7323 3.2, 4.3", "every segment carries the clock and echoes the peer's")
{
	int fd = passive(ALL, 65535);

	in("P. 1:101 ack 1 <ts 700000 %u>", c->ts_recent);
	CHECK_EQ(sk_recv(fd, 1000, 0), 100);
	CHECK_EQ(sk_send(fd, 100, 0), 100);
	maybe(". 1 ack 101 <ts ecr 700000>");
	out(". 1:101 ack 101 <ts ecr 700000>");
	uint32_t first = c->last_ts_val;
	in(". 101 ack 101 <ts 700010 %u>", c->ts_recent);
	run_ms(1000);
	CHECK_EQ(sk_send(fd, 100, 0), 100);
	out(". 101:201 ack 101 <ts ecr 700010>");
	/* The clock runs at 1 ms to 1 s a tick (5.4). */
	CHECK_RANGE((int32_t)(c->last_ts_val - first), 1, 1100);
}

CASE(timestamp_delayed_echo, "RFC 7323 4.3 (1)",
     "an ACK of several segments echoes the first of them")
{
	passive(ALL, 65535);
	/* Two full segments in one batch: one ACK. */
	for (int i = 0; i < 10; i++) {
		uint32_t seq = 1 + (uint32_t)i * 2 * mss();
		batch_begin();
		in(". %u:%u ack 1 <ts %d 0>", seq, seq + mss(), 700000 + i * 10);
		in(". %u:%u ack 1 <ts %d 0>", seq + mss(), seq + 2 * mss(), 700001 + i * 10);
		batch_end();
		CHECK(any_within(0));
		if (c->last_ack == seq + mss()) /* every segment is acknowledged: as good */
			CHECK(any_within(0));
		else
			CHECK_EQ(c->last_ts_ecr, 700000 + i * 10);
		run_ms(1);
		discard();
	}
}

CASE(timestamp_out_of_order, "RFC 7323 4.3 (2), (3)",
     "a segment beyond a gap does not change the echo, the one that fills it does")
{
	passive(ALL, 65535);
	in(". 1:101 ack 1 <ts 700000 0>");
	run_ms(500);
	discard();
	in(". 201:301 ack 1 <ts 700020 0>");
	out(". 1 ack 101 <ts ecr 700000>");
	in(". 101:201 ack 1 <ts 700010 0>");
	out(". 1 ack 301 <ts ecr 700010>");
}

CASE(timestamp_paws, "RFC 7323 5.3 R1", "a segment with an older timestamp is dropped and answered")
{
	int fd = passive(ALL, 65535);

	in("P. 1:101 ack 1 <ts 700000 0>");
	CHECK_EQ(sk_recv(fd, 1000, 0), 100);
	run_ms(1000);
	discard();
	in("P. 101:201 ack 1 <ts 699000 0>");
	out(". 1 ack 101");
	CHECK_EQ(sk_recv(fd, 1000, 0), -EAGAIN);
	in("P. 101:201 ack 1 <ts 700000 0>");
	CHECK_EQ(sk_recv(fd, 1000, 0), 100);
}

CASE(timestamp_wrap, "RFC 7323 5.2, 5.4", "the peer's clock may wrap")
{
	int l = listen_on(80, 5);

	c->ts_base = 0xfffffff0u - (uint32_t)now_ms();
	int fd = passive_on(l, 80, ALL, 65535);
	for (int i = 0; i < 50; i++) {
		in("P. %d:%d ack 1", 1 + i * 10, 11 + i * 10);
		CHECK_EQ(sk_recv(fd, 1000, 0), 10);
		run_ms(1);
	}
	discard();
	in("P. 501:511 ack 1 <ts 4294967200 0>");
	out_within(0, 0, ". 1 ack 501");
	CHECK_EQ(sk_recv(fd, 1000, 0), -EAGAIN);
}

CASE(timestamp_old_connection, "RFC 7323 5.5",
     "after 24 days of silence the last timestamp no longer counts")
{
	int fd = passive(ALL, 65535);

	in("P. 1:11 ack 1 <ts 700000 0>");
	CHECK_EQ(sk_recv(fd, 1000, 0), 10);
	run_ms(25 * 86400e3);
	discard();
	in("P. 11:21 ack 1 <ts 100 0>");
	CHECK_EQ(sk_recv(fd, 1000, 0), 10);
}

CASE(timestamp_missing, "RFC 7323 3.2", "a segment that lacks the option does no harm")
{
	int fd = passive(ALL, 65535);

	in("P. 1:11 ack 1 nots");
	long r = sk_recv(fd, 1000, 0); /* SHOULD be dropped; Linux takes it */
	CHECK(r == 10 || r == -EAGAIN);
	in("P. 1:11 ack 1");
	if (r < 0)
		CHECK_EQ(sk_recv(fd, 1000, 0), 10);
	CHECK_EQ(sk_error(fd), 0);
}

CASE(timestamp_bad_echo, "RFC 7323 4.1", "an echo of a value never sent is no round trip")
{
	int fd = active_rtt(ALL, 65535, 20);
	struct tcp_info i;
	unsigned n = sizeof i;

	CHECK_EQ(sk_send(fd, 100, 0), 100);
	out(". 1:101 ack 1");
	run_ms(20);
	in(". 1 ack 101 <ts 700000 %u>", c->last_ts_val + 1000000);
	CHECK_EQ(sk_get_bytes(fd, IPPROTO_TCP, TCP_INFO, &i, &n), 0);
	CHECK_RANGE(i.tcpi_rtt, 10000, 100000);
	CHECK_EQ(sk_send(fd, 100, 0), 100);
	out(". 101:201 ack 1");
	run_ms(20);
	in(". 1 ack 201 <ts 700001 0>");
	n = sizeof i;
	CHECK_EQ(sk_get_bytes(fd, IPPROTO_TCP, TCP_INFO, &i, &n), 0);
	CHECK_RANGE(i.tcpi_rtt, 10000, 100000);
}

CASE(timestamp_retransmission, "RFC 7323 4; RFC 6298 3",
     "with timestamps an ACK of a retransmission counts")
{
	int fd = active_rtt(ALL, 65535, 20);
	struct tcp_info i;
	unsigned n = sizeof i;

	CHECK_EQ(sk_send(fd, 100, 0), 100);
	out(". 1:101 ack 1");
	out_within(1, 1500, ". 1:101 ack 1");
	run_ms(25);
	in(". 1 ack 101");
	CHECK_EQ(sk_get_bytes(fd, IPPROTO_TCP, TCP_INFO, &i, &n), 0);
	CHECK_RANGE(i.tcpi_rtt, 18000, 30000);
}

CASE(timestamp_rst, "RFC 7323 3.2",
     "resets of a connection carry timestamps or none, and are right")
{
	int fd = passive(ALL, 65535);
	struct linger l = {1, 0};

	CHECK_EQ(sk_set_bytes(fd, SOL_SOCKET, SO_LINGER, &l, sizeof l), 0);
	CHECK_EQ(sk_close(fd), 0);
	CHECK(any_within(0));
	CHECK(c->last_flags & 4);
	CHECK_EQ(c->last_seq, 1);
}

CASE(timestamp_offset, "RFC 7323 7.1",
     "two connections' clocks tell nothing of the machine's uptime")
{
	uint32_t value[4];

	for (int i = 0; i < 4; i++) {
		conn_new(0);
		int fd = sk_tcp();
		c->rport = (uint16_t)(80 + i);
		CHECK_EQ(sk_connect(fd, peer_address(), c->rport), -EINPROGRESS);
		out_within(0, 5, "S 0 <ts>");
		value[i] = c->last_ts_val;
	}
	CHECK(value[0] - value[1] + 1000 > 2000 || value[1] - value[2] + 1000 > 2000);
}
