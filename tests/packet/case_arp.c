/* ARP (RFC 826, 1122 2.3.2, 5227) and neighbour discovery (RFC 4861, 4862). */
#include <asm/errno.h>
#include <net/ethernet.h>
#include <poll.h>
#include <string.h>
#include "packet.h"

static void put_arp(unsigned op, const uint8_t *sender, uint32_t sender_ip, uint32_t target_ip,
		    bool broadcast)
{
	uint8_t f[60] = {0};

	memcpy(f, local_mac, 6);
	if (broadcast)
		memset(f, 255, 6);
	memcpy(f + 6, sender, 6);
	set_be16(f + 12, 0x0806);
	set_be16(f + 14, 1);
	set_be16(f + 16, 0x0800);
	f[18] = 6, f[19] = 4;
	set_be16(f + 20, op);
	memcpy(f + 22, sender, 6);
	set_be32(f + 28, sender_ip);
	set_be32(f + 38, target_ip);
	put_frame(f, sizeof f);
}

static void send_udp(uint32_t to, const char *text)
{
	int fd = sk(AF_INET, SOCK_DGRAM, 0);
	long n = sk_sendto(fd, text, strlen(text), 0, address4(to), 9);

	CHECK_EQ(n, strlen(text));
	sk_close(fd);
}

#define HOST9 0xc0000209u

CASE_FLAGS(arp_request, "RFC 826", ONLY_V4,
	   "the first datagram asks who has the address, then leaves")
{
	wanted(WANT_ARP | WANT_UDP);
	send_udp(HOST9, "one");
	struct frame *f = AWAIT(0);
	CHECK_EQ(be16_at(f->data + 12), 0x0806);
	CHECK_EQ(f->data[0], 255);
	CHECK_EQ(be16_at(f->data + 20), 1);
	CHECK_EQ(be32_at(f->data + 28), LOCAL4);
	CHECK_EQ(be32_at(f->data + 38), HOST9);
	NO_FRAME(100);
	uint8_t mac[6] = {2, 0, 0, 0, 0, 9};
	put_arp(2, mac, HOST9, LOCAL4, false);
	f = AWAIT(0);
	CHECK_EQ(f->data[5], 9);
	struct ip_view v = view_ip(f);
	CHECK_EQ(v.protocol, 17);
	send_udp(HOST9, "two"); /* known now */
	f = AWAIT(0);
	CHECK_EQ(f->data[5], 9);
}

CASE_FLAGS(arp_unanswered, "RFC 1122 2.3.2.1; RFC 4861 7.3.3", ONLY_V4,
	   "three requests a second apart, then host unreachable")
{
	int fd = sk(AF_INET, SOCK_DGRAM, 0), one = 1;
	double last = 0;

	(void)one;
	wanted(WANT_ARP);
	CHECK_EQ(sk_set(fd, IPPROTO_IP, IP_RECVERR, 1), 0);
	CHECK_EQ(sk_sendto(fd, "x", 1, 0, address4(HOST9), 9), 1);
	for (int i = 0; i < 3; i++) {
		struct frame *f = AWAIT(1500);
		if (i)
			CHECK_RANGE(f->ms - last, 900, 1200);
		last = f->ms;
	}
	NO_FRAME(3000);
	CHECK_EQ(sk_error(fd), EHOSTUNREACH);
	send_udp(HOST9, "again"); /* a new attempt */
	AWAIT(0);
}

CASE_FLAGS(arp_tcp_unreachable, "RFC 1122 2.3.2.2; connect(2)", ONLY_V4,
	   "connecting to a host that is not there fails")
{
	int fd = sk_tcp();

	wanted(WANT_ARP);
	CHECK_EQ(sk_connect(fd, address4(HOST9), 80), -EINPROGRESS);
	run_ms(5000);
	CHECK_EQ(sk_error(fd), EHOSTUNREACH);
}

CASE_FLAGS(arp_queue, "RFC 1122 2.3.2.2", ONLY_V4,
	   "what waits for an answer is kept, not without limit")
{
	unsigned n = 0;

	wanted(WANT_ARP | WANT_UDP);
	for (int i = 0; i < 1000; i++)
		send_udp(HOST9, "datagram");
	AWAIT(0);
	uint8_t mac[6] = {2, 0, 0, 0, 0, 9};
	put_arp(2, mac, HOST9, LOCAL4, false);
	while (get_frame())
		n++;
	CHECK_RANGE(n, 1, 500);
}

CASE_FLAGS(arp_reply, "RFC 826", ONLY_V4,
	   "a request for our address is answered to its sender alone")
{
	uint8_t mac[6] = {2, 0, 0, 0, 0, 9};

	wanted(WANT_ARP);
	put_arp(1, mac, HOST9, LOCAL4, true);
	struct frame *f = AWAIT(0);
	CHECK_EQ(be16_at(f->data + 20), 2);
	CHECK(memcmp(f->data, mac, 6) == 0);
	CHECK(memcmp(f->data + 22, local_mac, 6) == 0);
	CHECK_EQ(be32_at(f->data + 28), LOCAL4);
	CHECK_EQ(be32_at(f->data + 38), HOST9);
	put_arp(1, mac, HOST9, 0xc0000203u, true); /* another's */
	NO_FRAME(1000);
}

CASE_FLAGS(arp_probe_answered, "RFC 5227 2.1.1", ONLY_V4, "a probe for our address is answered")
{
	uint8_t mac[6] = {2, 0, 0, 0, 0, 9};

	wanted(WANT_ARP);
	put_arp(1, mac, 0, LOCAL4, true);
	struct frame *f = AWAIT(0);
	CHECK_EQ(be16_at(f->data + 20), 2);
}

CASE_FLAGS(arp_unsolicited, "RFC 826; Linux arp_accept", ONLY_V4,
	   "strangers' replies fill no table; known entries are refreshed")
{
	uint8_t a[6] = {2, 0, 0, 0, 0, 9}, b[6] = {2, 0, 0, 0, 0, 10};

	wanted(WANT_ARP | WANT_UDP);
	put_arp(2, a, HOST9, LOCAL4, false);
	send_udp(HOST9, "x");
	struct frame *f = AWAIT(0);
	if (be16_at(f->data + 12) == 0x0806) {
		put_arp(2, a, HOST9, LOCAL4, false);
		f = AWAIT(0);
	}
	CHECK_EQ(f->data[5], 9);
	run_ms(5000);
	put_arp(1, b, HOST9, HOST9, true); /* it has moved, and says so */
	send_udp(HOST9, "y");
	while (be16_at((f = AWAIT(5000))->data + 12) == 0x0806)
		put_arp(2, b, HOST9, LOCAL4, false);
	CHECK_EQ(f->data[5], 10);
}

CASE_FLAGS(arp_malformed, "RFC 826", ONLY_V4, "wrong kinds, lengths and operations are dropped")
{
	wanted(WANT_ARP);
	for (int i = 0; i < 6; i++) {
		uint8_t f[60] = {0};
		memset(f, 255, 6);
		memcpy(f + 6, peer_mac, 6);
		set_be16(f + 12, 0x0806);
		set_be16(f + 14, i == 0 ? 6 : 1);
		set_be16(f + 16, i == 1 ? 0x86dd : 0x0800);
		f[18] = i == 2 ? 8 : 6;
		f[19] = i == 3 ? 16 : 4;
		set_be16(f + 20, i == 4 ? 7 : 1);
		memcpy(f + 22, peer_mac, 6);
		set_be32(f + 28, PEER4);
		set_be32(f + 38, LOCAL4);
		put_frame(f, i == 5 ? 30 : 42);
	}
	NO_FRAME(1000);
}

CASE_FLAGS(arp_flood, "RFC 1122 2.3.2.1; issue 3", ONLY_V4,
	   "a flood of senders fills no memory, and others are still reached")
{
	uint64_t before = packets_alive();

	for (unsigned i = 0; i < 20000; i++) {
		uint8_t mac[6] = {2, 1, 0, 0, (uint8_t)(i >> 8), (uint8_t)i};
		put_arp(1, mac, 0xc0000200u | (3 + i % 250), LOCAL4, true);
	}
	CHECK(packets_alive() - before < 2000);
	wanted(WANT_UDP);
	send_udp(PEER4, "x");
	AWAIT(3000);
}

CASE_FLAGS(arp_reconfirm, "RFC 1122 2.3.2.1; RFC 4861 7.3", ONLY_V4,
	   "an old entry is verified by unicast while it is used")
{
	bool unicast = false;

	wanted(WANT_ARP | WANT_UDP);
	send_udp(PEER4, "x");
	put_arp(2, peer_mac, PEER4, LOCAL4, false);
	while (get_frame())
		;
	run_ms(100e3);
	send_udp(PEER4, "y");
	for (double end = now_ms() + 10e3; now_ms() < end; run_ms(100))
		for (struct frame *f; (f = get_frame());)
			if (be16_at(f->data + 12) == 0x0806 && f->data[0] == 2)
				unicast = true;
	CHECK(unicast);
}

/* Neighbour discovery. */

static void put_icmp6(const char *src, const char *dst, uint8_t *m, size_t n, uint8_t hops)
{
	struct ip_fields f = {
	    .src = address6(src), .dst = address6(dst), .protocol = 58, .ttl = hops};

	m[2] = m[3] = 0;
	set_be16(m + 2, pseudo_checksum(f.src, f.dst, 58, m, n));
	put_ip(f, m, n);
}

CASE_FLAGS(nd_solicited, "RFC 4861 7.2.4", ONLY_V6,
	   "a solicitation for our address is answered with an advertisement")
{
	uint8_t ns[32] = {135};
	struct address me = local_address();

	wanted(WANT_ND);
	memcpy(ns + 8, me.b, 16);
	ns[24] = 1, ns[25] = 1;
	memcpy(ns + 26, peer_mac, 6);
	put_icmp6("2001:db8::2", "ff02::1:ff00:1", ns, 32, 255);
	struct ip_view v = view_ip(AWAIT(0));
	CHECK_EQ(v.payload[0], 136);
	CHECK_EQ(v.ttl, 255);
	CHECK_EQ(v.payload[4] & 0x60, 0x60); /* solicited, override */
	CHECK(memcmp(v.payload + 8, me.b, 16) == 0);
	CHECK_EQ(v.payload[24], 2);
	CHECK(memcmp(v.payload + 26, local_mac, 6) == 0);
}

CASE_FLAGS(nd_invalid, "RFC 4861 7.1.1", ONLY_V6, "solicitations that are not valid are dropped")
{
	uint8_t ns[40] = {135};
	struct address me = local_address();

	wanted(WANT_ND);
	memcpy(ns + 8, me.b, 16);
	ns[24] = 1, ns[25] = 1;
	memcpy(ns + 26, peer_mac, 6);
	put_icmp6("2001:db8::2", "2001:db8::1", ns, 32, 254); /* routed */
	put_icmp6("2001:db8::2", "2001:db8::1", ns, 20, 255); /* short */
	ns[1] = 1;
	put_icmp6("2001:db8::2", "2001:db8::1", ns, 32, 255); /* code */
	ns[1] = 0;
	ns[25] = 0;
	put_icmp6("2001:db8::2", "2001:db8::1", ns, 32, 255); /* option of length 0 */
	ns[25] = 1;
	ns[8] = 0xff;
	put_icmp6("2001:db8::2", "2001:db8::1", ns, 32, 255); /* multicast target */
	memcpy(ns + 8, me.b, 16);
	put_icmp6("::", "2001:db8::1", ns, 24, 255);	/* from nobody, not to the group */
	put_icmp6("::", "ff02::1:ff00:1", ns, 32, 255); /* from nobody with an address */
	memcpy(ns + 8, peer_address().b, 16);
	put_icmp6("2001:db8::2", "ff02::1:ff00:1", ns, 32, 255); /* not ours */
	NO_FRAME(1000);
}

CASE_FLAGS(nd_resolve, "RFC 4861 7.2.2", ONLY_V6,
	   "resolution asks the solicited-node group three times")
{
	int fd = sk_udp();
	double last = 0;

	wanted(WANT_ND | WANT_UDP);
	CHECK_EQ(sk_sendto(fd, "x", 1, 0, address6("2001:db8::99"), 9), 1);
	for (int i = 0; i < 3; i++) {
		struct frame *f = AWAIT(1500);
		struct ip_view v = view_ip(f);
		CHECK_EQ(v.payload[0], 135);
		CHECK_EQ(v.ttl, 255);
		CHECK_EQ(v.dst.b[0], 0xff);
		CHECK_EQ(v.dst.b[12], 0xff);
		CHECK_EQ(v.dst.b[15], 0x99);
		CHECK_EQ(v.payload[24], 1); /* our link address */
		if (i)
			CHECK_RANGE(f->ms - last, 900, 1200);
		last = f->ms;
	}
	NO_FRAME(5000);
}

CASE_FLAGS(nd_override, "RFC 4861 7.2.5", ONLY_V6,
	   "an advertisement without override does not replace what is known")
{
	uint8_t na[32] = {136};
	int fd = sk_udp();

	wanted(WANT_UDP);
	CHECK_EQ(sk_sendto(fd, "x", 1, 0, peer_address(), 9), 1);
	AWAIT(100);
	memcpy(na + 8, peer_address().b, 16);
	na[24] = 2, na[25] = 1;
	memcpy(na + 26, "\2\0\0\0\0\7", 6);
	put_icmp6("2001:db8::2", "2001:db8::1", na, 32, 255);
	CHECK_EQ(sk_sendto(fd, "x", 1, 0, peer_address(), 9), 1);
	CHECK_EQ(AWAIT(100)->data[5], 2);
	na[4] = 0x20;
	put_icmp6("2001:db8::2", "2001:db8::1", na, 32, 255);
	CHECK_EQ(sk_sendto(fd, "x", 1, 0, peer_address(), 9), 1);
	CHECK_EQ(AWAIT(100)->data[5], 7);
}

CASE_FLAGS(nd_dad, "RFC 4862 5.4", ONLY_V6 | NO_ADDRESS,
	   "a new address is looked for before it is used")
{
	unsigned asked = 0;
	double end;

	wanted(WANT_ND);
	machine_add_address("2001:db8::77", 64);
	/* Whether it may be used meanwhile (RFC 4429) is the machine's choice. */
	for (end = now_ms() + 3000; now_ms() < end; run_ms(50))
		for (struct frame *f; (f = get_frame());) {
			struct ip_view v = view_ip(f);
			if (v.payload[0] == 135 && v.payload[23] == 0x77) {
				asked++;
				CHECK_EQ(v.src.b[0], 0);
			}
		}
	CHECK(asked >= 1);
	CHECK(machine_has_address("2001:db8::77"));
}

CASE_FLAGS(nd_dad_duplicate, "RFC 4862 5.4.4", ONLY_V6 | NO_ADDRESS,
	   "an address that another has is not used")
{
	uint8_t na[32] = {136, 0, 0, 0, 0x20};

	machine_add_address("2001:db8::77", 64);
	run_ms(100);
	memcpy(na + 8, address6("2001:db8::77").b, 16);
	na[24] = 2, na[25] = 1;
	memcpy(na + 26, peer_mac, 6);
	put_icmp6("2001:db8::77", "ff02::1", na, 32, 255);
	run_ms(5000);
	CHECK(!machine_has_address("2001:db8::77"));
}

CASE_FLAGS(nd_unreachable, "RFC 4861 7.3", ONLY_V6,
	   "a neighbour that has gone is noticed and looked for anew")
{
	int fd = sk_udp();
	unsigned unicast = 0, multicast = 0;

	wanted(0);
	CHECK_EQ(sk_sendto(fd, "x", 1, 0, peer_address(), 9), 1);
	run_ms(100);
	wanted(WANT_ND);
	run_ms(100e3);
	while (get_frame())
		;
	CHECK_EQ(sk_sendto(fd, "x", 1, 0, peer_address(), 9), 1);
	for (double end = now_ms() + 30e3; now_ms() < end; run_ms(200)) {
		sk_sendto(fd, "x", 1, 0, peer_address(), 9);
		for (struct frame *f; (f = get_frame());) {
			struct ip_view v = view_ip(f);
			if (v.payload[0] == 135 && v.dst.b[0] == 0xff)
				multicast++;
			else if (v.payload[0] == 135)
				unicast++;
		}
	}
	CHECK_RANGE(unicast, 1, 4);
	CHECK(multicast >= 1);
}
