/* unit: tests/unit/net/host.c tests/unit/net/parts.c kernel/net/addr.c kernel/net/checksum.c kernel/net/packet.c kernel/net/packet_gso.c kernel/net/netbuf.c kernel/net/netif.c kernel/net/notify.c kernel/net/loopback.c kernel/net/ethernet.c kernel/net/arp.c kernel/net/nd.c kernel/net/neighbour.c kernel/net/nd_dad.c kernel/net/ifaddr.c kernel/net/route*.c kernel/net/ic*.c kernel/net/ip*.c kernel/net/m[cl]*.c kernel/net/igmp.c kernel/net/frame.c kernel/sched/timer.c kernel/lib/siphash.c */
#include "net/host.h"
#include <linux/rtnetlink.h>
#include <string.h>

static int start(void **state)
{
	(void)state;
	host_start();
	return 0;
}

static struct route rt;

static int look(const char *dst, const char *src)
{
	struct ip_addr d = host_addr(dst), s = host_addr(src ? src : "::");
	return route_lookup(&rt, &d, src ? &s : NULL, 0);
}

static void is(const struct ip_addr *a, const char *text)
{
	char got[IP_TEXT];
	ip_format(got, a);
	assert_string_equal(got, text);
}

static struct route_entry entry(const char *dst, unsigned prefix, const char *gateway)
{
	return (struct route_entry){.dst = host_addr(dst),
				    .prefix = (uint8_t)prefix,
				    .type = RTN_UNICAST,
				    .gateway = gateway ? host_addr(gateway)
						       : (struct ip_addr){.q = {0, 0}},
				    .expires = UINT64_MAX};
}

static void test_kinds(void **state)
{
	(void)state;
	net_enter();
	assert_int_equal(look("10.0.0.9", NULL), 0);
	is(&rt.src, "10.0.0.2");
	is(&rt.next_hop, "10.0.0.9");
	assert_ptr_equal(rt.netif, &host_eth);
	assert_int_equal(rt.mtu, 1500);
	assert_int_equal(look("8.8.8.8", NULL), 0);
	is(&rt.next_hop, "10.0.0.1");
	is(&rt.src, "10.0.0.2");
	assert_int_equal(look("10.0.0.2", NULL), 0);
	assert_true(rt.local);
	is(&rt.src, "10.0.0.2");
	assert_int_equal(look("127.3.4.5", NULL), 0);
	assert_true(rt.local);
	is(&rt.src, "127.0.0.1");
	assert_int_equal(look("127.255.255.255", NULL), 0);
	assert_true(rt.broadcast);
	assert_int_equal(look("10.0.0.255", NULL), 0);
	assert_true(rt.broadcast);
	assert_int_equal(look("255.255.255.255", NULL), 0);
	assert_true(rt.broadcast);
	is(&rt.src, "10.0.0.2");
	assert_int_equal(look("224.0.0.251", NULL), 0);
	assert_true(rt.multicast);
	assert_int_equal(look("::1", NULL), 0);
	assert_true(rt.local);
	assert_int_equal(rt.mtu, 65536);
	assert_int_equal(look("2001:db8::9", NULL), 0);
	is(&rt.src, "2001:db8::2");
	is(&rt.next_hop, "2001:db8::9");
	assert_int_equal(look("2600::1", NULL), 0);
	is(&rt.next_hop, "fe80::1");
	is(&rt.src, "2001:db8::2");
	assert_int_equal(look("fe80::9", NULL), 0);
	is(&rt.src, "fe80::ff:fe00:2");
	assert_int_equal(look("ff02::fb", NULL), 0);
	is(&rt.src, "fe80::ff:fe00:2");
	assert_int_equal(look("8.8.8.8", "10.0.0.77"), 0);
	is(&rt.src, "10.0.0.77");
	struct ip_addr d = host_addr("8.8.8.8");
	assert_int_equal(route_lookup(&rt, &d, NULL, 99), -19);
	assert_int_equal(rt.generation, 0);
	net_leave();
}

static void test_table(void **state)
{
	struct route_entry a = entry("172.16.0.0", 96 + 12, "10.0.0.3");
	struct route_entry b = entry("172.16.5.0", 96 + 24, "10.0.0.4");
	struct route_entry c = entry("172.16.5.0", 96 + 24, "10.0.0.5");
	struct route_entry far = entry("172.20.0.0", 96 + 16, "9.9.9.9");

	(void)state;
	net_enter();
	c.metric = 10;
	assert_int_equal(look("8.8.8.8", NULL), 0);
	assert_true(route_valid(&rt));
	assert_int_equal(route_add(&a), 0);
	assert_false(route_valid(&rt));
	assert_int_equal(route_add(&a), -17);
	assert_int_equal(route_add(&c), 0);
	assert_int_equal(route_add(&b), 0);
	assert_int_equal(route_add(&far), -101);
	assert_int_equal(look("172.16.5.1", NULL), 0);
	is(&rt.next_hop, "10.0.0.4"); /* the lower metric */
	assert_int_equal(look("172.16.6.1", NULL), 0);
	is(&rt.next_hop, "10.0.0.3");
	assert_int_equal(route_del(&b), 0);
	assert_int_equal(look("172.16.5.1", NULL), 0);
	is(&rt.next_hop, "10.0.0.5");
	assert_int_equal(route_del(&c), 0);
	assert_int_equal(route_del(&a), 0);
	assert_int_equal(route_del(&a), -3);
	struct route_entry no = entry("172.30.0.0", 96 + 16, NULL);
	no.type = RTN_UNREACHABLE;
	assert_int_equal(route_add(&no), 0);
	assert_int_equal(look("172.30.1.1", NULL), -113);
	assert_int_equal(route_del(&no), 0);
	/* Expiry. */
	a.expires = host_now + SECOND;
	assert_int_equal(route_add(&a), 0);
	net_leave();
	host_advance(2 * SECOND);
	net_enter();
	assert_int_equal(look("172.16.5.1", NULL), 0);
	is(&rt.next_hop, "10.0.0.1");
	net_leave();
}

/* RFC 6724 section 5, rule by rule. */
static void test_source6(void **state)
{
	struct ip_addr ula = host_addr("fd00::2"), other = host_addr("2001:db8:ffff::2");

	(void)state;
	net_enter();
	ifaddr_add(&host_eth, &ula, 64, IFADDR_STATIC, UINT64_MAX, UINT64_MAX);
	ifaddr_add(&host_eth, &other, 64, IFADDR_STATIC, UINT64_MAX, UINT64_MAX);
	net_leave();
	host_advance(3 * SECOND);
	host_drop_sent();
	net_enter();
	assert_int_equal(look("fd00:1::1", NULL), 0);
	is(&rt.src, "fd00::2"); /* 6: label */
	assert_int_equal(look("2600::1", NULL), 0);
	assert_true(rt.src.b[0] == 0x20);
	assert_int_equal(look("2001:db8:fff0::1", NULL), 0);
	is(&rt.src, "2001:db8:ffff::2"); /* 8: longest prefix */
	assert_int_equal(look("2001:db8::5", NULL), 0);
	is(&rt.src, "2001:db8::2");
	struct ifaddr *a = ifaddr_find(NULL, &other);
	ifaddr_set_lifetime(a, host_now + 20 * SECOND, host_now + 10 * SECOND);
	net_leave();
	host_advance(11 * SECOND);
	net_enter();
	assert_int_equal(look("2001:db8:fff0::1", NULL), 0);
	is(&rt.src, "2001:db8::2"); /* 3: deprecated */
	net_leave();
	host_advance(11 * SECOND);
	net_enter();
	assert_null(ifaddr_find_any(NULL, &other));
	assert_int_equal(ifaddr_del(&host_eth, &ula, 64), 0);
	net_leave();
	host_no_leaks();
}

/* RFC 1191: a router's claim lowers the MTU for ten minutes, within reason. */
static void test_path_mtu(void **state)
{
	struct ip_addr d = host_addr("8.8.4.4");

	(void)state;
	net_enter();
	assert_int_equal(look("8.8.4.4", NULL), 0);
	struct route before = rt;
	route_update_pmtu(&d, 1400, 1500);
	assert_false(route_valid(&before));
	look("8.8.4.4", NULL);
	assert_int_equal(rt.mtu, 1400);
	look("8.8.8.8", NULL);
	assert_int_equal(rt.mtu, 1500);
	route_update_pmtu(&d, 1450, 1500); /* never up */
	look("8.8.4.4", NULL);
	assert_int_equal(rt.mtu, 1400);
	route_update_pmtu(&d, 0, 1400); /* the next plateau */
	look("8.8.4.4", NULL);
	assert_int_equal(rt.mtu, 1006);
	route_update_pmtu(&d, 68, 1400);
	look("8.8.4.4", NULL);
	assert_int_equal(rt.mtu, 552);
	/* A flood of claims is bounded. */
	for (uint32_t i = 0; i < 5000; i++) {
		struct ip_addr x = ip_from_v4(hton32(0x0b000000 + i));
		route_update_pmtu(&x, 1000, 1500);
	}
	net_leave();
	host_advance(601 * SECOND);
	net_enter();
	look("8.8.4.4", NULL);
	assert_int_equal(rt.mtu, 1500);
	net_leave();
	host_no_leaks();
}

static void test_down_and_up(void **state)
{
	(void)state;
	net_enter();
	netif_set_up(&host_eth, false);
	assert_int_equal(look("10.0.0.9", NULL), -101);
	assert_int_equal(look("10.0.0.2", NULL), -101);
	assert_int_equal(look("127.0.0.1", NULL), 0);
	netif_set_up(&host_eth, true);
	assert_int_equal(look("10.0.0.9", NULL), 0);
	assert_int_equal(look("10.0.0.2", NULL), 0);
	assert_true(rt.local);
	assert_int_equal(look("8.8.8.8", NULL),
			 -101); /* the program's routes are gone, as on Linux */
	net_leave();
	host_advance(3 * SECOND);
	host_no_leaks();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_kinds),	cmocka_unit_test(test_table),
	    cmocka_unit_test(test_source6),	cmocka_unit_test(test_path_mtu),
	    cmocka_unit_test(test_down_and_up),
	};
	return cmocka_run_group_tests(tests, start, NULL);
}
