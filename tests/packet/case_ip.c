/* IPv4 and IPv6 themselves: headers, fragments, options, extension headers, ICMP. */
#include <asm/errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include "packet.h"

static struct ip_fields from_peer(uint8_t protocol)
{
	return (struct ip_fields){
	    .src = peer_address(), .dst = local_address(), .protocol = protocol, .id = 7};
}

/* A UDP datagram to port 7000 with n bytes of pattern. */
static size_t make_udp(uint8_t *b, size_t n)
{
	set_be16(b, 9);
	set_be16(b + 2, 7000);
	set_be16(b + 4, (unsigned)(8 + n));
	set_be16(b + 6, 0);
	for (size_t i = 0; i < n; i++)
		b[8 + i] = (uint8_t)(i * 3 + (i >> 8));
	set_be16(b + 6, pseudo_checksum(peer_address(), local_address(), 17, b, 8 + n));
	return 8 + n;
}

static int receiver(void)
{
	int fd = sk_udp();
	struct address any = {.v6 = v6};

	CHECK_EQ(sk_set(fd, SOL_SOCKET, SO_RCVBUF, 1 << 20), 0);
	CHECK_EQ(sk_bind(fd, any, 7000), 0);
	return fd;
}

static void expect(int fd, size_t n)
{
	static uint8_t b[65536];

	CHECK_EQ(sk_recv_bytes(fd, b, sizeof b, 0), n);
	for (size_t i = 0; i < n; i++)
		CHECK_EQ(b[i], (uint8_t)(i * 3 + (i >> 8)));
}

/* One fragment: bytes from to end of the datagram b of size n. */
static void fragment(const uint8_t *b, size_t n, size_t from, size_t end, unsigned id)
{
	struct ip_fields f = from_peer(17);
	bool more = end < n;

	if (v6) {
		uint8_t h[8] = {17};
		f.protocol = 44;
		set_be16(h + 2, (unsigned)from | more);
		set_be32(h + 4, id);
		f.options = h;
		f.options_len = 8;
		put_ip(f, b + from, end - from);
		return;
	}
	f.id = (uint16_t)id;
	f.frag = (uint16_t)(from / 8 | (more ? 0x2000 : 0));
	put_ip(f, b + from, end - from);
}

CASE(ip_reassembly, "RFC 791 3.2; RFC 8200 4.5",
     "fragments in order, in reverse and in any order make the datagram")
{
	static uint8_t b[20000];
	int fd = receiver();
	size_t n = make_udp(b, 8000);

	for (size_t at = 0; at < n; at += 1400)
		fragment(b, n, at, at + 1400 < n ? at + 1400 : n, 1);
	expect(fd, 8000);
	for (size_t at = (n - 1) / 1400 * 1400 + 1400; at >= 1400; at -= 1400)
		fragment(b, n, at - 1400, at < n ? at : n, 2);
	expect(fd, 8000);
	static const int order[] = {3, 0, 5, 1, 4, 2};
	for (int i = 0; i < 6; i++) {
		size_t at = (size_t)order[i] * 1400;
		fragment(b, n, at, at + 1400 < n ? at + 1400 : n, 3);
	}
	expect(fd, 8000);
	CHECK_EQ(sk_recv_bytes(fd, b, 10, 0), -EAGAIN);
}

CASE(ip_reassembly_mixed, "RFC 791 3.2; RFC 8200 4.5", "fragments of several datagrams do not mix")
{
	static uint8_t a[4000], b[4000];
	int fd = receiver();
	size_t n = make_udp(a, 2500), m = make_udp(b, 3000);

	fragment(a, n, 0, 1400, 10);
	fragment(b, m, 0, 1400, 11);
	fragment(b, m, 1400, 2800, 11);
	fragment(a, n, 1400, n, 10);
	expect(fd, 2500);
	fragment(b, m, 2800, m, 11);
	expect(fd, 3000);
}

CASE(ip_reassembly_timeout, "RFC 1122 3.3.2; RFC 8200 4.5",
     "what is not complete in time is dropped, and its sender told")
{
	static uint8_t b[4000];
	int fd = receiver();
	size_t n = make_udp(b, 3000);
	uint64_t before = packets_alive();

	wanted(WANT_ICMP);
	fragment(b, n, 0, 1400, 20);
	fragment(b, n, 2800, n, 20);
	NO_FRAME(14e3);
	struct ip_view v = view_ip(AWAIT(110e3));
	CHECK_EQ(v.payload[0], v6 ? 3 : 11);
	CHECK_EQ(v.payload[1], 1);
	fragment(b, n, 1400, 2800, 20); /* too late */
	CHECK_EQ(sk_recv_bytes(fd, b, 10, 0), -EAGAIN);
	run_ms(130e3);
	CHECK_RANGE((long)(packets_alive() - before), -50, 0);
}

CASE(ip_reassembly_no_first, "RFC 792; RFC 4443 3.3", "without the first fragment nobody is told")
{
	static uint8_t b[4000];
	size_t n = make_udp(b, 3000);

	receiver();
	wanted(WANT_ICMP);
	fragment(b, n, 1400, 2800, 20);
	NO_FRAME(130e3);
}

CASE(ip_reassembly_overlap, "RFC 5722 4; RFC 8200 4.5",
     "overlapping fragments never make a datagram of two minds")
{
	static uint8_t b[4000], evil[4000];
	int fd = receiver();
	size_t n = make_udp(b, 3000);

	memset(evil, 0xee, sizeof evil);
	fragment(b, n, 0, 1400, 30);
	fragment(evil, n, 800, 1600, 30);
	fragment(b, n, 1400, n, 30);
	long r = sk_recv_bytes(fd, evil, sizeof evil, 0);
	CHECK_EQ(r, -EAGAIN); /* the checksum would not have let it pass either */
	/* An exact duplicate is no overlap. */
	fragment(b, n, 0, 1400, 31);
	fragment(b, n, 0, 1400, 31);
	fragment(b, n, 1400, n, 31);
	expect(fd, 3000);
}

CASE(ip_reassembly_flood, "RFC 1858; issue 3",
     "a flood of fragments stays within bounds, and others come through")
{
	static uint8_t b[4000];
	int fd = receiver();
	size_t n = make_udp(b, 3000);
	uint64_t before = packet_bytes(), most = 0;

	for (unsigned i = 0; i < 20000; i++) {
		fragment(b, n, 0, 1400, 1000 + i);
		if (packet_bytes() - before > most)
			most = packet_bytes() - before;
	}
	note("at most %llu bytes", (unsigned long long)most);
	CHECK(most < 16u << 20);
	fragment(b, n, 0, 1400, 90000);
	fragment(b, n, 1400, 2800, 90000);
	fragment(b, n, 2800, n, 90000);
	expect(fd, 3000);
	run_ms(130e3);
	CHECK(packet_bytes() - before < 1u << 20);
}

CASE(ip_reassembly_tiny, "RFC 1858 3; RFC 8200 4.5",
     "odd sizes, lengths beyond 64 KiB and empty fragments are dropped")
{
	static uint8_t b[70000];
	int fd = receiver();
	size_t n = make_udp(b, 3000);

	fragment(b, n, 0, 1401, 40); /* not a multiple of 8, and more follow */
	fragment(b, n, 1400, n, 40);
	fragment(b, n, 0, 0, 41);
	struct ip_fields f = from_peer(17);
	if (v6) {
		uint8_t h[8] = {17, 0, 0xff, 0xf8, 0, 0, 0, 42};
		f.protocol = 44;
		f.options = h, f.options_len = 8;
		put_ip(f, b, 100);
	} else {
		f.frag = 0x1fff, f.id = 42; /* the ping of death */
		put_ip(f, b, 100);
	}
	run_ms(130e3);
	CHECK_EQ(sk_recv_bytes(fd, b, 10, 0), -EAGAIN);
}

CASE(ip_fragment_out, "RFC 791 3.2; RFC 8200 4.5",
     "a large datagram leaves in fragments that fit the link")
{
	int fd = sk_udp();
	static uint8_t b[8000], whole[9000];
	size_t got = 0, total = 0;
	uint32_t id = 0;

	wanted(WANT_UDP | WANT_IP);
	if (!v6)
		CHECK_EQ(sk_set(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT), 0);
	memset(b, 0x42, sizeof b);
	CHECK_EQ(sk_sendto(fd, b, 8000, 0, peer_address(), 9), 8000);
	while (!total || got < total) {
		struct frame *f = AWAIT(100);
		CHECK(f->len <= 1514);
		struct ip_view v = view_ip(f);
		const uint8_t *p = v.payload;
		size_t n = v.len, at;
		bool more;
		uint32_t this;
		if (v6) {
			CHECK_EQ(v.protocol, 44);
			CHECK_EQ(p[0], 17);
			at = be16_at(p + 2) & 0xfff8, more = p[3] & 1;
			this = be32_at(p + 4);
			p += 8, n -= 8;
		} else {
			at = (v.frag & 0x1fffu) * 8, more = v.frag & 0x2000;
			this = v.id;
		}
		if (got)
			CHECK_EQ(this, id);
		id = this;
		memcpy(whole + at, p, n);
		got += n;
		if (!more)
			total = at + n;
		else
			CHECK_EQ(n % 8, 0);
	}
	CHECK_EQ(total, 8008);
	CHECK_EQ(pseudo_checksum(local_address(), peer_address(), 17, whole, total), 0xffff);
}

CASE(ip_header_bad, "RFC 1122 3.2.1; RFC 8200 3",
     "datagrams with bad headers are dropped without a word")
{
	uint8_t u[100];
	int fd = receiver();
	size_t n = make_udp(u, 50);
	struct ip_fields f = from_peer(17);

	wanted(WANT_ICMP);
	f.claim = v6 ? 500 : 520; /* longer than the frame */
	put_ip(f, u, n);
	if (!v6) {
		f.claim = 19;
		put_ip(f, u, n);
		f.claim = 0;
		f.bad_checksum = true;
		put_ip(f, u, n);
	}
	uint8_t raw[100] = {0};
	memcpy(raw, local_mac, 6);
	memcpy(raw + 6, peer_mac, 6);
	set_be16(raw + 12, v6 ? 0x86dd : 0x0800);
	for (size_t len = 14; len < (v6 ? 54 : 34); len++) {
		raw[14] = v6 ? 0x60 : 0x45;
		put_frame(raw, len);
	}
	raw[14] = v6 ? 0x45 : 0x60;
	put_frame(raw, 80);
	raw[14] = 0x44;
	put_frame(raw, 80);
	NO_FRAME(100);
	CHECK_EQ(sk_recv_bytes(fd, u, 10, 0), -EAGAIN);
}

CASE(ip_padding, "RFC 894; RFC 1122 2.3.3", "what the link has padded is cut off")
{
	int fd = receiver();
	uint8_t u[100] = {0};
	size_t n = make_udp(u, 3);
	struct ip_fields f = from_peer(17);

	f.claim = v6 ? n : 20 + n;
	put_ip(f, u, n + 30);
	expect(fd, 3);
}

CASE(ip_not_ours, "RFC 1122 3.2.1.3; RFC 8200",
     "datagrams for others are neither taken nor forwarded nor answered")
{
	uint8_t u[100];
	size_t n = make_udp(u, 50);
	struct ip_fields f = from_peer(17);

	receiver();
	wanted(WANT_ICMP | WANT_UDP | WANT_IP);
	f.dst = v6 ? address6("2001:db8::55") : address4(0xc0000255u & 0xffffff37u);
	put_ip(f, u, n);
	f.dst = v6 ? address6("2001:db9::55") : address4(0x08080808u);
	put_ip(f, u, n);
	f = from_peer(17);
	static const uint8_t other[6] = {2, 0, 0, 0, 0, 0x33};
	f.mac_dst = other; /* promiscuous: our address, another's frame */
	put_ip(f, u, n);
	NO_FRAME(1000);
}

CASE_FLAGS(ip_options, "RFC 1122 3.2.1.8", ONLY_V4,
	   "options are stepped over, bad ones answered or dropped, source routes refused")
{
	int fd = receiver();
	uint8_t u[100];
	size_t n = make_udp(u, 20);
	struct ip_fields f = from_peer(17);
	static const uint8_t rr[8] = {7, 7, 4, 0, 0, 0, 0, 0}, nop[4] = {1, 1, 1, 0},
			     ssr[8] = {0x89, 7, 4, 8, 8, 8, 8, 0};
	static const uint8_t zero[4] = {7, 0, 4, 0}, beyond[4] = {7, 40, 4, 0};

	f.options = nop, f.options_len = 4;
	put_ip(f, u, n);
	expect(fd, 20);
	f.options = rr, f.options_len = 8;
	put_ip(f, u, n);
	expect(fd, 20);
	f.options = ssr;
	put_ip(f, u, n);
	CHECK_EQ(sk_recv_bytes(fd, u, 10, 0), -EAGAIN);
	f.options = zero, f.options_len = 4;
	put_ip(f, u, n);
	f.options = beyond;
	put_ip(f, u, n);
	CHECK_EQ(sk_recv_bytes(fd, u, 10, 0), -EAGAIN);
}

CASE_FLAGS(ip6_extension_headers, "RFC 8200 4", ONLY_V6,
	   "extension headers are stepped over; unknown options act as their bits say")
{
	int fd = receiver();
	uint8_t u[100];
	size_t n = make_udp(u, 20);
	struct ip_fields f = from_peer(0);
	uint8_t h[24] = {60, 0, 1, 4, 0, 0, 0, 0, 43, 0, 1, 4, 0, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0, 0};

	wanted(WANT_ICMP);
	f.options = h, f.options_len = 24;
	put_ip(f, u, n);
	expect(fd, 20);
	h[10] = 0x1e; /* unknown, skip */
	put_ip(f, u, n);
	expect(fd, 20);
	h[10] = 0x5e; /* unknown, drop */
	put_ip(f, u, n);
	NO_FRAME(10);
	h[10] = 0x9e; /* unknown, drop and tell */
	put_ip(f, u, n);
	struct ip_view v = view_ip(AWAIT(10));
	CHECK_EQ(v.payload[0], 4);
	CHECK_EQ(v.payload[1], 2);
	CHECK_EQ(be32_at(v.payload + 4), 40 + 10);
	h[10] = 1;
	run_ms(2000);
	/* Routing header type 0 with segments left (RFC 5095). */
	h[18] = 0, h[19] = 1;
	put_ip(f, u, n);
	v = view_ip(AWAIT(10));
	CHECK_EQ(v.payload[0], 4);
	CHECK_EQ(sk_recv_bytes(fd, u, 10, 0), -EAGAIN);
}

CASE_FLAGS(ip6_next_header, "RFC 4443 3.4", ONLY_V6,
	   "an unknown next header: parameter problem, and where")
{
	uint8_t u[40] = {0};

	wanted(WANT_ICMP);
	put_ip(from_peer(200), u, 40);
	struct ip_view v = view_ip(AWAIT(10));
	CHECK_EQ(v.payload[0], 4);
	CHECK_EQ(v.payload[1], 1);
	CHECK_EQ(be32_at(v.payload + 4), 6);
	put_ip(from_peer(59), u, 0);
	NO_FRAME(100);
}

CASE_FLAGS(ip_protocol_unreachable, "RFC 1122 3.2.2.1", ONLY_V4,
	   "an unknown protocol is unreachable")
{
	uint8_t u[40] = {0};

	wanted(WANT_ICMP);
	put_ip(from_peer(200), u, 40);
	struct ip_view v = view_ip(AWAIT(10));
	CHECK_EQ(v.payload[0], 3);
	CHECK_EQ(v.payload[1], 2);
	CHECK_EQ(be32_at(v.payload + 8 + 16), LOCAL4); /* the header that did it */
}

static void echo(const struct ip_fields *f, size_t n)
{
	static uint8_t m[65000];

	memset(m, 0, 8);
	m[0] = v6 ? 128 : 8;
	set_be16(m + 4, 0x1234);
	set_be16(m + 6, 1);
	for (size_t i = 8; i < n; i++)
		m[i] = (uint8_t)i;
	set_be16(m + 2,
		 v6 ? pseudo_checksum(f->src, f->dst, 58, m, n) : (uint16_t)~inet_sum(m, n, 0));
	put_ip(*f, m, n);
}

CASE(icmp_echo, "RFC 1122 3.2.2.6; RFC 4443 4.2", "an echo request is answered with its data")
{
	struct ip_fields f = from_peer(v6 ? 58 : 1);

	wanted(WANT_ICMP);
	for (size_t n = 8; n < 1400; n += 173) {
		echo(&f, n);
		struct ip_view v = view_ip(AWAIT(0));
		CHECK_EQ(v.payload[0], v6 ? 129 : 0);
		CHECK_EQ(v.len, n);
		CHECK_EQ(be16_at(v.payload + 4), 0x1234);
		CHECK_EQ(v.ttl, 64);
		for (size_t i = 8; i < n; i++)
			CHECK_EQ(v.payload[i], (uint8_t)i);
	}
}

CASE(icmp_echo_bad, "RFC 792; RFC 4443 2.1", "one with a wrong checksum, or to everyone, is not")
{
	struct ip_fields f = from_peer(v6 ? 58 : 1);
	uint8_t m[20] = {(uint8_t)(v6 ? 128 : 8), 0, 1, 2};

	wanted(WANT_ICMP);
	put_ip(f, m, 20);
	if (!v6) {
		static const uint8_t all[6] = {255, 255, 255, 255, 255, 255};
		f.dst = address4(0xffffffffu); /* Linux: icmp_echo_ignore_broadcasts */
		f.mac_dst = all;
		echo(&f, 20);
		f.dst = address4(0xc00002ffu);
		echo(&f, 20);
	}
	NO_FRAME(100);
}

CASE(icmp_error_limit, "RFC 1812 4.3.2.8; RFC 4443 2.4 (f)", "errors are limited in rate")
{
	uint8_t u[100];
	unsigned n = 0;

	wanted(WANT_ICMP);
	size_t len = make_udp(u, 20);
	for (int i = 0; i < 5000; i++)
		put_ip(from_peer(17), u, len); /* nobody is at port 7000 */
	run_ms(10);
	while (get_frame())
		n++;
	CHECK_RANGE(n, 1, 1500);
}

CASE(icmp_error_about_error, "RFC 1122 3.2.2; RFC 4443 2.4 (e)",
     "no error is sent about an error, a broadcast or a later fragment")
{
	uint8_t u[200] = {0};
	struct ip_fields f = from_peer(17);
	size_t n = make_udp(u, 20);

	wanted(WANT_ICMP);
	if (!v6) {
		static const uint8_t all[6] = {255, 255, 255, 255, 255, 255};
		f.dst = address4(0xc00002ffu);
		f.mac_dst = all;
		put_ip(f, u, n);
	} else {
		f.dst = address6("ff02::1");
		put_ip(f, u, n);
	}
	f = from_peer(v6 ? 58 : 1);
	uint8_t m[60] = {(uint8_t)(v6 ? 1 : 3), 9};
	m[8] = v6 ? 0x60 : 0x45;
	set_be16(m + 2,
		 v6 ? pseudo_checksum(f.src, f.dst, 58, m, 60) : (uint16_t)~inet_sum(m, 60, 0));
	put_ip(f, m, 60);
	f = from_peer(17);
	f.src = v6 ? address6("::") : address4(0);
	put_ip(f, u, n);
	NO_FRAME(1000);
}

CASE_FLAGS(icmp_no_redirect, "RFC 1122 3.2.2.2; Linux secure_redirects", ONLY_V4,
	   "a redirect from who is no router is ignored")
{
	uint8_t m[8 + 28] = {5, 1};
	struct ip_fields f = from_peer(1);

	set_be32(m + 4, 0xc0000263u);
	m[8] = 0x45;
	m[8 + 9] = 17;
	set_be32(m + 8 + 12, LOCAL4);
	set_be32(m + 8 + 16, REMOTE4);
	f.src = address4(0xc0000242u);
	set_be16(m + 2, (uint16_t)~inet_sum(m, sizeof m, 0));
	put_ip(f, m, sizeof m);
	wanted(WANT_UDP);
	int fd = sk_udp();
	CHECK_EQ(sk_sendto(fd, "x", 1, 0, address4(REMOTE4), 9), 1);
	CHECK_EQ(AWAIT(100)->data[5], 2);
}

CASE(ip_route, "RFC 1122 3.3.1", "what is not on the link goes to the router")
{
	int fd = sk_udp();
	struct address far = v6 ? address6("2001:db8:ffff::7") : address4(REMOTE4);

	wanted(WANT_UDP);
	CHECK_EQ(sk_sendto(fd, "x", 1, 0, far, 9), 1);
	struct frame *f = AWAIT(100);
	CHECK(memcmp(f->data, peer_mac, 6) == 0);
	struct ip_view v = view_ip(f);
	CHECK(memcmp(v.dst.b, far.b, v6 ? 16 : 4) == 0);
}

CASE(ip_link_down, "netdevice(7)",
     "without a cable sending fails or is lost, and works again after")
{
	int fd = sk_udp();

	wanted(WANT_UDP);
	CHECK_EQ(sk_sendto(fd, "x", 1, 0, peer_address(), 9), 1);
	AWAIT(100);
	machine_link(false);
	run_ms(1000);
	sk_sendto(fd, "y", 1, 0, peer_address(), 9);
	machine_link(true);
	run_ms(3000);
	while (get_frame())
		;
	CHECK_EQ(sk_sendto(fd, "z", 1, 0, peer_address(), 9), 1);
	AWAIT(3000);
}
