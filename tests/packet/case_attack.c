/* Segments that should not be: RFC 9293, 3.10.7.4; RFC 5961; RFC 4953; floods of all kinds. */
#include <asm/errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include "packet.h"

CASE(attack_rst, "RFC 9293 3.10.7.4", "a reset with the next number ends the connection")
{
	int fd = passive(ALL, 65535);

	in("R 1");
	CHECK(sk_poll(fd) & POLLHUP);
	CHECK(sk_poll(fd) & POLLERR);
	CHECK_EQ(sk_recv(fd, 10, 0), -ECONNRESET);
	CHECK_EQ(sk_recv(fd, 10, 0), 0);
	CHECK_EQ(sk_send(fd, 10, MSG_NOSIGNAL), -EPIPE);
	quiet(1000);
	in(". 1 ack 1");
	out("R 1");
}

CASE(attack_rst_ack, "RFC 9293 3.10.7.4; RFC 7323 5.2", "with ACK and an old timestamp too")
{
	int fd = passive(ALL, 65535);

	in("R. 1 ack 1 <ts 1 1>");
	CHECK_EQ(sk_error(fd), ECONNRESET);
}

CASE(attack_rst_no_timestamp, "RFC 7323 3.2, 5.2", "a reset need not carry a timestamp")
{
	int fd = passive(ALL, 65535);

	in("R 1 nots");
	CHECK_EQ(sk_error(fd), ECONNRESET);
}

CASE(attack_rst_unsent, "send(2); RFC 9293 3.10.7.4",
     "what waited to be sent dies with the connection")
{
	int fd = passive(ALL, 65535);

	CHECK(sk_send(fd, 60000, 0) > 0);
	run_ms(1);
	discard();
	in("R 1");
	quiet(10e3);
	CHECK_EQ(sk_send(fd, 10, MSG_NOSIGNAL), -ECONNRESET);
	CHECK_EQ(sk_send(fd, 10, MSG_NOSIGNAL), -EPIPE);
}

CASE(attack_rst_with_data_waiting, "recv(2); Linux", "after a reset the error comes first")
{
	int fd = passive(ALL, 65535);

	in("P. 1:101 ack 1");
	discard();
	in("R 101");
	/* Linux gives the data that came before; either is seen elsewhere. */
	long r = sk_recv(fd, 1000, 0);
	CHECK(r == 100 || r == -ECONNRESET);
	CHECK(sk_poll(fd) & POLLHUP);
}

CASE(attack_rst_in_window, "RFC 5961 3.2",
     "a reset elsewhere in the window is answered by a challenge ACK")
{
	int fd = passive(ALL, 65535);

	in("R 2");
	out(". 1 ack 1");
	run_ms(2000);
	in("R 1000");
	out(". 1 ack 1");
	CHECK_EQ(sk_error(fd), 0);
	in("P. 1:11 ack 1");
	CHECK_EQ(sk_recv(fd, 10, 0), 10);
}

CASE(attack_rst_outside, "RFC 9293 3.10.7.4; RFC 5961 3.2",
     "a reset outside of the window is ignored")
{
	int fd = passive(ALL, 65535);

	in("R 0");
	in("R 2000000000");
	in("R -1");
	in("R. -5000 ack 1");
	quiet(1000);
	CHECK_EQ(sk_error(fd), 0);
	in("P. 1:11 ack 1");
	CHECK_EQ(sk_recv(fd, 10, 0), 10);
}

CASE(attack_syn, "RFC 5961 4.2",
     "a SYN on a connection, whatever its number, is answered by a challenge ACK")
{
	int fd = passive(ALL, 65535);

	in("S 1 win 1000 <mss 1000>");
	out(". 1 ack 1");
	run_ms(2000);
	in("S 5000 win 1000 <mss 1000>");
	out(". 1 ack 1");
	run_ms(2000);
	in("S 2000000000 win 1000 <mss 1000>");
	out(". 1 ack 1");
	run_ms(2000);
	in("SR 5 win 1000");
	discard();
	CHECK_EQ(sk_error(fd), 0);
	in("P. 1:11 ack 1 win 1000");
	CHECK_EQ(sk_recv(fd, 10, 0), 10);
}

CASE(attack_syn_restart, "RFC 5961 4.2; RFC 9293 3.5.1",
     "a peer that has restarted comes through by the challenge")
{
	int l = listen_on(80, 5);
	int fd = passive_on(l, 80, 0, 65535);

	c->irs += 777777;
	in("S 0 win 1000 <mss 1000>");
	CHECK(any_within(0));
	CHECK_EQ(c->last_flags & 0x3f, 0x10);
	c->irs -= 777777;
	in("R 1"); /* the number it was told to expect */
	CHECK_EQ(sk_error(fd), ECONNRESET);
	c->irs += 777777;
	c->iss_known = false;
	in("S 0 win 1000 <mss 1000>");
	out("S. 0 ack 1");
}

CASE(attack_challenge_limit, "RFC 5961 7", "challenge ACKs are limited")
{
	passive(ALL, 65535);
	for (int i = 0; i < 2000; i++) {
		in("R %d", 10 + i);
		run_ms(0.01);
	}
	CHECK_RANGE(discard(), 1, 1000);
}

CASE(attack_ack_unsent, "RFC 9293 3.10.7.4; RFC 5961 5.2",
     "an ACK of what was never sent is answered, its data dropped")
{
	int fd = passive(ALL, 65535);

	in("P. 1:101 ack 1000");
	out(". 1 ack 1");
	CHECK_EQ(sk_recv(fd, 1000, 0), -EAGAIN);
	CHECK_EQ(sk_error(fd), 0);
}

CASE(attack_ack_ancient, "RFC 5961 5.2", "nor do data come in with an ACK from long ago")
{
	int fd = passive(ALL, 10000);

	CHECK_EQ(sk_send(fd, 9000, 0), 9000);
	run_ms(1);
	discard();
	in(". 1 ack 9001");
	in("P. 1:101 ack %d", 9001 - 100000);
	CHECK_EQ(sk_recv(fd, 1000, 0), -EAGAIN);
	in("P. 1:101 ack 9000");
	CHECK_EQ(sk_recv(fd, 1000, 0), 100);
}

CASE(attack_no_ack, "RFC 9293 3.10.7.4", "a segment without ACK is dropped")
{
	int fd = passive(ALL, 65535);

	in("P 1:101");
	in("F 1:101");
	quiet(1000);
	CHECK_EQ(sk_recv(fd, 1000, 0), -EAGAIN);
}

CASE(attack_data_outside, "RFC 9293 3.10.7.4",
     "data outside of the window are answered with an ACK and dropped")
{
	int fd = passive(ALL, 65535);

	in("P. 2000000:2000100 ack 1");
	out(". 1 ack 1");
	CHECK_EQ(sk_recv(fd, 1000, 0), -EAGAIN);
	run_ms(1000);
	in("F. 2000000 ack 1");
	out(". 1 ack 1");
	CHECK_EQ(sk_recv(fd, 1000, 0), -EAGAIN);
}

CASE(attack_flags, "RFC 9293 3.10.7",
     "no combination of flags breaks a connection that does not allow it")
{
	int l = listen_on(80, 5);
	int fd = passive_on(l, 80, ALL, 65535);
	struct conn *good = c;
	static const char names[] = "FSRP.UEC";

	for (int flags = 0; flags < 256; flags++) {
		char text[12];
		int n = 0;
		for (int i = 0; i < 8; i++)
			if (flags & 1 << i)
				text[n++] = names[i];
		text[n ? n : 1] = 0;
		if (!n)
			text[0] = '-';
		in("%s 500000:500010 ack 1 urg 3", text); /* beyond the window */
		conn_new(81);				  /* a closed port */
		in("%s 5:9 ack 1 urg 3", text);
		c = good;
		run_ms(10);
	}
	discard();
	CHECK_EQ(sk_error(fd), 0);
	in("P. 1:11 ack 1");
	CHECK_EQ(sk_recv(fd, 100, 0), 10);
}

CASE(attack_pure_ack_silence, "RFC 9293 3.10.7.4", "ACKs are not answered by ACKs")
{
	passive(ALL, 65535);
	for (int i = 0; i < 20; i++)
		in(". 1 ack 1");
	quiet(1000);
}

CASE(attack_ack_loop, "RFC 5961 5, 7; Linux tcp_invalid_ratelimit",
     "two confused ends do not fill the path with ACKs")
{
	passive(ALL, 65535);
	for (int i = 0; i < 1000; i++) {
		in(". -1000 ack 1");
		run_ms(0.1);
	}
	CHECK_RANGE(discard(), 1, 1000);
}

CASE(attack_out_of_order_flood, "RFC 9293 3.8; Linux tcp_prune_ofo_queue",
     "segments out of order hold no more memory than the buffer")
{
	int fd = passive(ALL, 65535);
	uint64_t before = packet_bytes(), most = 0;

	/* One byte in every three: each costs a buffer of its own if it is kept as it came. */
	for (unsigned i = 0; i < 30000; i++) {
		in(". %u:%u ack 1", 10 + (i * 7919 % 20000) * 3, 11 + (i * 7919 % 20000) * 3);
		if (packet_bytes() - before > most)
			most = packet_bytes() - before;
		discard();
	}
	note("at most %llu bytes", (unsigned long long)most);
	CHECK(most < 8u << 20);
	CHECK_EQ(sk_error(fd), 0);
	/* It still works. */
	for (uint32_t seq = 1; seq < 60001;) {
		in(". %u:%u ack 1", seq, seq + 1000);
		sk_recv(fd, 100000, 0);
		CHECK(any_within(500));
		CHECK((int32_t)(c->last_ack - seq) >= 1000);
		seq = c->last_ack;
		discard();
	}
}

CASE(attack_small_segments, "Linux tcp_collapse",
     "segments of one byte in order hold bounded memory too")
{
	int fd = passive(ALL, 65535);
	uint64_t before = packet_bytes(), most = 0;
	uint32_t seq = 1;

	for (unsigned i = 0; i < 60000; i++) {
		in(". %u:%u ack 1", seq, seq + 1);
		seq++;
		if (packet_bytes() - before > most)
			most = packet_bytes() - before;
		if (i % 64 == 0)
			run_ms(1), discard();
	}
	note("at most %llu bytes", (unsigned long long)most);
	CHECK(most < 8u << 20);
	run_ms(300);
	in(". 1 ack 1"); /* what was taken comes out whole */
	long n, total = 0;
	while ((n = sk_recv(fd, 65536, 0)) > 0)
		total += n;
	CHECK(total > 1000);
}

CASE(attack_memory_out, "RFC 9293 3.8",
     "when all buffers are gone connections stall, and go on after")
{
	int fd = passive(ALL, 65535);

	packet_bytes_limit(0);
	for (int i = 0; i < 50; i++) {
		in(". %d:%d ack 1", 1 + i * 100, 101 + i * 100);
		sk_send(fd, 1000, 0);
		run_ms(10);
	}
	discard();
	packet_bytes_limit(64u << 20);
	uint32_t got = (uint32_t)received_bytes(fd);
	while (sk_recv(fd, 10000, 0) > 0)
		got = (uint32_t)received_bytes(fd);
	for (int i = 0; i < 50; i++)
		in(". %d:%d ack 1", 1 + i * 100, 101 + i * 100);
	while (sk_recv(fd, 10000, 0) > 0)
		;
	CHECK_EQ(received_bytes(fd), 5000);
	(void)got;
	long n = sk_send(fd, 1000, 0);
	CHECK(n == 1000 || n == -EAGAIN);
	run_ms(3000);
	CHECK_EQ(sk_error(fd), 0);
}

CASE(attack_port_scan, "RFC 9293 3.10.7.1",
     "a scan of all ports finds the one that listens, and leaves nothing")
{
	listen_on(80, 5);
	uint64_t before = packets_alive();
	unsigned open = 0;

	for (unsigned port = 1; port < 3000; port++) {
		c->lport = (uint16_t)port;
		in("S 0 win 1000 <mss 1000>");
		CHECK(any_within(0));
		if (c->last_flags & 2)
			open++;
		c->iss_known = false;
	}
	CHECK_EQ(open, 1);
	CHECK(packets_alive() - before < 10);
}
