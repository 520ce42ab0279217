/* Opening connections: RFC 9293, 3.5 and 3.10.7.1 to 3.10.7.4; RFC 6298; RFC 6928; RFC 6528. */
#include <asm/errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include "packet.h"

CASE(open_passive, "RFC 9293 3.5", "three packets make a connection, not earlier")
{
	int l = listen_on(80, 5);

	in("S 0 win 1000 <mss 1000>");
	out("S. 0 ack 1 <mss>");
	CHECK_EQ(sk_accept(l), -EAGAIN);
	in(". 1 ack 1 win 1000");
	int fd = (int)sk_accept(l);
	CHECK(fd >= 0);
	CHECK_EQ(sk_accept(l), -EAGAIN);
	quiet(500);
	struct address a;
	uint16_t port;
	CHECK_EQ(sk_name(fd, true, &a, &port), 0);
	CHECK_EQ(port, c->rport);
	CHECK_EQ(sk_name(fd, false, &a, &port), 0);
	CHECK_EQ(port, 80);
}

CASE(open_options, "RFC 7323 2.2, 3.2; RFC 2018 2", "options that the SYN offers are accepted")
{
	listen_on(80, 5);
	in("S 0 win 65535 <mss 1460,sackOK,ts 77 0,nop,wscale 7>");
	out("S. 0 ack 1 <mss,sackOK,ts ecr 77,wscale>");
	CHECK_RANGE(c->wscale, 0, 14);
	CHECK_EQ(c->mss, peer_mss());
}

CASE(open_no_options, "RFC 7323 1.3, 3.2; RFC 2018 2; RFC 9293 3.7.1",
     "options that the SYN does not offer are not used")
{
	int l = listen_on(80, 5);
	in("S 0 win 65535");
	out("S. 0 ack 1 <mss,!sackOK,!ts,!wscale>");
	in(". 1 ack 1 win 65535");
	int fd = (int)sk_accept(l);
	CHECK(fd >= 0);
	/* The default segment size: 536, and 1220 for IPv6 (MUST-15). */
	CHECK_EQ(sk_send(fd, 3000, 0), 3000);
	out(". 1:%u ack 1 <!ts>", v6 ? 1221 : 537);
}

CASE(open_synack_again, "RFC 6298 2.1, 5.5",
     "a SYN,ACK is sent again after 1, 2, 4 s, and given up")
{
	int l = listen_on(80, 5), n = 0;

	in("S 0 win 1000 <mss 1000>");
	out("S. 0 ack 1");
	out_within(900, 1300, "S. 0 ack 1");
	out_within(1900, 2300, "S. 0 ack 1");
	out_within(3900, 4500, "S. 0 ack 1");
	while (any_within(130e3)) {
		CHECK_EQ(c->last_flags & 0x3f, 0x12);
		CHECK(++n < 10);
	}
	/* It is forgotten. */
	in(". 1 ack 1");
	out("R 1");
	CHECK_EQ(sk_accept(l), -EAGAIN);
}

CASE(open_syn_again, "RFC 9293 3.10.7.4", "a SYN that comes twice is answered twice, alike")
{
	int l = listen_on(80, 5);

	in("S 0 win 1000 <mss 1000>");
	out("S. 0 ack 1");
	run_ms(500);
	in("S 0 win 1000 <mss 1000>");
	out("S. 0 ack 1");
	in(". 1 ack 1");
	CHECK(sk_accept(l) >= 0);
	CHECK_EQ(sk_accept(l), -EAGAIN);
}

CASE(open_syn_received_rst, "RFC 9293 3.10.7.4",
     "a reset in SYN-RECEIVED returns to LISTEN without a trace")
{
	int l = listen_on(80, 5);

	in("S 0 win 1000 <mss 1000>");
	out("S. 0 ack 1");
	in("R 1");
	quiet(10e3);
	CHECK_EQ(sk_accept(l), -EAGAIN);
	in(". 1 ack 1");
	out("R 1");
	conn_new(80);
	passive_on(l, 80, ALL, 65535);
}

CASE(open_syn_received_bad_ack, "RFC 9293 3.10.7.4",
     "an ACK of what was never sent is reset in SYN-RECEIVED, the connection waits on")
{
	int l = listen_on(80, 5);

	in("S 0 win 1000 <mss 1000>");
	out("S. 0 ack 1");
	in(". 1 ack 77");
	out("R 77");
	in(". 1 ack 0");
	out("R 0");
	in(". 1 ack 1");
	CHECK(sk_accept(l) >= 0);
}

CASE(open_ack_with_data, "RFC 9293 3.10.7.4", "the third packet may carry data")
{
	int l = listen_on(80, 5);

	in("S 0 win 1000 <mss 1000>");
	out("S. 0 ack 1");
	in("P. 1:101 ack 1");
	int fd = (int)sk_accept(l);
	CHECK(fd >= 0);
	CHECK_EQ(sk_recv(fd, 1000, 0), 100);
	out_within(0, 500, ". 1 ack 101");
}

CASE(open_ack_with_fin, "RFC 9293 3.10.7.4", "the third packet may carry data and the end")
{
	int l = listen_on(80, 5);

	in("S 0 win 1000 <mss 1000>");
	out("S. 0 ack 1");
	in("FP. 1:101 ack 1");
	int fd = (int)sk_accept(l);
	CHECK(fd >= 0);
	out_within(0, 500, ". 1 ack 102");
	CHECK_EQ(sk_recv(fd, 1000, 0), 100);
	CHECK_EQ(sk_recv(fd, 1000, 0), 0);
}

CASE(open_lost_ack, "RFC 9293 3.10.7.4",
     "data that overtakes the third packet opens the connection as well")
{
	int l = listen_on(80, 5);

	in("S 0 win 5000 <mss 1000,sackOK>");
	out("S. 0 ack 1");
	in(". 1001:2001 ack 1"); /* the first data segment is lost too */
	int fd = (int)sk_accept(l);
	CHECK(fd >= 0);
	out_within(0, 0, ". 1 ack 1 <sack 1001:2001>");
	in(". 1:1001 ack 1");
	out_within(0, 500, ". 1 ack 2001");
	CHECK_EQ(sk_recv(fd, 5000, 0), 2000);
}

CASE(open_syn_with_data, "RFC 9293 3.4, 3.10.7.2",
     "data on a SYN are kept or sent again by the peer, never corrupted")
{
	int l = listen_on(80, 5);

	in("S 0:100 win 5000 <mss 1000>");
	out_within(0, 0, "S. 0");
	CHECK(c->last_ack == 1 || c->last_ack == 101);
	in(". 1:201 ack 1");
	int fd = (int)sk_accept(l);
	CHECK(fd >= 0);
	out_within(0, 500, ". 1 ack 201");
	CHECK_EQ(sk_recv(fd, 5000, 0), 200);
}

CASE(open_listen_ack, "RFC 9293 3.10.7.2", "an ACK to a listener is answered with a reset")
{
	listen_on(80, 5);
	in(". 10 ack 4711");
	out("R 4711");
	in("P. 10:20 ack 99");
	out("R 99");
	in("F. 10 ack 98");
	out("R 98");
}

CASE(open_listen_rst, "RFC 9293 3.10.7.2", "a reset to a listener is ignored, with a SYN too")
{
	listen_on(80, 5);
	in("R 10");
	in("R. 10 ack 10");
	in("SR 10");
	quiet(1000);
}

CASE(open_listen_nothing, "RFC 9293 3.10.7.2", "a segment without SYN, ACK or RST is dropped")
{
	listen_on(80, 5);
	in("- 10:20");
	in("F 10:20");
	quiet(1000);
}

CASE(open_closed_port, "RFC 9293 3.10.7.1",
     "where nobody listens every segment but a reset is reset")
{
	in("S 0");
	out("R. 0 ack 1");
	in("S 0:100");
	out("R. 0 ack 101");
	in("SF 0:100");
	out("R. 0 ack 102");
	in(". 10:20 ack 4711");
	out("R 4711");
	in("F 10:20");
	out("R. 0 ack 21");
	in("R 10");
	in("R. 10 ack 4");
	quiet(1000);
}

CASE(open_checksum, "RFC 9293 3.1", "a segment with a wrong checksum does not exist")
{
	listen_on(80, 5);
	in("S 0 win 1000 <mss 1000> badcsum");
	in("S 0 win 1000 <mss 1000> dport 81 badcsum");
	quiet(1000);
}

CASE_FLAGS(open_broadcast, "RFC 9293 3.9.2.3 MUST-57", ONLY_V4,
	   "a SYN to or from a broadcast or multicast address is dropped")
{
	static const uint8_t all[6] = {255, 255, 255, 255, 255, 255};
	uint8_t syn[20] = {0x99, 0x99, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 4, 0};
	static const uint32_t bad[] = {0xe0000001, 0xffffffff, 0xc00002ff, 0x7f000001, 0};

	listen_on(80, 5);
	wanted(WANT_ICMP);
	for (int to = 0; to < 2; to++)
		for (unsigned i = 0; i < 5; i++) {
			struct ip_fields f = {
			    .src = peer_address(), .dst = local_address(), .protocol = 6};
			if (to)
				f.dst = address4(bad[i]), f.mac_dst = all;
			else
				f.src = address4(bad[i]);
			set_be16(syn + 16, 0);
			set_be16(syn + 16, pseudo_checksum(f.src, f.dst, 6, syn, 20));
			c->remote = f.src;
			c->rport = 0x9999;
			put_ip(f, syn, 20);
			quiet(100);
		}
	NO_FRAME(100);
}

CASE(open_active, "RFC 9293 3.5; RFC 7323; RFC 2018", "connect sends a SYN that offers everything")
{
	int fd = sk_tcp();

	c->lport = 0, c->rport = 80;
	CHECK_EQ(sk_connect(fd, peer_address(), 80), -EINPROGRESS);
	CHECK_EQ(sk_connect(fd, peer_address(), 80), -EALREADY);
	CHECK_EQ(sk_poll(fd) & POLLOUT, 0);
	out_within(0, 5, "S 0 <mss %u,sackOK,ts,wscale>", peer_mss());
	CHECK_RANGE(c->lport, 32768, 60999);
	CHECK_EQ(c->last_ttl, 64);
	run_ms(20);
	in("S. 0 ack 1 win 65535 <mss 1000,sackOK,ts,nop,wscale 7>");
	c->ts = true;
	out(". 1 ack 1 <ts>");
	CHECK(sk_poll(fd) & POLLOUT);
	CHECK_EQ(sk_error(fd), 0);
	/* Linux: the first call after it tells of the success, others of the connection. */
	sk_connect(fd, peer_address(), 80);
	CHECK_EQ(sk_connect(fd, peer_address(), 80), -EISCONN);
	CHECK_EQ(sk_recv(fd, 10, 0), -EAGAIN);
}

CASE(open_active_backoff, "RFC 6298 2.1, 5.5; RFC 9293 3.8.3",
     "a SYN is sent again after 1, 2, 4 ... s; with none answered connect fails with ETIMEDOUT")
{
	int fd = sk_tcp();
	double wait = 1000, start = now_ms();

	c->lport = 0, c->rport = 80;
	CHECK_EQ(sk_connect(fd, peer_address(), 80), -EINPROGRESS);
	out_within(0, 5, "S 0");
	for (int i = 0; i < 5; i++, wait *= 2)
		out_within(wait * 0.95, wait * 1.1 + 50, "S 0");
	while (any_within(200e3))
		;
	CHECK_EQ(sk_error(fd), ETIMEDOUT);
	/* Linux: 6 retries, 127 s. RFC 9293: at least 3 minutes SHOULD for SYN; R2. */
	CHECK_RANGE(now_ms() - 200e3 - start, 60e3, 400e3);
	CHECK(sk_poll(fd) & POLLHUP);
}

CASE(open_refused, "RFC 9293 3.10.7.3", "a reset that acknowledges the SYN refuses the connection")
{
	int fd = sk_tcp();

	c->lport = 0, c->rport = 80;
	CHECK_EQ(sk_connect(fd, peer_address(), 80), -EINPROGRESS);
	out_within(0, 5, "S 0");
	in("R 1");	   /* none without ACK */
	in("R. 0 ack 77"); /* none of another */
	in("R. 0 ack 0");
	quiet(500);
	CHECK_EQ(sk_error(fd), 0);
	in("R. 0 ack 1");
	CHECK(sk_poll(fd) & POLLOUT);
	CHECK_EQ(sk_error(fd), ECONNREFUSED);
	CHECK_EQ(sk_error(fd), 0);
	quiet(5000);
}

CASE(open_active_bad_ack, "RFC 9293 3.10.7.3",
     "a SYN,ACK that acknowledges something else is reset, connecting goes on")
{
	int fd = sk_tcp();

	c->lport = 0, c->rport = 80;
	CHECK_EQ(sk_connect(fd, peer_address(), 80), -EINPROGRESS);
	out_within(0, 5, "S 0");
	in("S. 0 ack 0");
	out("R 0");
	in("S. 0 ack 2");
	out("R 2");
	in(". 0 ack 99");
	out("R 99");
	CHECK_EQ(sk_poll(fd), 0);
	in("S. 0 ack 1 win 1000 <mss 1000>");
	out(". 1 ack 1");
	CHECK(sk_poll(fd) & POLLOUT);
}

CASE(open_simultaneous, "RFC 9293 3.5, figure 8", "two SYNs that cross make one connection")
{
	int fd = sk_tcp();

	c->lport = 0, c->rport = 80;
	CHECK_EQ(sk_connect(fd, peer_address(), 80), -EINPROGRESS);
	out_within(0, 5, "S 0");
	in("S 0 win 1000 <mss 1000>");
	out("S. 0 ack 1");
	in("S. 0 ack 1 win 1000 <mss 1000>");
	CHECK(sk_poll(fd) & POLLOUT);
	CHECK_EQ(sk_error(fd), 0);
	discard();
	CHECK_EQ(sk_send(fd, 10, 0), 10);
	out(". 1:11 ack 1");
	in("P. 1:11 ack 11");
	CHECK_EQ(sk_recv(fd, 100, 0), 10);
}

CASE(open_simultaneous_ack, "RFC 9293 3.5", "as before, the peer's answer is a plain ACK")
{
	int fd = sk_tcp();

	c->lport = 0, c->rport = 80;
	CHECK_EQ(sk_connect(fd, peer_address(), 80), -EINPROGRESS);
	out_within(0, 5, "S 0");
	in("S 0 win 1000 <mss 1000>");
	out("S. 0 ack 1");
	in(". 1 ack 1 win 1000");
	CHECK(sk_poll(fd) & POLLOUT);
	CHECK_EQ(sk_error(fd), 0);
}

CASE(open_synack_repeated, "RFC 9293 3.10.7.4; RFC 5961 4.2",
     "a SYN,ACK that comes again is acknowledged again")
{
	active(ALL, 65535);
	run_ms(1000);
	in("S. 0 ack 1 win 65535 <mss 1460,sackOK,ts>");
	out(". 1 ack 1");
}

CASE(open_blocking, "connect(2)", "a blocking connect returns when the answer has come")
{
	int fd = sk_tcp();
	double start = now_ms();

	c->lport = 50000, c->rport = 80;
	CHECK_EQ(sk_bind(fd, local_address(), 50000), 0);
	sk_block(fd);
	/* The answer is made when the SYN's number is known: the first SYN is lost. */
	c->iss_known = false;
	CHECK_EQ(sk_set(fd, SOL_SOCKET, SO_REUSEADDR, 1), 0);
	struct timeval t = {.tv_sec = 0, .tv_usec = 100000};
	CHECK_EQ(sk_set_bytes(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t), 0);
	CHECK_EQ(sk_connect(fd, peer_address(), 80), -EINPROGRESS);
	CHECK_RANGE(now_ms() - start, 100, 130);
	out("S 0");
	in_after(50, "S. 0 ack 1 win 1000 <mss 1000>");
	t.tv_sec = 10;
	CHECK_EQ(sk_set_bytes(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t), 0);
	long r = sk_connect(fd, peer_address(), 80);
	CHECK(r == 0 || r == -EALREADY);
	run_ms(60);
	CHECK(sk_poll(fd) & POLLOUT);
}

CASE(open_isn_clock, "RFC 6528 3; RFC 9293 3.4.1",
     "initial sequence numbers of one four-tuple grow with time, those of others are unrelated")
{
	uint32_t last = 0, iss[16];

	for (int i = 0; i < 8; i++) {
		int fd = sk_tcp();
		CHECK_EQ(sk_bind(fd, local_address(), 50000), 0);
		conn_new(50000);
		c->rport = 80;
		CHECK_EQ(sk_connect(fd, peer_address(), 80), -EINPROGRESS);
		out_within(0, 5, "S 0");
		if (i)
			CHECK_RANGE((int32_t)(c->iss - last), 1, 1 << 30);
		last = c->iss;
		in("R. 0 ack 1");
		CHECK_EQ(sk_error(fd), ECONNREFUSED);
		CHECK_EQ(sk_close(fd), 0);
		run_ms(500);
	}
	for (int i = 0; i < 16; i++) {
		int fd = sk_tcp();
		conn_new(0);
		c->rport = (uint16_t)(81 + i);
		CHECK_EQ(sk_connect(fd, peer_address(), c->rport), -EINPROGRESS);
		out_within(0, 5, "S 0");
		iss[i] = c->iss;
		for (int k = 0; k < i; k++)
			CHECK(iss[k] - iss[i] + 100000 > 200000);
	}
}

CASE(open_ports, "RFC 6056 3.2", "local ports are chosen at random")
{
	uint16_t port[32];
	int ascending = 0;

	for (int i = 0; i < 32; i++) {
		int fd = sk_tcp();
		conn_new(0);
		c->rport = (uint16_t)(100 + i);
		CHECK_EQ(sk_connect(fd, peer_address(), c->rport), -EINPROGRESS);
		out_within(0, 5, "S 0");
		port[i] = c->lport;
		CHECK_RANGE(port[i], 32768, 60999);
		if (i && port[i] > port[i - 1] && port[i] < port[i - 1] + 10)
			ascending++;
	}
	CHECK(ascending < 8);
}

CASE(open_window_unscaled, "RFC 7323 2.2", "the window of a SYN is never scaled")
{
	int fd = sk_tcp();

	c->lport = 0, c->rport = 80;
	CHECK_EQ(sk_connect(fd, peer_address(), 80), -EINPROGRESS);
	out_within(0, 5, "S 0");
	in("S. 0 ack 1 win 500 <mss 1000,nop,wscale 7>");
	out(". 1 ack 1");
	CHECK_EQ(sk_send(fd, 2000, 0), 2000);
	out_data(1, 501, 1); /* whether in one segment or in two is the sender's choice */
	quiet(20);
	in(". 1 ack 501 win 10"); /* 1280 */
	CHECK(any_within(1));
	while (any_within(0))
		;
	CHECK_RANGE(c->sent_max, 501 + 640, 501 + 1280);
}

CASE(open_window_scale_too_large, "RFC 7323 2.3", "a shift of more than 14 is taken as 14")
{
	int l = listen_on(80, 5);

	in("S 0 win 65535 <mss %u,nop,wscale 15>", peer_mss());
	out("S. 0 ack 1 <wscale>");
	in(". 1 ack 1 win 1");
	int fd = (int)sk_accept(l);
	CHECK(fd >= 0);
	CHECK_EQ(sk_send(fd, 60000, 0), 60000);
	pump_to(1 + 10 * peer_mss(), 10);
	/* Twice the first window is more than 16384. */
	run_ms(1);
	discard();
	uint32_t flight = c->last_seq + c->last_len - (1 + 10 * peer_mss());
	CHECK_RANGE(flight, 10 * peer_mss(), 16384);
}

CASE(open_window_not_scaled, "RFC 7323 2.2", "without the peer's option windows are as they stand")
{
	int l = listen_on(80, 5);

	in("S 0 win 500 <mss 1000>");
	out("S. 0 ack 1 <!wscale>");
	in(". 1 ack 1 win 700");
	int fd = (int)sk_accept(l);
	CHECK_EQ(sk_send(fd, 5000, 0), 5000);
	out_data(1, 701, 1);
	quiet(20);
}

CASE(open_mss, "RFC 9293 3.7.1 MUST-16", "segments are as large as the peer allows, no larger")
{
	int l = listen_on(80, 5);

	in("S 0 win 65535 <mss 536>");
	out("S. 0 ack 1");
	in(". 1 ack 1");
	int fd = (int)sk_accept(l);
	CHECK_EQ(sk_send(fd, 1500, 0), 1500);
	out(". 1:537 ack 1");
	out(". 537:1073 ack 1");
}

CASE(open_mss_timestamps, "RFC 6691; RFC 9293 3.7.1", "options come out of the segment size")
{
	int fd = passive(ALL, 65535);

	CHECK_EQ(sk_send(fd, 5000, 0), 5000);
	out(". 1:%u ack 1 <ts>", 1 + peer_mss() - 12);
}

CASE(open_mss_tiny, "RFC 9293 3.7.1; Linux TCP_MIN_SND_MSS",
     "an MSS of nothing does not stop or flood anyone")
{
	int l = listen_on(80, 5);

	in("S 0 win 65535 <mss 0,sackOK,ts>");
	c->ts = true;
	out("S. 0 ack 1");
	in(". 1 ack 1");
	int fd = (int)sk_accept(l);
	CHECK_EQ(sk_send(fd, 1000, 0), 1000);
	pump_to(1001, 10);
	CHECK(c->last_len > 0);
}

CASE(open_mss_huge, "RFC 9293 3.7.1", "an MSS of 65535 does not exceed the link's")
{
	int l = listen_on(80, 5);

	in("S 0 win 65535 <mss 65535>");
	out("S. 0 ack 1");
	in(". 1 ack 1");
	int fd = (int)sk_accept(l);
	CHECK_EQ(sk_send(fd, 5000, 0), 5000);
	out(". 1:%u ack 1", 1 + peer_mss());
}

CASE(open_maxseg, "tcp(7), TCP_MAXSEG", "a limit set by the program is offered and kept")
{
	int fd = sk_tcp();

	CHECK_EQ(sk_set(fd, IPPROTO_TCP, TCP_MAXSEG, 700), 0);
	c->lport = 0, c->rport = 80;
	CHECK_EQ(sk_connect(fd, peer_address(), 80), -EINPROGRESS);
	out_within(0, 5, "S 0 <mss 700>");
	in("S. 0 ack 1 win 65535 <mss 1460>");
	out(". 1 ack 1");
	CHECK_EQ(sk_send(fd, 2000, 0), 2000);
	out(". 1:701 ack 1");
}

/* Option lists that no good peer sends, on a SYN and later: none may stop the connection. */
static const char *const broken[] = {
    "hex:0200",
    "hex:0201",
    "hex:02",
    "hex:0204",
    "hex:020405",
    "hex:0203050101",
    "hex:fe00",
    "hex:fe01",
    "hex:feff",
    "hex:fe04ffff,nop,nop",
    "hex:0303",
    "hex:030407",
    "hex:0308",
    "hex:080a0000",
    "hex:0802",
    "hex:0502",
    "hex:0503ff",
    "hex:0509ffffffffffffff",
    "eol,hex:ffffff",
    "nop,nop,nop,nop,nop,nop,nop,nop",
    "hex:0400",
    "hex:0401",
    "hex:2200",
    "hex:22020404",
    "hex:13120000",
    "hex:0b060000000a",
    "hex:1d10000000000000",
};

CASE(open_broken_options, "RFC 9293 3.1, 3.2 MUST-7", "a SYN with a broken option list is answered")
{
	int l = listen_on(80, 100);

	for (unsigned i = 0; i < sizeof broken / sizeof *broken; i++) {
		conn_new(80);
		in("S 0 win 5000 <%s>", broken[i]);
		out("S. 0 ack 1");
		in(". 1 ack 1");
		int fd = (int)sk_accept(l);
		CHECK(fd >= 0);
		in("P. 1:11 ack 1 <%s>", broken[i]);
		CHECK_EQ(sk_recv(fd, 100, 0), 10);
		discard();
	}
}

CASE(open_broken_synack, "RFC 9293 3.1, 3.2 MUST-7", "a SYN,ACK with a broken option list connects")
{
	for (unsigned i = 0; i < sizeof broken / sizeof *broken; i++) {
		int fd = sk_tcp();
		conn_new(0);
		c->rport = 80;
		CHECK_EQ(sk_connect(fd, peer_address(), 80), -EINPROGRESS);
		out_within(0, 5, "S 0");
		in("S. 0 ack 1 win 5000 <%s>", broken[i]);
		out(". 1 ack 1");
		CHECK(sk_poll(fd) & POLLOUT);
	}
}

CASE(open_double_options, "RFC 9293 3.1", "options that come twice leave a usable connection")
{
	int l = listen_on(80, 5);

	in("S 0 win 5000 <mss 1000,mss 900,sackOK,sackOK,ts 5 0,ts 6 0,wscale 3,wscale 3>");
	out("S. 0 ack 1");
	c->ts = true;
	in(". 1 ack 1 win 5000");
	int fd = (int)sk_accept(l);
	CHECK(fd >= 0);
	CHECK_EQ(sk_send(fd, 3000, 0), 3000);
	CHECK(any_within(0));
	CHECK_RANGE(c->last_len, 888, 1000);
}

CASE(open_unknown_option, "RFC 9293 3.2 MUST-6", "an unknown option is skipped by its length")
{
	listen_on(80, 5);
	in("S 0 win 5000 <hex:fd06aabbccdd,mss 1000,sackOK>");
	out("S. 0 ack 1 <sackOK>");
}

CASE(open_data_offset, "RFC 9293 3.1", "a data offset below 5 or beyond the segment drops it")
{
	listen_on(80, 5);
	in("S 0 win 5000 <mss 1000> doff 4");
	in("S 0 win 5000 <mss 1000> doff 0");
	in("S 0 win 5000 <mss 1000> doff 15");
	quiet(1000);
	in("S 0 win 5000 <mss 1000>");
	out("S. 0 ack 1");
}

CASE(open_backlog, "listen(2); RFC 9293 3.10.7.2",
     "beyond the backlog SYNs stay unanswered until the program accepts")
{
	int l = listen_on(80, 2);

	for (int i = 0; i < 3; i++) { /* Linux: one more than the backlog */
		conn_new(80);
		in("S 0 win 5000 <mss 1000>");
		out("S. 0 ack 1");
		in(". 1 ack 1");
	}
	conn_new(80);
	in("S 0 win 5000 <mss 1000>");
	quiet(900);
	int fd = (int)sk_accept(l);
	CHECK(fd >= 0);
	in("S 0 win 5000 <mss 1000>");
	out("S. 0 ack 1");
	in(". 1 ack 1");
	for (int i = 0; i < 3; i++)
		CHECK(sk_accept(l) >= 0);
	CHECK_EQ(sk_accept(l), -EAGAIN);
}

CASE(open_backlog_late, "tcp(7), tcp_abort_on_overflow",
     "a third packet that finds the queue full is not answered; the SYN,ACK comes again")
{
	int l = listen_on(80, 4); /* room for five */
	struct conn *conns[6];

	for (int i = 0; i < 6; i++) {
		conns[i] = i ? conn_new(80) : c;
		in("S 0 win 5000 <mss 1000>");
		out("S. 0 ack 1");
		if (i < 3)
			in(". 1 ack 1");
	}
	for (int i = 3; i < 6; i++) {
		c = conns[i];
		in(". 1 ack 1");
	}
	out_within(0, 3500, "S. 0 ack 1");
	CHECK(sk_accept(l) >= 0);
	in(". 1 ack 1");
	for (int i = 0; i < 5; i++)
		CHECK(sk_accept(l) >= 0);
	CHECK_EQ(sk_accept(l), -EAGAIN);
}

CASE(open_flood, "RFC 4987 3.6", "under a flood of SYNs memory is bounded and others connect")
{
	int l = listen_on(80, 128);
	uint64_t before = packet_bytes();

	for (int i = 0; i < 20000; i++) {
		conn_new(80);
		c->rport = (uint16_t)(1024 + i);
		in("S 0 win 5000 <mss 1000,sackOK,ts,nop,wscale 7>");
		discard();
		if (i % 100 == 0)
			run_ms(1);
	}
	CHECK(packet_bytes() - before < 4u << 20);
	conn_new(80);
	c->rport = 50001;
	in("S 0 win 65535 <mss %u,sackOK,ts,nop,wscale 7>", peer_mss());
	out("S. 0 ack 1 <mss>");
	c->ts = c->options_len >= 16;
	c->ts_recent = c->last_ts_val;
	in(". 1 ack 1 win 512");
	int fd = (int)sk_accept(l);
	CHECK(fd >= 0);
	in("P. 1:101 ack 1");
	CHECK_EQ(sk_recv(fd, 1000, 0), 100);
	discard();
	CHECK_EQ(sk_send(fd, 5000, 0), 5000);
	CHECK(any_within(10));
	CHECK_RANGE(c->last_len, 500, peer_mss());
	/* What was never asked for is not believed. */
	conn_new(80);
	c->rport = 999;
	in(". 1 ack 123456");
	out("R 123456");
	CHECK_EQ(sk_accept(l), -EAGAIN);
}

CASE(open_flood_over, "RFC 4987 3.6", "a flood leaves the connections that stood before it alone")
{
	int l = listen_on(80, 128);
	int fd = passive_on(l, 80, ALL, 65535);
	struct conn *good = c;

	for (int i = 0; i < 5000; i++) {
		conn_new(80);
		c->rport = (uint16_t)(1024 + i);
		in("S 0 win 5000 <mss 1000>");
		discard();
	}
	c = good;
	in("P. 1:101 ack 1");
	CHECK_EQ(sk_recv(fd, 1000, 0), 100);
	run_ms(200e3); /* all of the flood is forgotten */
	discard();
	conn_new(80);
	c->rport = 50002;
	passive_on(l, 80, ALL, 65535);
}

CASE(open_listener_closed, "close(2); RFC 9293 3.10.4",
     "connections that nobody accepted are reset when the listener closes")
{
	int l = listen_on(80, 5);

	in("S 0 win 5000 <mss 1000>");
	out("S. 0 ack 1");
	in(". 1 ack 1");
	CHECK_EQ(sk_close(l), 0);
	CHECK(any_within(0));
	CHECK(c->last_flags & 4);
	CHECK_EQ(c->last_seq, 1);
	in("P. 1:11 ack 1");
	out("R 1");
}

CASE(open_accept_reset, "accept(2)", "a connection reset before it is accepted does no harm")
{
	int l = listen_on(80, 5);

	in("S 0 win 5000 <mss 1000>");
	out("S. 0 ack 1");
	in(". 1 ack 1");
	in("R. 1 ack 1");
	long fd = sk_accept(l); /* Linux gives it out, reset */
	if (fd >= 0) {
		CHECK_EQ(sk_recv((int)fd, 10, 0), -ECONNRESET);
		CHECK_EQ(sk_recv((int)fd, 10, 0), 0);
	} else {
		CHECK(fd == -EAGAIN || fd == -ECONNABORTED);
	}
	quiet(100);
}

CASE(open_inherit, "socket(7), tcp(7)", "an accepted socket inherits its listener's options")
{
	int l = listen_on(80, 5);

	CHECK_EQ(sk_set(l, IPPROTO_TCP, TCP_NODELAY, 1), 0);
	CHECK_EQ(sk_set(l, SOL_SOCKET, SO_KEEPALIVE, 1), 0);
	CHECK_EQ(sk_set(l, IPPROTO_TCP, TCP_KEEPIDLE, 77), 0);
	int fd = passive_on(l, 80, ALL, 65535);
	CHECK_EQ(sk_get(fd, IPPROTO_TCP, TCP_NODELAY), 1);
	CHECK_EQ(sk_get(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
	CHECK_EQ(sk_get(fd, IPPROTO_TCP, TCP_KEEPIDLE), 77);
}

CASE(open_rcvbuf, "RFC 9293 3.10.7.4", "small receive buffers limit the window offered")
{
	int l = listen_on(80, 5);

	CHECK_EQ(sk_set(l, SOL_SOCKET, SO_RCVBUF, 4096), 0);
	in("S 0 win 5000 <mss 1000,nop,wscale 0>");
	out("S. 0 ack 1 win<8193");
}
