/* IGMPv3 (RFC 3376), MLDv2 (RFC 3810): memberships. */
#include <asm/errno.h>
#include <string.h>
#include "packet.h"

static long membership(int fd, bool join)
{
	if (v6) {
		struct ipv6_mreq m = {.ipv6mr_interface = (unsigned)machine_ifindex()};
		struct address g = address6("ff15::77");
		memcpy(&m.ipv6mr_multiaddr, g.b, 16);
		return sk_set_bytes(fd, IPPROTO_IPV6, join ? IPV6_JOIN_GROUP : IPV6_LEAVE_GROUP, &m,
				    sizeof m);
	}
	struct ip_mreqn m = {.imr_ifindex = machine_ifindex()};
	m.imr_multiaddr.s_addr = htonl(0xe9000077u);
	return sk_set_bytes(fd, IPPROTO_IP, join ? IP_ADD_MEMBERSHIP : IP_DROP_MEMBERSHIP, &m,
			    sizeof m);
}

/* A report with a record about the group; its type. */
static unsigned record(const struct frame *f)
{
	struct ip_view v = view_ip(f);
	const uint8_t *p = v.payload;
	size_t size = v6 ? 20 : 8;

	CHECK_EQ(v.ttl, 1);
	CHECK_EQ(p[0], v6 ? 143 : 0x22);
	if (!v6)
		CHECK_EQ(inet_sum(p, v.len, 0), 0xffff);
	unsigned n = be16_at(p + 6);
	for (unsigned i = 0; i < n; i++) {
		const uint8_t *r = p + 8 + i * size;
		CHECK(8 + (i + 1) * size <= v.len);
		if (r[v6 ? 19 : 7] == 0x77)
			return r[0];
	}
	return 0;
}

static unsigned next_record(double ms)
{
	double end = now_ms() + ms;

	while (now_ms() < end) {
		struct frame *f = get_frame();
		if (f) {
			unsigned r = record(f);
			if (r)
				return r;
			continue;
		}
		run_ms(5);
	}
	return 0;
}

CASE(multicast_join, "RFC 3376 5.1; RFC 3810 6.1",
     "joining is reported, twice for safety, leaving too")
{
	int fd = sk_udp();

	run_ms(10e3);
	wanted(WANT_MC);
	CHECK_EQ(membership(fd, true), 0);
	CHECK_EQ(next_record(1100), 4); /* CHANGE_TO_EXCLUDE_MODE */
	CHECK_EQ(next_record(1100), 4);
	CHECK_EQ(next_record(5000), 0);
	CHECK_EQ(membership(fd, true), -EADDRINUSE);
	CHECK_EQ(membership(fd, false), 0);
	CHECK_EQ(next_record(1100), 3); /* CHANGE_TO_INCLUDE_MODE */
	CHECK_EQ(membership(fd, false), -EADDRNOTAVAIL);
}

CASE(multicast_query, "RFC 3376 5.2; RFC 3810 6.2", "a query is answered within its time")
{
	int fd = sk_udp();

	CHECK_EQ(membership(fd, true), 0);
	run_ms(10e3);
	wanted(WANT_MC);
	if (v6) {
		uint8_t q[8 + 28] = {58, 0, 5, 2, 0, 0, 1, 0, 130, 0, 0, 0, 0x03, 0xe8};
		struct ip_fields f = {.src = address6("fe80::2"),
				      .dst = address6("ff02::1"),
				      .protocol = 0,
				      .ttl = 1,
				      .options = q,
				      .options_len = 8};
		uint8_t all[6] = {0x33, 0x33, 0, 0, 0, 1};
		f.mac_dst = all;
		set_be16(q + 8 + 2, pseudo_checksum(f.src, f.dst, 58, q + 8, 28));
		put_ip(f, q + 8, 28);
	} else {
		uint8_t q[12] = {0x11, 10};
		uint8_t all[6] = {1, 0, 0x5e, 0, 0, 1};
		static const uint8_t alert[4] = {0x94, 4, 0, 0};
		struct ip_fields f = {.src = peer_address(),
				      .dst = address4(0xe0000001u),
				      .protocol = 2,
				      .ttl = 1,
				      .options = alert,
				      .options_len = 4,
				      .mac_dst = all};
		set_be16(q + 2, (uint16_t)~inet_sum(q, 12, 0));
		put_ip(f, q, 12);
	}
	CHECK_EQ(next_record(1200), 2); /* MODE_IS_EXCLUDE */
	CHECK_EQ(next_record(3000), 0);
}

CASE(multicast_receive, "RFC 1112 7.2; ip(7), ipv6(7)",
     "datagrams for the group come to members only")
{
	int in_group = sk_udp(), out_of_it = sk_udp();
	struct address any = {.v6 = v6};
	uint8_t u[20] = {0}, b[20];
	uint8_t mac4[6] = {1, 0, 0x5e, 0, 0, 0x77}, mac6[6] = {0x33, 0x33, 0, 0, 0, 0x77};
	struct ip_fields f = {.src = peer_address(),
			      .dst = v6 ? address6("ff15::77") : address4(0xe9000077u),
			      .protocol = 17,
			      .mac_dst = v6 ? mac6 : mac4};

	CHECK_EQ(sk_bind(in_group, any, 7000), 0);
	CHECK_EQ(sk_bind(out_of_it, any, 7001), 0);
	set_be16(u, 9);
	set_be16(u + 2, 7000);
	set_be16(u + 4, 20);
	set_be16(u + 6, pseudo_checksum(f.src, f.dst, 17, u, 20));
	put_ip(f, u, 20);
	CHECK_EQ(sk_recv_bytes(in_group, b, 20, 0), -EAGAIN);
	CHECK_EQ(membership(in_group, true), 0);
	put_ip(f, u, 20);
	CHECK_EQ(sk_recv_bytes(in_group, b, 20, 0), 12);
	CHECK_EQ(sk_recv_bytes(out_of_it, b, 20, 0), -EAGAIN);
	CHECK_EQ(membership(in_group, false), 0);
	put_ip(f, u, 20);
	CHECK_EQ(sk_recv_bytes(in_group, b, 20, 0), -EAGAIN);
}

CASE(multicast_send, "RFC 1112 6.4; RFC 2464 7",
     "datagrams to a group go to its link address, TTL 1")
{
	int fd = sk_udp();
	struct address g = v6 ? address6("ff15::1234:77") : address4(0xe9810077u);

	wanted(WANT_UDP);
	if (v6)
		CHECK_EQ(sk_set(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, machine_ifindex()), 0);
	CHECK_EQ(sk_sendto(fd, "x", 1, 0, g, 9), 1);
	struct frame *f = AWAIT(0);
	static const uint8_t want4[6] = {1, 0, 0x5e, 1, 0, 0x77},
			     want6[6] = {0x33, 0x33, 0x12, 0x34, 0, 0x77};
	CHECK(memcmp(f->data, v6 ? want6 : want4, 6) == 0);
	CHECK_EQ(view_ip(f).ttl, 1);
}
