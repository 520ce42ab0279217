/* unit: tests/unit/net/host.c tests/unit/net/parts.c kernel/net/addr.c kernel/net/checksum.c kernel/net/packet.c kernel/net/packet_gso.c kernel/net/netbuf.c kernel/net/netif.c kernel/net/notify.c kernel/net/loopback.c kernel/net/ethernet.c kernel/net/arp.c kernel/net/nd.c kernel/net/neighbour.c kernel/net/nd_dad.c kernel/net/ifaddr.c kernel/net/route*.c kernel/net/ic*.c kernel/net/ip*.c kernel/net/m[cl]*.c kernel/net/igmp.c kernel/net/frame.c kernel/sched/timer.c kernel/lib/siphash.c */
#include "net/host.h"
#include <linux/icmpv6.h>
#include <linux/in6.h>
#include <string.h>
#include "net/checksum.h"

static int start(void **state)
{
	(void)state;
	host_start();
	return 0;
}

static void sum6(uint8_t *m, uint32_t len, const char *src, const char *dst)
{
	struct ip_addr s = host_addr(src), d = host_addr(dst);
	m[2] = m[3] = 0;
	uint16_t sum = checksum_fold(checksum_pseudo(&s, &d, 58, len));
	sum = (uint16_t)~checksum_fold(checksum_add(m, len, sum));
	memcpy(m + 2, &sum, 2);
}

static void check6(const struct frame *r)
{
	struct ip_addr s, d;
	memcpy(&s, r->b + 22, 16);
	memcpy(&d, r->b + 38, 16);
	uint32_t len = r->len - 54;
	assert_int_equal(get_be16(r->b + 18), len);
	assert_int_equal(r->b[20], 58);
	assert_int_equal(checksum_fold(checksum_add(
			     r->b + 54, len, checksum_fold(checksum_pseudo(&s, &d, 58, len)))),
			 0xffff);
}

/* An ICMPv6 message arrives, with its sum. */
static void receive6(const char *src, const char *dst, uint8_t *m, uint32_t len)
{
	uint8_t f[200];

	sum6(m, len, src, dst);
	host_receive(f, host_ip6(f, src, dst, 58, m, len));
}

/* The next frame of ours: it is an ICMPv6 message of this type. */
static struct frame *sent6(uint8_t type)
{
	struct frame *r = host_sent();

	assert_non_null(r);
	check6(r);
	assert_int_equal(r->b[54], type);
	return r;
}

/* Neighbour discovery (RFC 4861, 4.3, 4.4): the peer asks for target, or says that it has it. */
static void discovery(uint8_t m[32], uint8_t type, uint8_t flags, const struct ip_addr *target)
{
	memset(m, 0, 32);
	m[0] = type;
	m[4] = flags;
	memcpy(m + 8, target, 16);
	m[24] = type == 135 ? 1 : 2; /* the link address of the sender, of the target */
	m[25] = 1;
	memcpy(m + 26, peer_mac, 6);
}

/* Echo from a neighbour that must be found first. */
static void test_echo(void **state)
{
	struct ip_addr peer = host_addr("2001:db8::9");
	uint8_t m[64] = {128}, na[32];
	struct frame *r;

	(void)state;
	for (int i = 4; i < 64; i++)
		m[i] = (uint8_t)i;
	receive6("2001:db8::9", "2001:db8::2", m, 64);
	r = sent6(135);
	assert_int_equal(r->b[21], 255);
	assert_memory_equal(r->b, "\x33\x33\xff\0\0\x09", 6);
	assert_memory_equal(r->b + 78, "\1\1", 2);
	assert_memory_equal(r->b + 80, host_mac, 6);
	assert_null(host_sent());

	discovery(na, 136, 0x60, &peer);
	receive6("2001:db8::9", "2001:db8::2", na, 32);
	r = sent6(129);
	assert_memory_equal(r->b + 58, m + 4, 60);
	host_no_leaks();
}

/* RFC 4861, 7.2.4: our address is asked for. */
static void test_solicited(void **state)
{
	uint8_t ns[32], f[200];
	struct ip_addr t = host_addr("2001:db8::2");
	struct frame *r;

	(void)state;
	discovery(ns, 135, 0, &t);
	receive6("2001:db8::9", "ff02::1:ff00:2", ns, 32);
	r = sent6(136);
	assert_int_equal(r->b[58], 0x60);
	assert_memory_equal(r->b + 62, &t, 16);
	assert_memory_equal(r->b + 80, host_mac, 6);
	assert_memory_equal(r->b, peer_mac, 6);
	/* A hop limit under 255 has crossed a router: not believed. */
	uint32_t len = host_ip6(f, "2001:db8::9", "ff02::1:ff00:2", 58, ns, 32);
	f[21] = 64;
	host_receive(f, len);
	assert_null(host_sent());
	host_no_leaks();
}

/* RFC 4862, 5.4.3: somebody else has the address. */
static void test_duplicate(void **state)
{
	struct ip_addr a = host_addr("2001:db8::77");
	uint8_t na[32];
	struct frame *r;

	(void)state;
	net_enter();
	assert_int_equal(ifaddr_add(&host_eth, &a, 64, IFADDR_STATIC, UINT64_MAX, UINT64_MAX), 0);
	net_leave();
	assert_non_null(ifaddr_find(&host_eth, &a));
	bool asked = false;
	while ((r = host_sent()))
		if (r->b[54] == 135) {
			asked = true;
			check6(r);
			assert_memory_equal(r->b + 22, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
		}
	assert_true(asked);
	discovery(na, 136, 0x20, &a);
	receive6("2001:db8::77", "ff02::1", na, 32);
	assert_null(ifaddr_find(&host_eth, &a));
	assert_non_null(ifaddr_find_any(&host_eth, &a));
	assert_false(route_is_local(&host_eth, &a));
	net_enter();
	assert_int_equal(ifaddr_del(&host_eth, &a, 64), 0);
	net_leave();
	host_advance(10 * SECOND);
	host_no_leaks();
}

static void test_fragments(void **state)
{
	static uint8_t payload[4000], f[2000], frames[3][1600];
	struct ip_addr dst = host_addr("2001:db8::9");
	struct route rt;
	uint32_t lens[3];

	(void)state;
	host_resolve("2001:db8::9");
	host_drop_sent();
	for (uint32_t i = 0; i < sizeof payload; i++)
		payload[i] = (uint8_t)(i * 7);
	net_enter();
	assert_int_equal(route_lookup(&rt, &dst, NULL, 0), 0);
	struct ip_tx tx = {.src = rt.src, .dst = dst, .protocol = 17};
	struct packet *p = packet_alloc(4000);
	memcpy(packet_put(p, 4000), payload, 4000);
	assert_int_equal(ip_output(p, &rt, &tx), 0);
	net_leave();
	for (int i = 0; i < 3; i++) {
		struct frame *r = host_sent();
		assert_non_null(r);
		assert_true(r->len <= 1514);
		assert_int_equal(r->b[20], 44);
		lens[i] = host_ip6(f, "2001:db8::9", "2001:db8::2", 44, r->b + 54, r->len - 54);
		memcpy(frames[i], f, lens[i]);
	}
	assert_null(host_sent());
	host_udp_count = 0;
	host_receive(frames[1], lens[1]);
	host_receive(frames[0], lens[0]);
	host_receive(frames[2], lens[2]);
	assert_int_equal(host_udp_count, 1);
	assert_int_equal(host_udp->len, 4000);
	uint8_t back[4000];
	packet_read(host_udp, 0, back, 4000);
	assert_memory_equal(back, payload, 4000);
	host_no_leaks();
}

/* RFC 8200, 4.2: the two upper bits of an option say what to do about it. */
static void test_options(void **state)
{
	uint8_t m[24] = {17, 0, 0x1e, 0}, f[200];
	struct frame *r;

	(void)state;
	host_resolve("2001:db8::9");
	host_udp_count = 0;
	host_receive(f, host_ip6(f, "2001:db8::9", "2001:db8::2", 60, m, 24)); /* 00: skip */
	assert_int_equal(host_udp_count, 1);
	m[2] = 0x5e; /* 01: drop */
	host_receive(f, host_ip6(f, "2001:db8::9", "2001:db8::2", 60, m, 24));
	assert_null(host_sent());
	m[2] = 0x9e; /* 10: drop and complain */
	host_receive(f, host_ip6(f, "2001:db8::9", "2001:db8::2", 60, m, 24));
	r = sent6(4);
	assert_int_equal(r->b[55], 2);
	assert_int_equal(get_be32(r->b + 58), 42);
	/* An unknown next header. */
	host_receive(f, host_ip6(f, "2001:db8::9", "2001:db8::2", 99, m, 24));
	r = host_sent();
	assert_non_null(r);
	assert_int_equal(r->b[55], 1);
	assert_int_equal(get_be32(r->b + 58), 6);
	assert_int_equal(host_udp_count, 1);
	host_no_leaks();
}

/* RFC 8201: packet too big, for what we sent. */
static void test_path_mtu(void **state)
{
	struct ip_addr dst = host_addr("2001:db8:1::1");
	uint8_t m[8 + 48] = {2}, f[200];
	struct route rt;

	(void)state;
	put_be32(m + 4, 1400);
	host_ip6(f, "2001:db8::2", "2001:db8:1::1", 17, "12345678", 8);
	memcpy(m + 8, f + 14, 48);
	unsigned before = host_error_count;
	receive6("2001:db8:1::fe", "2001:db8::2", m, sizeof m);
	assert_int_equal(host_error_count, before + 1);
	assert_int_equal(host_error.error, 90);
	assert_int_equal(host_error.mtu, 1400);
	net_enter();
	assert_int_equal(route_lookup(&rt, &dst, NULL, 0), 0);
	assert_int_equal(rt.mtu, 1400);
	net_leave();
	host_advance(601 * SECOND);
	net_enter();
	assert_false(route_valid(&rt));
	assert_int_equal(route_lookup(&rt, &dst, NULL, 0), 0);
	assert_int_equal(rt.mtu, 1500);
	net_leave();
	host_no_leaks();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_echo),      cmocka_unit_test(test_solicited),
	    cmocka_unit_test(test_duplicate), cmocka_unit_test(test_fragments),
	    cmocka_unit_test(test_options),   cmocka_unit_test(test_path_mtu),
	};
	return cmocka_run_group_tests(tests, start, NULL);
}
