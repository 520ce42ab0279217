/* unit: tests/unit/net/host.c tests/unit/net/parts.c kernel/net/addr.c kernel/net/checksum.c kernel/net/packet.c kernel/net/packet_gso.c kernel/net/netbuf.c kernel/net/netif.c kernel/net/notify.c kernel/net/loopback.c kernel/net/ethernet.c kernel/net/arp.c kernel/net/nd.c kernel/net/neighbour.c kernel/net/nd_dad.c kernel/net/ifaddr.c kernel/net/route*.c kernel/net/ic*.c kernel/net/ip*.c kernel/net/m[cl]*.c kernel/net/igmp.c kernel/net/frame.c kernel/sched/timer.c kernel/lib/siphash.c */
#include "net/host.h"
#include <linux/icmp.h>
#include <string.h>
#include "net/checksum.h"

static int start(void **state)
{
	(void)state;
	host_start();
	return 0;
}

static uint32_t echo(uint8_t *m, uint32_t len)
{
	m[0] = ICMP_ECHO;
	m[1] = 0;
	m[2] = m[3] = 0;
	for (uint32_t i = 4; i < len; i++)
		m[i] = (uint8_t)i;
	uint16_t sum = (uint16_t)~checksum_fold(checksum_add(m, len, 0));
	memcpy(m + 2, &sum, 2);
	return len;
}

static void test_echo(void **state)
{
	uint8_t m[64], f[200];
	struct frame *r;

	(void)state;
	uint32_t len = host_ip4(f, "10.0.0.9", "10.0.0.2", 1, 7, 0, m, echo(m, 64));
	host_receive(f, len);
	r = host_sent(); /* the way back is not known yet: ARP first */
	assert_non_null(r);
	assert_int_equal(r->len, 60);
	assert_int_equal(get_be16(r->b + 12), 0x806);
	assert_int_equal(get_be16(r->b + 20), 1);
	assert_memory_equal(r->b + 38, "\x0a\0\0\x09", 4);
	assert_memory_equal(r->b + 28, "\x0a\0\0\x02", 4);
	assert_null(host_sent());
	/* The answer. */
	uint8_t a[42];
	memcpy(a, host_mac, 6);
	memcpy(a + 6, peer_mac, 6);
	memcpy(a + 12, "\x08\x06\0\1\x08\0\6\4\0\2", 10);
	memcpy(a + 22, peer_mac, 6);
	memcpy(a + 28, "\x0a\0\0\x09", 4);
	memcpy(a + 32, host_mac, 6);
	memcpy(a + 38, "\x0a\0\0\x02", 4);
	host_receive(a, 42);
	r = host_sent();
	assert_non_null(r);
	assert_int_equal(r->len, len);
	assert_memory_equal(r->b, peer_mac, 6);
	assert_memory_equal(r->b + 6, host_mac, 6);
	assert_int_equal(r->b[34], ICMP_ECHOREPLY);
	assert_int_equal(checksum_fold(checksum_add(r->b + 14, 20, 0)), 0xffff);
	assert_int_equal(checksum_fold(checksum_add(r->b + 34, 64, 0)), 0xffff);
	assert_memory_equal(r->b + 38, f + 38, 60);
	host_no_leaks();
}

static void test_unreachable(void **state)
{
	struct ip_addr dst = host_addr("10.0.0.77");
	struct route rt;
	(void)state;

	net_enter();
	assert_int_equal(route_lookup(&rt, &dst, NULL, 0), 0);
	struct ip_tx tx = {.src = rt.src, .dst = dst, .protocol = 17};
	struct packet *p = packet_alloc(16);
	memset(packet_put(p, 16), 0x33, 16);
	assert_int_equal(ip_output(p, &rt, &tx), 0);
	net_leave();
	unsigned before = host_error_count;
	host_advance(4 * SECOND);
	assert_int_equal(host_error_count, before + 1);
	assert_int_equal(host_error.error, 113);
	assert_int_equal(host_error_payload[0], 0x33);
	host_no_leaks();
}

static void test_loopback(void **state)
{
	struct ip_addr dst = host_addr("127.0.0.1");
	struct route rt;
	(void)state;

	net_enter();
	assert_int_equal(route_lookup(&rt, &dst, NULL, 0), 0);
	assert_true(rt.local);
	struct ip_tx tx = {.src = rt.src, .dst = dst, .protocol = 17};
	struct packet *p = packet_alloc(16);
	memset(packet_put(p, 16), 0x33, 16);
	host_udp_count = 0;
	assert_int_equal(ip_output(p, &rt, &tx), 0);
	assert_int_equal(host_udp_count, 0);
	net_leave();
	assert_int_equal(host_udp_count, 1);
	assert_int_equal(host_udp->len, 16);
	assert_true(host_udp->looped);
	host_no_leaks();
}

static void test_fragments(void **state)
{
	static uint8_t payload[4000], f[2000];
	(void)state;

	host_resolve("10.0.0.9");
	host_drop_sent();
	for (uint32_t i = 0; i < sizeof payload; i++)
		payload[i] = (uint8_t)(i * 7);
	struct ip_addr dst = host_addr("10.0.0.9");
	struct route rt;
	net_enter();
	assert_int_equal(route_lookup(&rt, &dst, NULL, 0), 0);
	struct ip_tx tx = {.src = rt.src, .dst = dst, .protocol = 17};
	struct packet *p = packet_alloc(4000);
	memcpy(packet_put(p, 4000), payload, 4000);
	assert_int_equal(ip_output(p, &rt, &tx), 0);
	net_leave();
	/* Back to us, in the reverse order. */
	static uint8_t frames[3][1600];
	uint32_t lens[3];
	for (int i = 0; i < 3; i++) {
		struct frame *r = host_sent();
		assert_non_null(r);
		lens[i] = host_ip4(f, "10.0.0.9", "10.0.0.2", 17, get_be16(r->b + 18),
				   get_be16(r->b + 20), r->b + 34, r->len - 34);
		memcpy(frames[i], f, lens[i]);
	}
	assert_null(host_sent());
	host_udp_count = 0;
	for (int i = 2; i >= 0; i--)
		host_receive(frames[i], lens[i]);
	assert_int_equal(host_udp_count, 1);
	assert_int_equal(host_udp->len, 4000);
	uint8_t back[4000];
	packet_read(host_udp, 0, back, 4000);
	assert_memory_equal(back, payload, 4000);
	host_no_leaks();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_echo),
	    cmocka_unit_test(test_unreachable),
	    cmocka_unit_test(test_loopback),
	    cmocka_unit_test(test_fragments),
	};
	return cmocka_run_group_tests(tests, start, NULL);
}
