/* unit: tests/unit/net/host.c tests/unit/net/parts.c kernel/net/addr.c kernel/net/checksum.c kernel/net/packet.c kernel/net/packet_gso.c kernel/net/netbuf.c kernel/net/netif.c kernel/net/notify.c kernel/net/loopback.c kernel/net/ethernet.c kernel/net/arp.c kernel/net/nd.c kernel/net/neighbour.c kernel/net/nd_dad.c kernel/net/ifaddr.c kernel/net/route*.c kernel/net/ic*.c kernel/net/ip*.c kernel/net/m[cl]*.c kernel/net/igmp.c kernel/net/frame.c kernel/sched/timer.c kernel/lib/siphash.c */
#include "net/host.h"
#include <linux/icmp.h>
#include <string.h>
#include "net/checksum.h"
#include "net/icmp.h"

static int start(void **state)
{
	(void)state;
	host_start();
	host_resolve("10.0.0.9");
	host_resolve("10.0.0.1");
	host_resolve("2001:db8::9");
	host_drop_sent();
	return 0;
}

static uint8_t f[2000];

static void icmp(const char *from, uint8_t *m, uint32_t len)
{
	m[2] = m[3] = 0;
	uint16_t sum = (uint16_t)~checksum_fold(checksum_add(m, len, 0));
	memcpy(m + 2, &sum, 2);
	host_receive(f, host_ip4(f, from, "10.0.0.2", 1, 1, 0, m, len));
}

/* An error of this type and code about a datagram that src sent to dst. */
static uint32_t about(uint8_t *m, uint8_t type, uint8_t code, const char *src, const char *dst,
		      uint8_t protocol)
{
	static uint8_t quoted[100];

	memset(m, 0, 8);
	m[0] = type;
	m[1] = code;
	host_ip4(quoted, src, dst, protocol, 5, 0x4000, "\x12\x34\x56\x78\0\x10\0\0payload!", 16);
	memcpy(m + 8, quoted + 14, 36);
	return 44;
}

/* What Linux makes of each code. */
static void test_translation(void **state)
{
	static const struct {
		uint8_t type, code;
		int error;
		bool hard;
	} cases[] = {
	    {3, 0, 101, false},	 {3, 1, 113, false},  {3, 2, 92, true},	  {3, 3, 111, true},
	    {3, 4, 90, false},	 {3, 5, 95, false},   {3, 6, 101, true},  {3, 7, 112, true},
	    {3, 8, 64, true},	 {3, 9, 101, true},   {3, 10, 113, true}, {3, 11, 101, false},
	    {3, 12, 113, false}, {3, 13, 113, true},  {3, 14, 113, true}, {3, 15, 113, true},
	    {11, 0, 113, false}, {11, 1, 113, false}, {12, 0, 71, true}};
	uint8_t m[100];

	(void)state;
	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		unsigned before = host_error_count;
		uint32_t len =
		    about(m, cases[i].type, cases[i].code, "10.0.0.2", "8.8.8.8", i % 2 ? 17 : 6);
		put_be16(m + 6, 1400);
		icmp("10.0.0.1", m, len);
		assert_int_equal(host_error_count, before + 1);
		assert_int_equal(host_error.error, cases[i].error);
		assert_int_equal(host_error.hard, cases[i].hard);
		assert_int_equal(host_error.length, 36);
		assert_int_equal(host_error.payload_len, 16);
		assert_memory_equal(host_error_payload, "\x12\x34\x56\x78", 4);
		struct ip_addr local = host_addr("10.0.0.2"), remote = host_addr("8.8.8.8");
		assert_true(ip_equal(&host_error.local, &local));
		assert_true(ip_equal(&host_error.remote, &remote));
	}
	host_no_leaks();
}

/* Errors about what we never sent, or cannot read, are nobody's. */
static void test_not_ours(void **state)
{
	uint8_t m[100];
	unsigned before = host_error_count;

	(void)state;
	icmp("10.0.0.1", m, about(m, 3, 3, "10.0.0.3", "8.8.8.8", 17));
	icmp("10.0.0.1", m, about(m, 3, 3, "224.0.0.1", "8.8.8.8", 17));
	icmp("10.0.0.1", m, about(m, 3, 16, "10.0.0.2", "8.8.8.8", 17));
	icmp("10.0.0.1", m, about(m, 4, 0, "10.0.0.2", "8.8.8.8", 17)); /* RFC 6633 */
	for (uint32_t len = 0; len < 36; len++) {
		about(m, 3, 3, "10.0.0.2", "8.8.8.8", 17);
		icmp("10.0.0.1", m, len);
	}
	about(m, 3, 3, "10.0.0.2", "8.8.8.8", 17);
	put_be16(m + 8 + 6, 5); /* about a fragment from the middle */
	icmp("10.0.0.1", m, 44);
	about(m, 3, 3, "10.0.0.2", "8.8.8.8", 17);
	m[8] = 0x4f;
	icmp("10.0.0.1", m, 44);
	uint32_t len = host_ip4(f, "10.0.0.1", "10.0.0.2", 1, 1, 0, m,
				about(m, 3, 3, "10.0.0.2", "8.8.8.8", 17)); /* bad checksum */
	f[36] ^= 1;
	host_receive(f, len);
	assert_int_equal(host_error_count, before);
	host_no_leaks();
}

/* RFC 1122, 3.2.2: no error about these. */
static void test_silence(void **state)
{
	uint8_t m[64] = {0};

	(void)state;
	host_advance(10 * SECOND);
	host_drop_sent();
	host_receive(f, host_ip4(f, "10.0.0.9", "10.0.0.255", 99, 1, 0, m, 20)); /* broadcast */
	host_receive(f, host_ip4(f, "10.0.0.9", "224.0.0.1", 99, 1, 0, m, 20));
	host_receive(f, host_ip4(f, "10.0.0.255", "10.0.0.2", 99, 1, 0, m, 20));
	host_receive(f, host_ip4(f, "0.0.0.0", "10.0.0.2", 99, 1, 0, m, 20));
	host_receive(f, host_ip4(f, "240.0.0.1", "10.0.0.2", 99, 1, 0, m, 20));
	host_receive(f, host_ip4(f, "127.0.0.1", "10.0.0.2", 99, 1, 0, m, 20));
	host_receive(f, host_ip4(f, "10.0.0.2", "10.0.0.2", 99, 1, 0, m, 20)); /* ourselves? */
	host_receive(f, host_ip4(f, "10.0.0.9", "127.0.0.1", 99, 1, 0, m, 20));
	host_receive(f, host_ip4(f, "10.0.0.9", "10.0.0.3", 99, 1, 0, m, 20)); /* not for us */
	uint32_t len = host_ip4(f, "10.0.0.9", "10.0.0.2", 99, 1, 0, m, 20);
	memset(f, 0xff, 6); /* a link broadcast of a unicast datagram */
	host_receive(f, len);
	m[0] = ICMP_ECHO;
	icmp("10.0.0.255", m, 20);
	host_receive(f, host_ip4(f, "10.0.0.9", "10.0.0.255", 1, 1, 0, m, 20));
	assert_null(host_sent());
	/* But about this one. */
	host_receive(f, host_ip4(f, "10.0.0.9", "10.0.0.2", 99, 1, 0, m, 20));
	struct frame *r = host_sent();
	assert_non_null(r);
	assert_int_equal(r->b[34], 3);
	assert_int_equal(r->b[35], 2);
	assert_memory_equal(r->b + 42, f + 14, 40);
	host_no_leaks();
}

/* RFC 1812, 4.3.2.8: not more than a few, to each and in all. */
static void test_limits(void **state)
{
	uint8_t m[20] = {0};
	unsigned n = 0;

	(void)state;
	host_advance(100 * SECOND);
	host_resolve("10.0.0.9");
	host_drop_sent();
	for (int i = 0; i < 1000; i++)
		host_receive(f, host_ip4(f, "10.0.0.9", "10.0.0.2", 99, 1, 0, m, 20));
	while (host_sent())
		n++;
	assert_in_range(n, 5, 6);
	for (int second = 0; second < 10; second++) {
		host_advance(SECOND);
		host_receive(f, host_ip4(f, "10.0.0.9", "10.0.0.2", 99, 1, 0, m, 20));
	}
	for (n = 0; host_sent();)
		n++;
	assert_int_equal(n, 10);
	host_advance(10 * SECOND);
	n = 0;
	for (uint32_t i = 0; i < 1000; i++) {
		struct ip_addr a = ip_from_v4(hton32(0x0b000000 + i * 77));
		n += icmp_allowed(&a);
	}
	assert_in_range(n, 30, 50);
	host_no_leaks();
}

/* RFC 1122, 3.2.2.2: from the gateway, to a neighbour. */
static void test_redirect(void **state)
{
	struct ip_addr dst = host_addr("8.8.8.8");
	uint8_t m[100];
	struct route rt;

	(void)state;
	icmp("10.0.0.9", m,
	     (about(m, 5, 1, "10.0.0.2", "8.8.8.8", 17), memcpy(m + 4, "\x0a\0\0\7", 4), 44));
	assert_int_equal(route_lookup(&rt, &dst, NULL, 0), 0);
	assert_int_equal(rt.next_hop.b[15], 1); /* not the gateway that said it */
	icmp("10.0.0.1", m,
	     (about(m, 5, 1, "10.0.0.2", "8.8.8.8", 17), memcpy(m + 4, "\x0b\0\0\7", 4), 44));
	assert_int_equal(route_lookup(&rt, &dst, NULL, 0), 0);
	assert_int_equal(rt.next_hop.b[15], 1); /* no neighbour */
	icmp("10.0.0.1", m,
	     (about(m, 5, 1, "10.0.0.2", "8.8.8.8", 17), memcpy(m + 4, "\x0a\0\0\7", 4), 44));
	assert_int_equal(route_lookup(&rt, &dst, NULL, 0), 0);
	assert_int_equal(rt.next_hop.b[15], 7);
	dst = host_addr("8.8.4.4");
	assert_int_equal(route_lookup(&rt, &dst, NULL, 0), 0);
	assert_int_equal(rt.next_hop.b[15], 1);
	host_advance(601 * SECOND);
	host_no_leaks();
}

/* Options (RFC 1122, 3.2.1.8): source routes are dropped, malformed ones complained about. */
static void test_options(void **state)
{
	uint8_t m[40] = {0};
	static const struct {
		uint8_t o[8];
		bool taken, complaint;
	} cases[] = {{{1, 1, 1, 0}, true, false},
		     {{7, 7, 4, 0, 0, 0, 0, 0}, true, false},
		     {{131, 7, 4, 1, 2, 3, 4, 0}, false, false},
		     {{137, 7, 4, 1, 2, 3, 4, 0}, false, false},
		     {{7, 0, 4, 0}, false, true},
		     {{7, 9, 4, 0}, false, true},
		     {{1, 1, 1, 1, 1, 1, 1, 7}, false, true}};

	(void)state;
	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		host_advance(100 * SECOND);
		host_resolve("10.0.0.9");
		host_drop_sent();
		uint32_t len = host_ip4(f, "10.0.0.9", "10.0.0.2", 17, 1, 0, m, 28);
		memcpy(f + 34, cases[i].o, 8);
		f[14] = 0x47;
		f[24] = f[25] = 0;
		uint16_t sum = (uint16_t)~checksum_fold(checksum_add(f + 14, 28, 0));
		memcpy(f + 24, &sum, 2);
		host_udp_count = 0;
		host_receive(f, len);
		assert_int_equal(host_udp_count, cases[i].taken);
		struct frame *r = host_sent();
		assert_int_equal(r != NULL, cases[i].complaint);
		if (r)
			assert_int_equal(r->b[34], 12);
	}
	host_no_leaks();
}

/* RFC 792: timestamp request. */
static void test_timestamp(void **state)
{
	uint8_t m[20] = {13, 0, 0, 0, 1, 2, 3, 4, 0, 0, 0, 9};

	(void)state;
	host_resolve("10.0.0.9");
	host_drop_sent();
	icmp("10.0.0.9", m, 20);
	struct frame *r = host_sent();
	assert_non_null(r);
	assert_int_equal(r->b[34], 14);
	assert_int_equal(get_be32(r->b + 42), 9);
	assert_int_equal(get_be32(r->b + 46), get_be32(r->b + 50));
	assert_int_equal(checksum_fold(checksum_add(r->b + 34, 20, 0)), 0xffff);
	host_no_leaks();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_translation), cmocka_unit_test(test_not_ours),
	    cmocka_unit_test(test_silence),	cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_redirect),	cmocka_unit_test(test_options),
	    cmocka_unit_test(test_timestamp),
	};
	return cmocka_run_group_tests(tests, start, NULL);
}
