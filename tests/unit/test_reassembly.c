/* unit: tests/unit/net/host.c tests/unit/net/parts.c kernel/net/addr.c kernel/net/checksum.c kernel/net/packet.c kernel/net/packet_gso.c kernel/net/netbuf.c kernel/net/netif.c kernel/net/notify.c kernel/net/loopback.c kernel/net/ethernet.c kernel/net/arp.c kernel/net/nd.c kernel/net/neighbour.c kernel/net/nd_dad.c kernel/net/ifaddr.c kernel/net/route*.c kernel/net/ic*.c kernel/net/ip*.c kernel/net/m[cl]*.c kernel/net/igmp.c kernel/net/frame.c kernel/sched/timer.c kernel/lib/siphash.c */
#include "net/host.h"
#include <string.h>
#include "net/ip_internal.h"

static int start(void **state)
{
	(void)state;
	host_start();
	host_resolve("10.0.0.9");
	host_resolve("2001:db8::9");
	host_drop_sent();
	return 0;
}

static uint8_t payload[65536], f[70000];

/* Bytes [from, to) of payload as a fragment. */
static void piece(bool v6, uint16_t id, uint32_t from, uint32_t to, bool more)
{
	uint32_t len;

	if (!v6) {
		len =
		    host_ip4(f, "10.0.0.9", "10.0.0.2", 17, id,
			     (uint16_t)(from / 8 | (more ? 0x2000 : 0)), payload + from, to - from);
	} else {
		static uint8_t m[70000];
		memset(m, 0, 8);
		m[0] = 17;
		put_be16(m + 2, (uint16_t)(from | more));
		put_be32(m + 4, id);
		memcpy(m + 8, payload + from, to - from);
		len = host_ip6(f, "2001:db8::9", "2001:db8::2", 44, m, 8 + to - from);
	}
	host_receive(f, len);
}

static void expect(uint32_t len)
{
	static uint8_t got[65536];

	assert_int_equal(host_udp_count, 1);
	assert_int_equal(host_udp->len, len);
	packet_read(host_udp, 0, got, len);
	assert_memory_equal(got, payload, len);
	host_udp_count = 0;
	host_no_leaks();
	assert_int_equal(ip_frag_memory, 0);
}

/* Pieces in every order of six. */
static void test_orders(void **state)
{
	static const uint32_t cut[] = {0, 8, 808, 1600, 2400, 3000, 3001};

	(void)state;
	for (uint32_t i = 0; i < sizeof payload; i++)
		payload[i] = (uint8_t)(i * 11 + i / 256);
	host_udp_count = 0;
	for (int v6 = 0; v6 < 2; v6++)
		for (unsigned perm = 0; perm < 720; perm++) {
			unsigned left[6] = {0, 1, 2, 3, 4, 5}, n = 6, code = perm;
			while (n) {
				unsigned k = code % n, i = left[k];
				code /= n;
				left[k] = left[--n];
				piece(v6, (uint16_t)perm, cut[i], cut[i + 1], i < 5);
				if (n == 3) /* a repetition does no harm */
					piece(v6, (uint16_t)perm, cut[i], cut[i + 1], i < 5);
			}
			expect(3001);
		}
}

static void test_largest(void **state)
{
	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		uint32_t total = v6 ? 65535 : 65515;
		for (uint32_t at = 0; at < total; at += 1480)
			piece(v6, 1, at, at + 1480 < total ? at + 1480 : total, at + 1480 < total);
		expect(total);
		/* One byte more than a header can say. */
		piece(v6, 2, 0, 8, true);
		piece(v6, 2, total & ~7u, total + 1, false);
		assert_int_equal(host_udp_count, 0);
		host_advance(61 * SECOND);
		host_drop_sent();
		assert_int_equal(ip_frag_memory, 0);
	}
	host_no_leaks();
}

/* RFC 5722: overlapping pieces end the datagram, what comes later of it too. */
static void test_overlap(void **state)
{
	static const uint32_t bad[][2] = {{0, 16}, {8, 24}, {16, 24}, {24, 40}, {0, 64}, {31, 33}};

	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
			uint16_t id = (uint16_t)(100 + i);
			if (bad[i][0] % 8)
				continue;
			piece(v6, id, 8, 32, true);
			piece(v6, id, bad[i][0], bad[i][1], true);
			piece(v6, id, 0, 8, true);
			piece(v6, id, 32, 64, false);
			assert_int_equal(host_udp_count, 0);
		}
		/* Two ends, and bytes behind the end. */
		piece(v6, 120, 64, 80, false);
		piece(v6, 120, 64, 88, false);
		piece(v6, 121, 64, 80, false);
		piece(v6, 121, 80, 96, true);
		piece(v6, 122, 80, 96, true);
		piece(v6, 122, 64, 80, false);
		/* Not a multiple of eight; nothing at all. */
		piece(v6, 123, 0, 13, true);
		piece(v6, 124, 8, 8, true);
		host_drop_sent();
		host_advance(61 * SECOND);
		assert_int_equal(ip_frag_memory, 0);
		assert_int_equal(host_udp_count, 0);
	}
	host_no_leaks();
}

/* RFC 1122 3.3.2, RFC 8200 4.5: time exceeded, if the first piece has come. */
static void test_timeout(void **state)
{
	struct frame *r;

	(void)state;
	host_advance(60 * SECOND);
	host_drop_sent();
	piece(false, 200, 8, 16, true);
	host_advance(31 * SECOND);
	assert_null(host_sent());
	piece(false, 201, 0, 16, true);
	host_advance(29 * SECOND);
	assert_null(host_sent());
	host_resolve("10.0.0.9");
	host_advance(2 * SECOND);
	r = host_sent();
	assert_non_null(r);
	assert_int_equal(r->b[34], 11);
	assert_int_equal(r->b[35], 1);
	assert_memory_equal(r->b + 62, payload, 8);
	host_no_leaks();
	host_resolve("2001:db8::9");
	host_drop_sent();
	piece(true, 202, 0, 16, true);
	host_advance(59 * SECOND);
	host_resolve("2001:db8::9");
	host_advance(2 * SECOND);
	r = host_sent();
	assert_non_null(r);
	assert_int_equal(r->b[54], 3);
	assert_int_equal(r->b[55], 1);
	assert_int_equal(ip_frag_memory, 0);
	host_no_leaks();
}

static void test_flood(void **state)
{
	uint64_t most = 0;

	(void)state;
	for (unsigned i = 0; i < 65536; i++) {
		piece(i & 1, (uint16_t)i, 0, 1400, true);
		if (ip_frag_memory > most)
			most = ip_frag_memory;
	}
	assert_true(most <= 4 << 20);
	/* One datagram of very many pieces. */
	for (unsigned i = 1; i < 8000; i++)
		piece(false, 1, i * 8, i * 8 + 8, true);
	assert_true(ip_frag_memory <= 4 << 20);
	host_advance(61 * SECOND);
	host_drop_sent();
	assert_int_equal(ip_frag_memory, 0);
	host_no_leaks();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_orders),  cmocka_unit_test(test_largest),
	    cmocka_unit_test(test_overlap), cmocka_unit_test(test_timeout),
	    cmocka_unit_test(test_flood),
	};
	return cmocka_run_group_tests(tests, start, NULL);
}
