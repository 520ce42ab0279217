/* Closing: RFC 9293, 3.6 and 3.10.4; RFC 1122, 4.2.2.13; RFC 1337; RFC 2525; RFC 6191. */
#include <asm/errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include "packet.h"

CASE(close_active, "RFC 9293 3.6, figure 12", "FIN, ACK, FIN, ACK from this side")
{
	int fd = passive(ALL, 65535);

	CHECK_EQ(sk_close(fd), 0);
	out("F. 1 ack 1");
	in(". 1 ack 2");
	quiet(100);
	in("F. 1 ack 2");
	out(". 2 ack 2");
}

CASE(close_passive, "RFC 9293 3.6, figure 12", "FIN, ACK, FIN, ACK from the other side")
{
	int fd = passive(ALL, 65535);

	in("F. 1 ack 1");
	out_within(0, 500, ". 1 ack 2");
	CHECK(sk_poll(fd) & 0x2000);
	CHECK(sk_poll(fd) & POLLIN);
	CHECK_EQ(sk_poll(fd) & POLLHUP, 0);
	CHECK_EQ(sk_recv(fd, 10, 0), 0);
	CHECK_EQ(sk_recv(fd, 10, 0), 0);
	CHECK_EQ(sk_close(fd), 0);
	out("F. 1 ack 2");
	in(". 2 ack 2");
	in(". 2 ack 2"); /* it is gone */
	out("R 2");
}

CASE(close_fin_ack, "RFC 9293 3.10.7.4", "a FIN that acknowledges ours leads to TIME-WAIT")
{
	int fd = passive(ALL, 65535);

	CHECK_EQ(sk_close(fd), 0);
	out("F. 1 ack 1");
	in("F. 1 ack 2");
	out(". 2 ack 2");
	in("F. 1 ack 2");
	out(". 2 ack 2");
}

CASE(close_simultaneous, "RFC 9293 3.6, figure 13", "FINs that cross: CLOSING, then TIME-WAIT")
{
	int fd = passive(ALL, 65535);

	CHECK_EQ(sk_close(fd), 0);
	out("F. 1 ack 1");
	in("F. 1 ack 1");
	out(". 2 ack 2");
	in(". 2 ack 2");
	quiet(1000);
	in("F. 1 ack 2");
	out(". 2 ack 2");
}

CASE(close_half, "RFC 9293 3.6; shutdown(2)",
     "after shutdown(SHUT_WR) the other direction lives on")
{
	int fd = passive(ALL, 65535);

	CHECK_EQ(sk_send(fd, 100, 0), 100);
	out(". 1:101 ack 1");
	CHECK_EQ(sk_shutdown(fd, SHUT_WR), 0);
	CHECK_EQ(sk_send(fd, 10, MSG_NOSIGNAL), -EPIPE);
	if (!maybe("F. 101 ack 1")) {
		in(". 1 ack 101");
		out("F. 101 ack 1");
	}
	in(". 1 ack 102");
	run_ms(3600e3); /* for as long as the peer likes */
	in("P. 1:1001 ack 102");
	CHECK_EQ(sk_recv(fd, 5000, 0), 1000);
	out_within(0, 500, ". 102 ack 1001");
	in("F. 1001 ack 102");
	out_within(0, 500, ". 102 ack 1002");
	CHECK_EQ(sk_recv(fd, 5000, 0), 0);
	CHECK(sk_poll(fd) & POLLHUP);
}

CASE(close_peer_half, "RFC 9293 3.6", "after the peer's FIN this side may go on sending")
{
	int fd = passive(ALL, 65535);

	in("F. 1 ack 1");
	out_within(0, 500, ". 1 ack 2");
	CHECK_EQ(sk_send(fd, 5000, 0), 5000);
	out_data(1, 5001, 10);
	in(". 2 ack 5001");
	CHECK_EQ(sk_shutdown(fd, SHUT_WR), 0);
	out("F. 5001 ack 2");
	in(". 2 ack 5002");
	CHECK(sk_poll(fd) & POLLHUP);
	CHECK_EQ(sk_error(fd), 0);
}

CASE(close_with_data, "RFC 9293 3.10.4", "what was written before close arrives before the FIN")
{
	int fd = passive(0, 5000);

	CHECK_EQ(sk_send(fd, 20000, 0), 20000);
	CHECK_EQ(sk_close(fd), 0);
	for (uint32_t acked = 1; acked < 20001;) {
		run_ms(10);
		uint32_t end = acked;
		while (any_within(0))
			end = c->last_seq + c->last_len;
		if (end == acked) {
			CHECK(any_within(1000));
			end = c->last_seq + c->last_len;
		}
		acked = end;
		in(". 1 ack %u", acked);
	}
	CHECK(any_within(0) || c->last_flags & 1);
	CHECK_EQ(c->last_seq + c->last_len, 20001);
	CHECK(c->last_flags & 1);
	in("F. 1 ack 20002");
	out(". 20002 ack 2");
}

CASE(close_fin_again, "RFC 6298 5", "a FIN is sent again, ever slower, until it is acknowledged")
{
	int fd = passive(ALL, 65535);

	CHECK_EQ(sk_close(fd), 0);
	out("F. 1 ack 1");
	double gap = 0;
	for (int i = 0; i < 5; i++) {
		double start = now_ms();
		out_within(10, 20e3, "F. 1 ack 1");
		if (i > 1)
			CHECK_RANGE(now_ms() - start, gap * 1.8, gap * 2.2);
		gap = now_ms() - start;
	}
	in(". 1 ack 2");
	quiet(30e3);
}

CASE(close_fin_lost_for_ever, "RFC 9293 3.8.3; Linux tcp_orphan_retries",
     "a closed socket whose peer has vanished is given up")
{
	int fd = passive(ALL, 65535);

	CHECK_EQ(sk_close(fd), 0);
	out("F. 1 ack 1");
	double start = now_ms();
	while (any_within(300e3))
		CHECK(now_ms() - start < 1800e3);
	in("P. 1:11 ack 1");
	out("R 1");
}

CASE(close_fin_wait_2, "RFC 1122 4.2.2.13; Linux tcp_fin_timeout",
     "a closed socket does not wait for the peer's FIN for ever")
{
	int fd = passive(ALL, 65535);

	CHECK_EQ(sk_close(fd), 0);
	out("F. 1 ack 1");
	in(". 1 ack 2");
	run_ms(50e3);
	in("F. 1 ack 2"); /* in time */
	out(". 2 ack 2");
	conn_new(80);
	fd = passive(ALL, 65535);
	CHECK_EQ(sk_close(fd), 0);
	out("F. 1 ack 1");
	in(". 1 ack 2");
	run_ms(200e3);
	in("F. 1 ack 2");
	out("R 2");
}

CASE(close_data_after, "RFC 1122 4.2.2.13; RFC 9293 3.6.1 MUST-13",
     "data for a closed socket are answered with a reset")
{
	int fd = passive(ALL, 65535);

	CHECK_EQ(sk_close(fd), 0);
	out("F. 1 ack 1");
	in("P. 1:101 ack 2");
	CHECK(any_within(0));
	CHECK(c->last_flags & 4);
	CHECK_EQ(c->last_seq, 2);
	in("P. 101:201 ack 2");
	out("R 2");
}

CASE(close_unread, "RFC 2525 2.17; RFC 9293 3.6.1 MUST-12", "close with unread data resets")
{
	int fd = passive(ALL, 65535);

	in("P. 1:101 ack 1");
	CHECK_EQ(sk_close(fd), 0);
	maybe(". 1 ack 101");
	CHECK(any_within(0));
	CHECK(c->last_flags & 4);
	CHECK_EQ(c->last_flags & 1, 0);
	CHECK_EQ(c->last_seq, 1);
	quiet(5000);
	in("P. 101:201 ack 1");
	out("R 1");
}

CASE(close_linger_0, "socket(7), SO_LINGER; RFC 9293 3.10.5", "close with linger 0 aborts")
{
	int fd = passive(ALL, 65535);
	struct linger l = {1, 0};

	CHECK_EQ(sk_send(fd, 100, 0), 100);
	out(". 1:101 ack 1");
	CHECK_EQ(sk_set_bytes(fd, SOL_SOCKET, SO_LINGER, &l, sizeof l), 0);
	CHECK_EQ(sk_close(fd), 0);
	CHECK(any_within(0));
	CHECK(c->last_flags & 4);
	CHECK_EQ(c->last_seq, 101);
	quiet(10e3);
	in(". 1 ack 101");
	out("R 101");
}

CASE(close_linger, "socket(7), SO_LINGER", "close with linger waits for the peer's ACK, or so long")
{
	int fd = passive(ALL, 65535);
	struct linger l = {1, 5};
	double start = now_ms();

	sk_block(fd);
	CHECK_EQ(sk_set_bytes(fd, SOL_SOCKET, SO_LINGER, &l, sizeof l), 0);
	CHECK_EQ(sk_send(fd, 100, 0), 100);
	out(". 1:101 ack 1");
	in_after(100, ". 1 ack 102");
	CHECK_EQ(sk_close(fd), 0);
	CHECK_RANGE(now_ms() - start, 100, 5010);
	discard();
	in("F. 1 ack 102");
	out(". 102 ack 2");
}

CASE(close_fin_out_of_order, "RFC 9293 3.10.7.4",
     "a FIN that overtakes data counts when they have come")
{
	int fd = passive(ALL, 65535);

	in("F. 101 ack 1");
	out(". 1 ack 1 <sack 101:102>");
	CHECK_EQ(sk_poll(fd) & POLLIN, 0);
	in("P. 1:101 ack 1");
	out_within(0, 0, ". 1 ack 102");
	CHECK_EQ(sk_recv(fd, 1000, 0), 100);
	CHECK_EQ(sk_recv(fd, 1000, 0), 0);
}

CASE(close_fin_out_of_order_data, "RFC 9293 3.10.7.4", "likewise a FIN on a segment with data")
{
	int fd = passive(ALL, 65535);

	in("FP. 101:201 ack 1");
	CHECK(any_within(0));
	in("P. 1:101 ack 1");
	out_within(0, 0, ". 1 ack 202");
	CHECK_EQ(sk_recv(fd, 1000, 0), 200);
	CHECK_EQ(sk_recv(fd, 1000, 0), 0);
}

CASE(close_fin_duplicate, "RFC 9293 3.10.7.4", "a FIN that comes again is acknowledged again")
{
	int fd = passive(ALL, 65535);

	in("F. 1 ack 1");
	out_within(0, 500, ". 1 ack 2");
	in("F. 1 ack 1");
	out(". 1 ack 2");
	CHECK_EQ(sk_close(fd), 0);
	out("F. 1 ack 2");
	in("F. 1 ack 1");
	out_within(0, 0, ". 2 ack 2");
}

CASE(close_data_after_fin, "RFC 9293 3.10.7.4", "data beyond a FIN never reach the program")
{
	int fd = passive(ALL, 65535);

	in("FP. 1:11 ack 1");
	discard();
	in("P. 12:22 ack 1");
	in("P. 11:21 ack 1");
	CHECK_EQ(sk_recv(fd, 1000, 0), 10);
	CHECK_EQ(sk_recv(fd, 1000, 0), 0);
}

CASE(close_time_wait, "RFC 9293 3.6.1, 3.10.7.4 MUST-13; Linux TCP_TIMEWAIT_LEN",
     "TIME-WAIT acknowledges FINs for a minute, then nothing is left")
{
	int fd = passive(ALL, 65535);

	CHECK_EQ(sk_close(fd), 0);
	out("F. 1 ack 1");
	in("F. 1 ack 2");
	out(". 2 ack 2");
	run_ms(40e3);
	in("F. 1 ack 2");
	out(". 2 ack 2");
	run_ms(40e3); /* the wait began anew */
	in("F. 1 ack 2");
	out(". 2 ack 2");
	run_ms(250e3);
	in("F. 1 ack 2");
	out("R 2");
}

CASE(close_time_wait_bind, "socket(7), SO_REUSEADDR; bind(2), EADDRINUSE",
     "TIME-WAIT keeps its port from others, unless both have SO_REUSEADDR")
{
	for (int reuse = 0; reuse < 2; reuse++) {
		unsigned short port = (unsigned short)(4400 + reuse);
		struct address own = local_address();
		int fd = sk_tcp(), other = sk_tcp();

		CHECK_EQ(sk_set(fd, SOL_SOCKET, SO_REUSEADDR, reuse), 0);
		CHECK_EQ(sk_bind(fd, own, port), 0);
		conn_new(port);
		c->rport = 80;
		CHECK_EQ(sk_connect(fd, peer_address(), 80), -EINPROGRESS);
		out_within(0, 10, "S 0");
		in("S. 0 ack 1 win 65535 <mss 1460>");
		out(". 1 ack 1");
		CHECK_EQ(sk_close(fd), 0);
		out("F. 1 ack 1");
		in("F. 1 ack 2");
		out(". 2 ack 2");
		CHECK_EQ(sk_bind(other, own, port), -EADDRINUSE);
		CHECK_EQ(sk_set(other, SOL_SOCKET, SO_REUSEADDR, 1), 0);
		CHECK_EQ(sk_bind(other, own, port), reuse ? 0 : -EADDRINUSE);
		run_ms(61e3);
		CHECK_EQ(sk_bind(other, own, port), reuse ? -EINVAL : 0);
		CHECK_EQ(sk_listen(other, 1), 0);
	}
}

CASE(close_time_wait_rst, "RFC 1337 3",
     "neither an old segment nor the reset that it provokes ends TIME-WAIT")
{
	int fd = passive(ALL, 65535);

	CHECK_EQ(sk_close(fd), 0);
	out("F. 1 ack 1");
	in("F. 1 ack 2");
	out(". 2 ack 2");
	in("R 2");
	quiet(600);
	in("F. 1 ack 2");
	out(". 2 ack 2");
}

CASE(close_time_wait_syn, "RFC 6191 2; RFC 9293 3.6.1 MAY-2",
     "a SYN newer than the old connection opens a new one in TIME-WAIT")
{
	int l = listen_on(80, 5);
	int fd = passive_on(l, 80, ALL, 65535);

	CHECK_EQ(sk_close(fd), 0);
	out("F. 1 ack 1");
	in("F. 1 ack 2");
	out(". 2 ack 2");
	run_ms(2000);
	uint32_t old_iss = c->iss;
	c->irs += 100000;
	c->iss_known = false;
	in("S 0 win 65535 <mss 1460,sackOK,ts>");
	out("S. 0 ack 1");
	CHECK((int32_t)(c->iss - old_iss) > 0);
	in(". 1 ack 1");
	CHECK(sk_accept(l) >= 0);
}

CASE(close_time_wait_old_syn, "RFC 6191 2; RFC 9293 3.6.1", "an older SYN does not")
{
	int l = listen_on(80, 5);
	int fd = passive_on(l, 80, 0, 65535);

	in(". 1:1001 ack 1");
	CHECK_EQ(sk_recv(fd, 2000, 0), 1000);
	discard();
	CHECK_EQ(sk_close(fd), 0);
	out("F. 1 ack 1001");
	in("F. 1001 ack 2");
	out(". 2 ack 1002");
	run_ms(2000);
	c->irs -= 5000;
	in("S 0 win 65535 <mss 1460>");
	out(". 2 ack %u", 1002 + 5000);
	CHECK_EQ(sk_accept(l), -EAGAIN);
}

CASE(close_time_wait_data, "RFC 9293 3.10.7.4", "old data in TIME-WAIT are acknowledged, not taken")
{
	int fd = passive(ALL, 65535);

	in(". 1:101 ack 1");
	CHECK_EQ(sk_recv(fd, 1000, 0), 100);
	discard();
	CHECK_EQ(sk_close(fd), 0);
	out("F. 1 ack 101");
	in("F. 101 ack 2");
	out(". 2 ack 102");
	run_ms(1000);
	in(". 1:101 ack 1");
	out_within(0, 0, ". 2 ack 102");
	quiet(1000);
}

CASE(close_rst_fin_wait, "RFC 9293 3.10.7.4", "a reset ends FIN-WAIT, CLOSING and LAST-ACK at once")
{
	int fd = passive(ALL, 65535);

	CHECK_EQ(sk_close(fd), 0);
	out("F. 1 ack 1");
	in("R 1");
	quiet(5000);
	in(". 1 ack 1");
	out("R 1");

	conn_new(80);
	fd = passive(ALL, 65535);
	in("F. 1 ack 1");
	out_within(0, 500, ". 1 ack 2");
	CHECK_EQ(sk_close(fd), 0);
	out("F. 1 ack 2");
	in("R 2");
	quiet(5000);
	in(". 2 ack 2");
	out("R 2");
}

CASE(close_rst_close_wait, "RFC 9293 3.10.7.4; tcp(7)",
     "a reset after the peer's FIN breaks the pipe")
{
	int fd = passive(ALL, 65535);

	in("F. 1 ack 1");
	out_within(0, 500, ". 1 ack 2");
	in("R 2");
	CHECK(sk_poll(fd) & POLLHUP);
	CHECK_EQ(sk_error(fd), EPIPE); /* Linux: in CLOSE-WAIT */
	CHECK_EQ(sk_send(fd, 10, MSG_NOSIGNAL), -EPIPE);
}

CASE(close_shutdown_read, "shutdown(2)", "after SHUT_RD reads end, and data are still acknowledged")
{
	int fd = passive(ALL, 65535);

	CHECK_EQ(sk_shutdown(fd, SHUT_RD), 0);
	CHECK_EQ(sk_recv(fd, 10, 0), 0);
	CHECK_EQ(sk_send(fd, 10, 0), 10);
	out(". 1:11 ack 1");
	in("P. 1:11 ack 11");
	out_within(0, 500, ". 11 ack 11");
}

CASE(close_unconnected, "shutdown(2)", "sockets without a connection: ENOTCONN")
{
	int fd = sk_tcp();

	CHECK_EQ(sk_shutdown(fd, SHUT_WR), -ENOTCONN);
	CHECK_EQ(sk_send(fd, 10, MSG_NOSIGNAL), -EPIPE);
	CHECK_EQ(sk_recv(fd, 10, 0), -ENOTCONN);
	int l = listen_on(80, 1);
	CHECK_EQ(sk_recv(l, 10, 0), -ENOTCONN);
	CHECK_EQ(sk_shutdown(l, SHUT_RD), 0);
	CHECK_EQ(sk_accept(l), -EINVAL);
	in("S 0 win 5000");
	out("R. 0 ack 1");
}

CASE(close_listener_queue, "shutdown(2)",
     "connections that nobody has accepted end with their listener, timers and all")
{
	int l = listen_on(80, 1);

	CHECK_EQ(sk_set(l, SOL_SOCKET, SO_KEEPALIVE, 1), 0);
	CHECK_EQ(sk_set(l, IPPROTO_TCP, TCP_KEEPIDLE, 5), 0);
	in("S 0 win 5000");
	out("S. 0 ack 1");
	in(". 1 ack 1");
	CHECK_EQ(sk_shutdown(l, SHUT_RD), 0);
	out("R. 1 ack 1");
	quiet(10e3);
	in("S 0 win 5000");
	discard(); /* refused, with a sequence number of its own */
}

CASE(close_syn_sent, "RFC 9293 3.10.4", "closing while connecting leaves nothing")
{
	int fd = sk_tcp();

	c->lport = 0, c->rport = 80;
	CHECK_EQ(sk_connect(fd, peer_address(), 80), -EINPROGRESS);
	out_within(0, 5, "S 0");
	CHECK_EQ(sk_close(fd), 0);
	discard();
	in("S. 0 ack 1 win 1000");
	out("R 1");
	quiet(10e3);
}

CASE(close_recv_then_reset, "recv(2)",
     "data that came before a FIN can be read after the close handshake")
{
	int fd = passive(ALL, 65535);

	in("P. 1:1001 ack 1");
	in("F. 1001 ack 1");
	discard();
	CHECK_EQ(sk_shutdown(fd, SHUT_WR), 0);
	out("F. 1 ack 1002");
	in(". 1002 ack 2");
	CHECK_EQ(sk_recv(fd, 400, 0), 400);
	CHECK_EQ(sk_recv(fd, 1000, 0), 600);
	CHECK_EQ(sk_recv(fd, 1000, 0), 0);
	CHECK_EQ(sk_send(fd, 1, MSG_NOSIGNAL), -EPIPE);
}

CASE(close_many_time_wait, "Linux tcp_max_tw_buckets",
     "ten thousand in TIME-WAIT take little memory")
{
	int l = listen_on(80, 5);
	uint64_t before = packet_bytes();

	for (int i = 0; i < 10000; i++) {
		conn_new(80);
		c->rport = (uint16_t)(2000 + i);
		in("S 0 win 5000 <mss 1000>");
		out("S. 0 ack 1");
		in(". 1 ack 1");
		int fd = (int)sk_accept(l);
		CHECK(fd >= 0);
		CHECK_EQ(sk_close(fd), 0);
		out("F. 1 ack 1");
		in("F. 1 ack 2");
		out(". 2 ack 2");
		run_ms(1);
	}
	CHECK(packet_bytes() - before < 1u << 20);
	CHECK(sockets_alive() < 100);
}
