/* Data: acknowledgements, when to send, what the program reads. RFC 9293, 3.8.6; RFC 5681; RFC
 * 2018. */
#include <asm/errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <linux/sockios.h>
#include "packet.h"

CASE(data_initial_window, "RFC 6928 2", "ten segments leave at first, no more")
{
	int fd = passive(ALL, 1 << 20);
	unsigned n = 0;

	CHECK(sk_send(fd, 60000, 0) > 20000);
	run_ms(1);
	while (any_within(0))
		n++;
	CHECK_EQ(n, 10);
	CHECK_EQ(c->last_seq + c->last_len, 1 + 10 * mss());
}

CASE(data_slow_start, "RFC 5681 3.1", "each round trip doubles what is in flight")
{
	int fd = passive(ALL, 1 << 20);

	CHECK_EQ(sk_set(fd, SOL_SOCKET, SO_SNDBUF, 1 << 20), 0);
	CHECK(sk_send(fd, 400000, 0) > 150000);
	for (unsigned window = 10, acked = 0; window <= 80; window *= 2) {
		run_ms(5); /* before a probe for a lost tail */
		uint32_t end = 0;
		while (any_within(0))
			end = c->last_seq + c->last_len;
		CHECK_EQ((end - 1) / mss(), acked + window);
		/* Every second segment is acknowledged. */
		batch_begin();
		for (unsigned k = 0; k < window; k += 2) {
			acked += 2;
			in(". 1 ack %u", 1 + acked * mss());
		}
		batch_end();
	}
}

CASE(data_stretch_ack, "RFC 5681 3.1; RFC 3465",
     "one ACK for a whole window does not stop slow start")
{
	int fd = passive(ALL, 1 << 20);
	uint32_t end = 0;

	CHECK(sk_send(fd, 200000, 0) > 60000);
	run_ms(20);
	discard();
	in(". 1 ack %u", 1 + 10 * mss());
	run_ms(1);
	while (any_within(0))
		end = c->last_seq + c->last_len;
	CHECK_RANGE((end - 1) / mss(), 22, 30);
}

CASE(data_delayed_ack, "RFC 9293 3.8.6.3 MUST-58, 59; RFC 5681 4.2",
     "an ACK comes within half a second, and at once for the second full segment")
{
	passive(ALL, 65535);
	in(". 1:%u ack 1", 1 + mss());
	out_within(0, 500, ". 1 ack %u", 1 + mss());
	in(". %u:%u ack 1", 1 + mss(), 1 + 2 * mss());
	if (!any_within(0)) {
		in(". %u:%u ack 1", 1 + 2 * mss(), 1 + 3 * mss());
		out(". 1 ack %u", 1 + 3 * mss());
	}
}

CASE(data_ack_every_second, "RFC 9293 3.8.6.3 SHLD-19",
     "a stream gets an ACK for two full segments")
{
	int fd = passive(ALL, 65535);
	unsigned acks = 0;

	for (unsigned i = 0; i < 40; i++) {
		in(". %u:%u ack 1", 1 + i * mss(), 1 + (i + 1) * mss());
		sk_recv(fd, 10000, 0);
		while (any_within(0))
			acks++;
		run_ms(0.1);
	}
	CHECK_RANGE(acks, 20, 41);
}

CASE(data_ack_piggyback, "RFC 9293 3.8.6.3", "an answer carries the ACK of its question")
{
	int fd = passive(ALL, 65535);

	/* A connection's first ACKs may be early; later ones wait for the answer. */
	for (unsigned i = 0; i < 30; i++) {
		in("P. %u:%u ack %u", 1 + i * 100, 101 + i * 100, 1 + i * 200);
		run_ms(1);
		CHECK_EQ(sk_recv(fd, 1000, 0), 100);
		maybe(". %u ack %u", 1 + i * 200, 101 + i * 100);
		CHECK_EQ(sk_send(fd, 200, 0), 200);
		out(". %u:%u ack %u", 1 + i * 200, 201 + i * 200, 101 + i * 100);
		run_ms(20);
	}
	in("P. 3001:3101 ack 6001");
	CHECK_EQ(sk_recv(fd, 1000, 0), 100);
	CHECK_EQ(sk_send(fd, 200, 0), 200);
	out(". 6001:6201 ack 3101");
}

CASE(data_out_of_order, "RFC 5681 4.2; RFC 2018 4",
     "a gap is reported at once, with what lies beyond")
{
	int fd = passive(ALL, 65535);

	in(". 1001:2001 ack 1");
	out(". 1 ack 1 <sack 1001:2001$>");
	CHECK_EQ(sk_recv(fd, 100, 0), -EAGAIN);
	in(". 2001:3001 ack 1");
	out(". 1 ack 1 <sack 1001:3001$>");
	in(". 1:1001 ack 1");
	out(". 1 ack 3001 <!sack>");
	CHECK_EQ(sk_recv(fd, 10000, 0), 3000);
}

CASE(data_out_of_order_plain, "RFC 5681 4.2", "without SACK a gap is reported by a duplicate ACK")
{
	int fd = passive(0, 65535);

	for (int i = 1; i < 4; i++) {
		in(". %d001:%d001 ack 1", i, i + 1);
		out(". 1 ack 1 <!sack>");
	}
	in(". 1:1001 ack 1");
	out(". 1 ack 4001");
	CHECK_EQ(sk_recv(fd, 10000, 0), 4000);
}

CASE(data_partial_fill, "RFC 5681 4.2", "filling a part of a gap is acknowledged at once")
{
	passive(ALL, 65535);
	in(". 2001:3001 ack 1");
	out(". 1 ack 1 <sack 2001:3001$>");
	in(". 1:1001 ack 1");
	out(". 1 ack 1001 <sack 2001:3001$>");
	in(". 4001:5001 ack 1");
	out(". 1 ack 1001 <sack 4001:5001 2001:3001$>");
	in(". 1001:2001 ack 1");
	out(". 1 ack 3001 <sack 4001:5001$>");
}

CASE(data_sack_order, "RFC 2018 4",
     "the first block holds the newest segment, the others follow by age")
{
	passive(SACK | WS, 65535);
	in(". 1001:1101 ack 1");
	out(". 1 ack 1 <sack 1001:1101$>");
	in(". 2001:2101 ack 1");
	out(". 1 ack 1 <sack 2001:2101 1001:1101$>");
	in(". 3001:3101 ack 1");
	out(". 1 ack 1 <sack 3001:3101 2001:2101 1001:1101$>");
	in(". 4001:4101 ack 1");
	out(". 1 ack 1 <sack 4001:4101 3001:3101 2001:2101 1001:1101$>");
	in(". 5001:5101 ack 1"); /* four blocks fit */
	out(". 1 ack 1 <sack 5001:5101 4001:4101 3001:3101 2001:2101$>");
	in(". 2101:2201 ack 1"); /* an older one grows and becomes the first */
	out(". 1 ack 1 <sack 2001:2201>");
}

CASE(data_sack_timestamps, "RFC 2018 3", "with timestamps three blocks fit")
{
	passive(ALL, 65535);
	for (int i = 1; i < 5; i++) {
		in(". %d001:%d101 ack 1", i, i);
		CHECK(any_within(0));
	}
	in(". 5001:5101 ack 1");
	out(". 1 ack 1 <ts,sack 5001:5101 4001:4101 3001:3101$>");
}

CASE(data_dsack, "RFC 2883 4", "a duplicate is reported by the first block")
{
	passive(ALL, 65535);
	in(". 1:1001 ack 1");
	run_ms(600);
	discard();
	in(". 1:1001 ack 1");
	out(". 1 ack 1001 <sack 1:1001$>");
	/* A part of it (4.2), and a duplicate beyond a gap (4.1.1, figure 3). */
	in(". 501:1501 ack 1");
	out_within(0, 500, ". 1 ack 1501 <sack 501:1001$>");
	in(". 3001:4001 ack 1");
	out(". 1 ack 1501 <sack 3001:4001$>");
	in(". 3001:4001 ack 1");
	out(". 1 ack 1501 <sack 3001:4001 3001:4001$>");
}

CASE(data_no_dsack, "RFC 2883 1; RFC 9293 3.10.7.4", "without SACK a duplicate is acknowledged")
{
	passive(0, 65535);
	in(". 1:1001 ack 1");
	run_ms(600);
	discard();
	in(". 1:1001 ack 1");
	out(". 1 ack 1001 <!sack>");
}

CASE(data_overlap, "RFC 9293 3.10.7.4", "overlapping segments in any order give one stream")
{
	int fd = passive(ALL, 65535);

	in(". 501:1501 ack 1");
	in(". 1001:3001 ack 1");
	in(". 2501:2601 ack 1");
	in(". 4001:4002 ack 1");
	in(". 3501:4501 ack 1");
	in(". 401:2001 ack 1");
	in(". 1:701 ack 1");
	in(". 2801:3701 ack 1");
	discard();
	CHECK_EQ(sk_recv(fd, 10000, 0), 4500);
	in(". 4501:4601 ack 1");
	out_within(0, 500, ". 1 ack 4601");
	CHECK_EQ(sk_recv(fd, 10000, 0), 100);
}

CASE(data_nagle, "RFC 9293 3.7.4 SHLD-7; RFC 896",
     "small pieces wait while data are unacknowledged")
{
	int fd = passive(0, 65535);

	CHECK_EQ(sk_send(fd, 10, 0), 10);
	out("P. 1:11 ack 1");
	CHECK_EQ(sk_send(fd, 10, 0), 10);
	CHECK_EQ(sk_send(fd, 10, 0), 10);
	quiet(50);
	in(". 1 ack 11");
	out("P. 11:31 ack 1");
	in(". 1 ack 31");
	/* Full segments do not wait, their rest does. */
	CHECK_EQ(sk_send(fd, 10, 0), 10);
	out(". 31:41 ack 1");
	CHECK_EQ(sk_send(fd, peer_mss() + 100, 0), peer_mss() + 100);
	out(". 41:%u ack 1", 41 + peer_mss());
	quiet(50);
	in(". 1 ack %u", 41 + peer_mss());
	out(". %u:%u ack 1", 41 + peer_mss(), 141 + peer_mss());
}

CASE(data_nodelay, "RFC 9293 3.7.4 MUST-17", "with TCP_NODELAY they do not wait")
{
	int fd = passive(0, 65535);

	CHECK_EQ(sk_send(fd, 10, 0), 10);
	out(". 1:11 ack 1");
	CHECK_EQ(sk_send(fd, 10, 0), 10);
	quiet(10);
	CHECK_EQ(sk_set(fd, IPPROTO_TCP, TCP_NODELAY, 1), 0);
	out(". 11:21 ack 1"); /* tcp(7): setting it flushes */
	CHECK_EQ(sk_send(fd, 10, 0), 10);
	out(". 21:31 ack 1");
	CHECK_EQ(sk_get(fd, IPPROTO_TCP, TCP_NODELAY), 1);
}

CASE(data_cork, "tcp(7), TCP_CORK",
     "a cork holds partial segments for 200 ms or until it is pulled")
{
	int fd = passive(0, 65535);

	CHECK_EQ(sk_set(fd, IPPROTO_TCP, TCP_CORK, 1), 0);
	CHECK_EQ(sk_send(fd, 100, 0), 100);
	quiet(150);
	CHECK_EQ(sk_send(fd, peer_mss(), 0), peer_mss());
	out(". 1:%u ack 1", 1 + peer_mss());
	CHECK_EQ(sk_set(fd, IPPROTO_TCP, TCP_CORK, 0), 0);
	out(". %u:%u ack 1", 1 + peer_mss(), 101 + peer_mss());
	in(". 1 ack %u", 101 + peer_mss());
	CHECK_EQ(sk_set(fd, IPPROTO_TCP, TCP_CORK, 1), 0);
	CHECK_EQ(sk_send(fd, 50, 0), 50);
	out_within(150, 300, ". %u:%u ack 1", 101 + peer_mss(), 151 + peer_mss());
}

CASE(data_more, "send(2), MSG_MORE", "MSG_MORE holds a partial segment for the next call")
{
	int fd = passive(0, 65535);

	CHECK_EQ(sk_send(fd, 100, MSG_MORE), 100);
	quiet(50);
	CHECK_EQ(sk_send(fd, 100, 0), 100);
	out(". 1:201 ack 1");
}

CASE(data_push, "RFC 9293 3.9.1.2 MUST-61", "the last segment of a write is pushed")
{
	int fd = passive(0, 65535);

	CHECK_EQ(sk_send(fd, peer_mss() * 2, 0), peer_mss() * 2);
	out(". 1:%u ack 1", 1 + peer_mss());
	out("P. %u:%u ack 1", 1 + peer_mss(), 1 + 2 * peer_mss());
}

CASE(data_sequence_wrap, "RFC 9293 3.4", "both streams run across sequence number 2^32")
{
	int l = listen_on(80, 10);
	uint32_t first, rate;

	/* The clock of RFC 6528 brings our number close to the wrap. */
	c->irs = -70000u;
	c->rport = 4000;
	in("S 0 win 65535 <mss 1460>");
	out("S. 0 ack 1");
	first = c->iss;
	in("R 1");
	run_ms(1000);
	c->iss_known = false;
	in("S 0 win 65535 <mss 1460>");
	out("S. 0 ack 1");
	rate = c->iss - first; /* a second */
	CHECK(rate > 1000 && rate < 1u << 30);
	in("R 1");
	double seconds = (double)(uint32_t)(-60000u - c->iss) / rate;
	run_ms(seconds * 1e3);
	c->iss_known = false;
	in("S 0 win 65535 <mss 1460,sackOK>");
	out("S. 0 ack 1");
	if (c->iss < 0xf0000000u)
		note("the wrap was missed: %08x", c->iss);
	in(". 1 ack 1");
	int fd = (int)sk_accept(l);
	CHECK(fd >= 0);
	CHECK_EQ(sk_set(fd, SOL_SOCKET, SO_SNDBUF, 1 << 20), 0);
	for (uint32_t i = 0; i < 200; i++) {
		in(". %u:%u ack 1", 1 + i * 1000, 1001 + i * 1000);
		CHECK_EQ(sk_recv(fd, 2000, 0), 1000);
		/* Out of order right at the wrap. */
		if (i == 60) {
			discard();
			in(". 63001:64001 ack 1");
			out(". 1 ack 61001 <sack 63001:64001>");
			in(". 62001:63001 ack 1");
			in(". 61001:62001 ack 1");
			CHECK_EQ(sk_recv(fd, 9000, 0), 3000);
			i = 63;
		}
		discard();
	}
	CHECK(sk_send(fd, 200000, 0) > 100000);
	c->last_ack = 200001;
	uint32_t total = (uint32_t)sent_bytes(fd);
	for (uint32_t acked = 1; acked < total + 1;) {
		run_ms(20);
		uint32_t end = acked;
		while (any_within(0))
			end = c->last_seq + c->last_len;
		CHECK(end != acked);
		acked = end;
		in(". 200001 ack %u", acked);
	}
}

CASE(data_send_buffer, "send(2); epoll(7)",
     "a full buffer is EAGAIN; room makes the socket writable")
{
	int fd = passive(ALL, 65535);
	int watch = sk_watch(fd);
	long n, total = 0;

	CHECK(sk_edges(watch) & POLLOUT);
	CHECK_EQ(sk_edges(watch), 0);
	while ((n = sk_send(fd, 100000, 0)) > 0)
		CHECK((total += n) < 20 << 20);
	CHECK_EQ(n, -EAGAIN);
	CHECK_EQ(sk_poll(fd) & POLLOUT, 0);
	discard();
	pump_to((uint32_t)total + 1, 10);
	CHECK(sk_edges(watch) & POLLOUT);
	CHECK(sk_poll(fd) & POLLOUT);
	CHECK(sk_send(fd, 1000, 0) == 1000);
}

CASE(data_edges, "epoll(7)", "every arrival is an edge, reading is none")
{
	int fd = passive(0, 65535);
	int watch = sk_watch(fd);

	sk_edges(watch);
	CHECK_EQ(sk_edges(watch), 0);
	in("P. 1:11 ack 1");
	CHECK(sk_edges(watch) & POLLIN);
	CHECK_EQ(sk_edges(watch), 0);
	in("P. 11:21 ack 1");
	CHECK(sk_edges(watch) & POLLIN);
	CHECK_EQ(sk_recv(fd, 5, 0), 5);
	CHECK_EQ(sk_edges(watch), 0);
	CHECK_EQ(sk_recv(fd, 100, 0), 15);
	in("F. 21 ack 1");
	CHECK(sk_edges(watch) & 0x2000 /* EPOLLRDHUP */);
}

CASE(data_counts, "tcp(7), SIOCINQ, SIOCOUTQ", "bytes that wait in either direction are told")
{
	int fd = passive(0, 65535), n = -1;

	in("P. 1:101 ack 1");
	CHECK_EQ(sk_ioctl(fd, FIONREAD, &n), 0);
	CHECK_EQ(n, 100);
	CHECK_EQ(sk_recv(fd, 30, 0), 30);
	CHECK_EQ(sk_ioctl(fd, FIONREAD, &n), 0);
	CHECK_EQ(n, 70);
	CHECK_EQ(sk_send(fd, 500, 0), 500);
	CHECK_EQ(sk_ioctl(fd, SIOCOUTQ, &n), 0);
	CHECK_EQ(n, 500);
	in(". 101 ack 201");
	CHECK_EQ(sk_ioctl(fd, SIOCOUTQ, &n), 0);
	CHECK_EQ(n, 300);
}

CASE(data_peek_trunc, "recv(2), tcp(7)", "MSG_PEEK leaves the data, MSG_TRUNC throws them away")
{
	int fd = passive(0, 65535);
	char b[200];

	in("P. 1:101 ack 1");
	CHECK_EQ(sk_recv(fd, 50, MSG_PEEK), 50);
	CHECK_EQ(sk_recv(fd, 500, MSG_PEEK), 100);
	CHECK_EQ(sk_recv_bytes(fd, b, 40, MSG_TRUNC), 40);
	CHECK_EQ(sk_recv_bytes(fd, b, 200, 0), 60);
	CHECK_EQ((uint8_t)b[0], (uint8_t)(41 * 7));
}

CASE(data_blocking, "recv(2), socket(7)",
     "blocking reads wait for data, MSG_WAITALL for all of them")
{
	int fd = passive(0, 65535);
	double start = now_ms();
	struct timeval t = {.tv_sec = 1};

	sk_block(fd);
	in_after(100, "P. 1:11 ack 1");
	CHECK_EQ(sk_recv(fd, 100, 0), 10);
	CHECK_RANGE(now_ms() - start, 100, 101);
	in_after(100, "P. 11:51 ack 1");
	in_after(300, "P. 51:111 ack 1");
	CHECK_EQ(sk_recv(fd, 100, MSG_WAITALL), 100);
	CHECK_RANGE(now_ms() - start, 400, 402);
	CHECK_EQ(sk_set_bytes(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t), 0);
	CHECK_EQ(sk_recv(fd, 100, 0), -EAGAIN);
	CHECK_RANGE(now_ms() - start, 1400, 1410);
	in_after(100, "P. 111:151 ack 1");
	CHECK_EQ(sk_recv(fd, 100, MSG_WAITALL), 40);
	in_after(100, "F. 151 ack 1");
	CHECK_EQ(sk_recv(fd, 100, MSG_WAITALL), 0);
}

CASE(data_blocking_send, "send(2)",
     "a blocking write ends when the peer has made room for all of it")
{
	int fd = passive(ALL, 65535);

	CHECK_EQ(sk_set(fd, SOL_SOCKET, SO_SNDBUF, 8192), 0);
	sk_block(fd);
	/* The peer acknowledges what it has not yet seen sent: each ACK is good when it comes. */
	for (uint32_t i = 1; i < 60; i++)
		in_after(10 * i, ". 1 ack %u", 1 + i * mss());
	CHECK_EQ(sk_send(fd, 40000, 0), 40000);
}

CASE(data_urgent_in, "RFC 9293 3.8.5; tcp(7)",
     "an urgent byte comes out of band, the stream goes on")
{
	int fd = passive(0, 65535);
	char b = 0;

	in("UP. 1:6 ack 1 urg 5");
	CHECK(sk_poll(fd) & POLLPRI);
	CHECK_EQ(sk_recv_bytes(fd, &b, 1, MSG_OOB), 1);
	CHECK_EQ((uint8_t)b, (uint8_t)(5 * 7));
	char all[10];
	CHECK_EQ(sk_recv_bytes(fd, all, 10, 0), 4);
	in("P. 6:16 ack 1");
	CHECK_EQ(sk_recv_bytes(fd, all, 10, 0), 10);
	CHECK_EQ((uint8_t)all[0], (uint8_t)(6 * 7));
}

CASE(data_urgent_inline, "RFC 9293 3.8.5; socket(7), SO_OOBINLINE",
     "or inline, where the stream has it")
{
	int fd = passive(0, 65535);

	CHECK_EQ(sk_set(fd, SOL_SOCKET, SO_OOBINLINE, 1), 0);
	in("UP. 1:6 ack 1 urg 5");
	long a = sk_recv(fd, 100, 0); /* a read stops at the mark */
	CHECK(a == 4 || a == 5);
	if (a == 4)
		CHECK_EQ(sk_recv(fd, 100, 0), 1);
	in("UP. 6:106 ack 1 urg 60000"); /* beyond what has come */
	long n, total = 0;
	while ((n = sk_recv(fd, 1000, 0)) > 0)
		total += n;
	CHECK_EQ(total, 100);
}

CASE(data_urgent_out, "RFC 9293 3.8.5; RFC 6093", "MSG_OOB sets the urgent pointer")
{
	int fd = passive(0, 65535);

	CHECK_EQ(sk_send(fd, 5, MSG_OOB), 5);
	out("U. 1:6 ack 1 urg 5");
	in(". 1 ack 6");
	CHECK_EQ(sk_send(fd, 5, 0), 5);
	out(". 6:11 ack 1");
}

CASE(data_tos_ttl, "ip(7), ipv6(7)", "TTL and TOS of the socket are in every segment")
{
	int fd = passive(0, 65535);

	CHECK_EQ(c->last_ttl, 64);
	if (v6) {
		CHECK_EQ(sk_set(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 33), 0);
		CHECK_EQ(sk_set(fd, IPPROTO_IPV6, IPV6_TCLASS, 0x10), 0);
	} else {
		CHECK_EQ(sk_set(fd, IPPROTO_IP, IP_TTL, 33), 0);
		CHECK_EQ(sk_set(fd, IPPROTO_IP, IP_TOS, 0x10), 0);
	}
	CHECK_EQ(sk_send(fd, 5, 0), 5);
	out(". 1:6 ack 1");
	CHECK_EQ(c->last_ttl, 33);
	CHECK_EQ(c->last_tos, 0x10);
}

CASE(data_bad_checksum, "RFC 9293 3.1 MUST-2, 3", "a damaged segment is not taken nor answered")
{
	int fd = passive(ALL, 65535);

	in("P. 1:101 ack 1 badcsum");
	quiet(1000);
	CHECK_EQ(sk_recv(fd, 100, 0), -EAGAIN);
	in("P. 1:101 ack 1");
	CHECK_EQ(sk_recv(fd, 200, 0), 100);
}

CASE(data_one_byte_writes, "RFC 9293 3.7.4",
     "a thousand small writes make few segments and one stream")
{
	int fd = passive(ALL, 65535);

	for (int i = 0; i < 5000; i++)
		CHECK_EQ(sk_send(fd, 1, 0), 1);
	run_ms(10);
	discard();
	in(". 1 ack 2");
	run_ms(1);
	unsigned n = discard();
	CHECK_RANGE(n, 1, 5);
	pump_to(5001, 10);
}
