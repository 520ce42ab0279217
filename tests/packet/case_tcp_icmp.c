/* ICMP errors about TCP's segments: RFC 9293, 3.9.2.2; RFC 5927; RFC 1191; RFC 8201. */
#include <asm/errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include "packet.h"

static int connecting(void)
{
	int fd = sk_tcp();

	c->lport = 0, c->rport = 80;
	CHECK_EQ(sk_connect(fd, peer_address(), 80), -EINPROGRESS);
	out_within(0, 5, "S 0");
	return fd;
}

CASE(icmp_connect_port, "RFC 9293 3.9.2.2 SHLD-26", "port unreachable refuses a connection attempt")
{
	int fd = connecting();

	icmp_in(UNREACH_PORT, 0, 0);
	CHECK_EQ(sk_error(fd), ECONNREFUSED);
	quiet(10e3);
}

CASE(icmp_connect_host, "RFC 5461 2.2; Linux",
     "host unreachable ends an attempt, with that error, or leaves it alone")
{
	int fd = connecting();

	icmp_in(UNREACH_HOST, 0, 0);
	int err = sk_error(fd);
	CHECK(err == EHOSTUNREACH || err == 0);
	if (!err)
		out_within(500, 1500, "S 0");
}

CASE(icmp_connect_blind, "RFC 5927 4.1", "an error that quotes another number is ignored")
{
	int fd = connecting();

	icmp_in(UNREACH_PORT, 5000, 0);
	icmp_in(UNREACH_PORT, 0x80000000u, 0);
	CHECK_EQ(sk_error(fd), 0);
	out_within(500, 1500, "S 0");
}

CASE(icmp_soft, "RFC 9293 3.9.2.2 MUST-56; RFC 5927 5",
     "no ICMP error ends an established connection")
{
	static const enum icmp_kind kinds[] = {UNREACH_NET,   UNREACH_HOST,  UNREACH_PORT,
					       UNREACH_PROTO, UNREACH_ADMIN, TIME_EXCEEDED,
					       PARAM_PROBLEM, SOURCE_QUENCH};
	int fd = passive(ALL, 65535);

	CHECK_EQ(sk_send(fd, 100, 0), 100);
	out(". 1:101 ack 1");
	for (unsigned i = 0; i < 8; i++)
		icmp_in(kinds[i], 1, 0);
	CHECK_EQ(sk_poll(fd) & (POLLHUP | POLLERR), 0);
	in(". 1 ack 101");
	CHECK_EQ(sk_send(fd, 100, 0), 100);
	out(". 101:201 ack 1");
	CHECK_EQ(sk_error(fd), 0);
}

CASE(icmp_soft_reported, "RFC 9293 3.9.2.2; Linux sk_err_soft",
     "a soft error explains the end, if it comes to that")
{
	int fd = passive(ALL, 65535);

	CHECK_EQ(sk_set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 3000), 0);
	CHECK_EQ(sk_send(fd, 100, 0), 100);
	out(". 1:101 ack 1");
	for (int i = 0; i < 10; i++) {
		icmp_in(UNREACH_HOST, 1, 0);
		run_ms(1000);
	}
	int err = sk_error(fd);
	CHECK(err == EHOSTUNREACH || err == ETIMEDOUT);
}

CASE(icmp_source_quench, "RFC 6633 3", "source quench is ignored")
{
	int fd = passive(ALL, 1 << 20);

	CHECK(sk_send(fd, 60000, 0) > 0);
	run_ms(1);
	discard();
	icmp_in(SOURCE_QUENCH, 1, 0);
	in(". 1 ack %u", 1 + 10 * mss());
	run_ms(1);
	CHECK(discard() >= 20);
}

CASE(icmp_pmtu, "RFC 1191 6.4; RFC 8201 4; RFC 9293 3.7.5",
     "segments shrink to a path MTU that a router reports")
{
	int fd = passive(ALL, 1 << 20);
	uint32_t mtu = v6 ? 1300 : 1000, most = mtu - (v6 ? 40 : 20) - 20 - 12;

	CHECK(sk_send(fd, 30000, 0) > 0);
	run_ms(1);
	discard();
	icmp_in(TOO_BIG, 1, mtu);
	/* What was too large is sent again, smaller, without waiting for a timeout. */
	if (!any_within(190))
		fail(__FILE__, __LINE__, "not sent again");
	CHECK_EQ(c->last_seq, 1);
	CHECK_RANGE(c->last_len, 500, most);
	for (uint32_t acked = 1; acked < 30001;) {
		uint32_t end = acked;
		do {
			CHECK(c->last_len <= most);
			if (c->last_seq == end)
				end += c->last_len;
		} while (any_within(0));
		if (end != acked) {
			run_ms(20);
			in(". 1 ack %u", acked = end);
		}
		if (acked < 30001)
			CHECK(any_within(3000));
	}
	/* The next connection knows. */
	struct conn *old = c;
	(void)old;
	conn_new(0);
	fd = active(ALL, 1 << 20);
	CHECK_EQ(sk_send(fd, 5000, 0), 5000);
	CHECK(any_within(0));
	CHECK_RANGE(c->last_len, 500, most);
}

CASE(icmp_pmtu_blind, "RFC 5927 7.2", "a path MTU that quotes a number not in flight is ignored")
{
	int fd = passive(ALL, 1 << 20);

	CHECK(sk_send(fd, 3 * mss(), 0) > 0);
	run_ms(1);
	discard();
	icmp_in(TOO_BIG, 5000000, 600);
	icmp_in(TOO_BIG, -5000u, 600);
	in(". 1 ack %u", 1 + 3 * mss());
	CHECK(sk_send(fd, 3 * mss(), 0) > 0);
	CHECK(any_within(0));
	CHECK_EQ(c->last_len, mss());
}

CASE(icmp_pmtu_tiny, "RFC 1191 3; RFC 8201 4; Linux min_pmtu",
     "a tiny or larger path MTU does no harm")
{
	int fd = passive(ALL, 1 << 20);

	CHECK(sk_send(fd, 20000, 0) > 0);
	run_ms(1);
	discard();
	icmp_in(TOO_BIG, 1, 1);
	icmp_in(TOO_BIG, 1, 68);
	icmp_in(TOO_BIG, 1, 9000);
	icmp_in(TOO_BIG, 1, 65535);
	uint32_t acked = 1;
	unsigned n = 0;
	double start = now_ms();
	while (acked < 20001) {
		CHECK(now_ms() - start < 20e3);
		CHECK(any_within(3000));
		n++;
		if (c->last_seq <= acked && c->last_seq + c->last_len > acked) {
			acked = c->last_seq + c->last_len;
			in(". 1 ack %u", acked);
		}
	}
	/* 552 for IPv4, 1280 for IPv6: no flood of small segments. */
	CHECK(n < 20001 / 450 * 3);
}

CASE(icmp_pmtu_zero, "RFC 1191 5, 7.1", "a router that does not say: the next plateau below")
{
	int fd = passive(ALL, 1 << 20);

	if (v6)
		return; /* ICMPv6 always says */
	CHECK(sk_send(fd, 20000, 0) > 0);
	run_ms(1);
	discard();
	icmp_in(TOO_BIG, 1, 0);
	CHECK(any_within(1500));
	CHECK_RANGE(c->last_len, 500, 1492 - 52);
}

CASE(icmp_short, "RFC 792; RFC 4443", "errors that quote too little are dropped")
{
	passive(ALL, 65535);
	for (size_t n = 0; n < 60; n++) {
		uint8_t b[80] = {(uint8_t)(v6 ? 1 : 3), (uint8_t)(v6 ? 4 : 3)};
		b[8] = v6 ? 0x60 : 0x45;
		b[8 + (v6 ? 6 : 9)] = 6;
		struct ip_fields f = {
		    .src = peer_address(), .dst = local_address(), .protocol = v6 ? 58 : 1};
		set_be16(b + 2, v6 ? pseudo_checksum(f.src, f.dst, 58, b, n)
				   : (uint16_t)~inet_sum(b, n, 0));
		put_ip(f, b, n);
	}
	quiet(100);
}
