/* unit: tests/unit/net/host.c tests/unit/net/parts.c kernel/net/addr.c kernel/net/checksum.c kernel/net/packet.c kernel/net/packet_gso.c kernel/net/netbuf.c kernel/net/netif.c kernel/net/notify.c kernel/net/loopback.c kernel/net/ethernet.c kernel/net/arp.c kernel/net/nd.c kernel/net/neighbour.c kernel/net/nd_dad.c kernel/net/ifaddr.c kernel/net/route*.c kernel/net/ic*.c kernel/net/ip*.c kernel/net/m[cl]*.c kernel/net/igmp.c kernel/net/frame.c kernel/sched/timer.c kernel/lib/siphash.c */
/* IGMP (RFC 3376, 2236, 1112) and MLD (RFC 3810, 2710): what is said when, and to whom. */
#include "net/host.h"
#include <stdio.h>
#include <string.h>
#include "net/checksum.h"
#include "net/mcast.h"
#include "net/mcast_report.h"

static struct frame *f;

/* The next frame that is IGMP or, with v6, ICMPv6 of a type of MLD. Its message, checked. */
static const uint8_t *next_report(bool v6, uint32_t *len)
{
	while ((f = host_sent())) {
		const uint8_t *ip = f->b + 14;
		if (!v6 && get_be16(f->b + 12) == 0x800 && ip[9] == 2) {
			assert_int_equal(ip[0], 0x46); /* router alert */
			assert_memory_equal(ip + 20, "\x94\4\0\0", 4);
			assert_int_equal(ip[8], 1);
			assert_int_equal(ip[1], 0xc0);
			*len = get_be16(ip + 2) - 24u;
			assert_int_equal(checksum_fold(checksum_add(ip, 24, 0)), 0xffff);
			assert_int_equal(checksum_fold(checksum_add(ip + 24, *len, 0)), 0xffff);
			return ip + 24;
		}
		if (v6 && get_be16(f->b + 12) == 0x86dd && ip[6] == 0 && ip[40] == 58) {
			struct ip_addr src, dst;
			assert_memory_equal(ip + 40, "\x3a\0\5\2\0\0\1\0", 8);
			assert_int_equal(ip[7], 1);
			*len = get_be16(ip + 4) - 8u;
			memcpy(&src, ip + 8, 16);
			memcpy(&dst, ip + 24, 16);
			assert_int_equal(checksum_fold(checksum_add(
					     ip + 48, *len, checksum_pseudo(&src, &dst, 58, *len))),
					 0xffff);
			return ip + 48;
		}
	}
	return NULL;
}

static void check_group(const uint8_t *record, uint8_t type, const char *group)
{
	struct ip_addr g = host_addr(group);

	assert_int_equal(record[0], type);
	assert_int_equal(record[1], 0);
	assert_int_equal(get_be16(record + 2), 0);
	assert_memory_equal(record + 4, ip_is_v4(&g) ? g.b + 12 : g.b, ip_is_v4(&g) ? 4 : 16);
}

static void join(const char *group)
{
	struct ip_addr g = host_addr(group);
	net_enter();
	assert_int_equal(mcast_join(&host_eth, &g), 0);
	net_leave();
}

static void leave(const char *group)
{
	struct ip_addr g = host_addr(group);
	net_enter();
	assert_int_equal(mcast_leave(&host_eth, &g), 0);
	net_leave();
}

/* Quiet, whatever was still to be repeated. */
static void settle(void)
{
	host_advance(30 * SECOND);
	host_drop_sent();
}

static void igmp(const char *src, const char *dst, uint8_t type, uint8_t code, const char *group,
		 size_t len)
{
	uint8_t m[64] = {type, code}, frame[200];
	struct ip_addr g = host_addr(group);

	memcpy(m + 4, g.b + 12, 4);
	uint16_t sum = (uint16_t)~checksum_fold(checksum_add(m, len, 0));
	memcpy(m + 2, &sum, 2);
	host_receive(frame, host_ip4(frame, src, dst, 2, 1, 0, m, (uint32_t)len));
}

static void mld(uint8_t type, uint16_t code, const char *group, size_t len)
{
	uint8_t m[64] = {type}, frame[200];
	struct ip_addr g = host_addr(group), src = host_addr("fe80::1"), dst = host_addr("ff02::1");

	put_be16(m + 4, code);
	memcpy(m + 8, &g, 16);
	uint16_t sum = (uint16_t)~checksum_fold(
	    checksum_add(m, len, checksum_pseudo(&src, &dst, 58, (uint32_t)len)));
	memcpy(m + 2, &sum, 2);
	uint32_t n = host_ip6(frame, "fe80::1", "ff02::1", 58, m, (uint32_t)len);
	frame[14 + 7] = 1; /* hop limit */
	host_receive(frame, n);
}

static void test_join_and_leave(void **state)
{
	const uint8_t *m;
	uint32_t len;
	(void)state;
	settle();
	join("239.1.2.3");
	join("239.1.2.3"); /* twice is once */
	join("239.1.2.4");
	assert_null(next_report(false, &len)); /* not inside of the call */
	host_advance(1000);
	m = next_report(false, &len);
	assert_non_null(m);
	assert_memory_equal(f->b, "\1\0\x5e\0\0\x16", 6);
	assert_memory_equal(f->b + 30, "\xe0\0\0\x16", 4); /* 224.0.0.22 */
	assert_memory_equal(f->b + 26, "\x0a\0\0\2", 4);
	assert_int_equal(m[0], 0x22);
	assert_int_equal(get_be16(m + 6), 2);
	check_group(m + 8, 4, "239.1.2.3");
	check_group(m + 16, 4, "239.1.2.4");
	/* Once more within a second (robustness 2), then silence. */
	unsigned again = 0;
	host_advance(SECOND);
	while ((m = next_report(false, &len)))
		again += get_be16(m + 6);
	assert_int_equal(again, 2);
	host_advance(100 * SECOND);
	assert_null(next_report(false, &len));
	leave("239.1.2.3");
	host_advance(1000);
	assert_null(next_report(false, &len));
	leave("239.1.2.3");
	struct ip_addr g = host_addr("239.1.2.3");
	assert_false(mcast_member(&host_eth, &g));
	host_advance(1000);
	m = next_report(false, &len);
	assert_non_null(m);
	assert_int_equal(get_be16(m + 6), 1);
	check_group(m + 8, 3, "239.1.2.3");
	settle();
}

static void test_rejoin_forgets_farewell(void **state)
{
	const uint8_t *m;
	uint32_t len;
	(void)state;
	join("239.1.2.5");
	settle();
	leave("239.1.2.5");
	join("239.1.2.5");
	host_advance(5 * SECOND);
	while ((m = next_report(false, &len)))
		check_group(m + 8, 4, "239.1.2.5");
	leave("239.1.2.5");
	settle();
}

static void test_errors(void **state)
{
	struct ip_addr uni = host_addr("10.0.0.9"), g = host_addr("239.9.9.9");
	(void)state;
	net_enter();
	assert_int_equal(mcast_join(&host_eth, &uni), -22);
	assert_int_equal(mcast_leave(&host_eth, &g), -99);
	net_leave();
}

static void test_general_query(void **state)
{
	const uint8_t *m;
	uint32_t len;
	(void)state;
	/* 239.1.2.4 is still joined. Maximum response time 5 s. */
	igmp("10.0.0.1", "224.0.0.1", 0x11, 50, "0.0.0.0", 12);
	assert_null(next_report(false, &len));
	host_advance(5 * SECOND);
	m = next_report(false, &len);
	assert_non_null(m);
	assert_int_equal(get_be16(m + 6), 1);
	check_group(m + 8, 2, "239.1.2.4");
	assert_null(next_report(false, &len));
	/* About another group, and about this one. */
	igmp("10.0.0.1", "239.1.2.9", 0x11, 10, "239.1.2.9", 12);
	host_advance(5 * SECOND);
	assert_null(next_report(false, &len));
	igmp("10.0.0.1", "239.1.2.4", 0x11, 10, "239.1.2.4", 12);
	host_advance(SECOND);
	m = next_report(false, &len);
	assert_non_null(m);
	check_group(m + 8, 2, "239.1.2.4");
	settle();
}

static void test_igmpv2_querier(void **state)
{
	const uint8_t *m;
	uint32_t len;
	(void)state;
	igmp("10.0.0.1", "224.0.0.1", 0x11, 100, "0.0.0.0", 8);
	assert_int_equal(mcast_version(&host_eth, true), MCAST_V2);
	host_advance(10 * SECOND);
	m = next_report(false, &len);
	assert_non_null(m);
	assert_int_equal(m[0], 0x16);
	assert_int_equal(len, 8);
	assert_memory_equal(f->b + 30, "\xef\1\2\4", 4); /* to the group itself */
	/* Another host's report makes ours unnecessary. */
	igmp("10.0.0.1", "224.0.0.1", 0x11, 100, "0.0.0.0", 8);
	igmp("10.0.0.77", "239.1.2.4", 0x16, 0, "239.1.2.4", 8);
	host_advance(10 * SECOND);
	assert_null(next_report(false, &len));
	/* Leaving is told if we were the last to report. */
	join("239.1.2.6");
	host_advance(20 * SECOND);
	while (next_report(false, &len))
		;
	leave("239.1.2.6");
	host_advance(SECOND);
	m = next_report(false, &len);
	assert_non_null(m);
	assert_int_equal(m[0], 0x17);
	assert_memory_equal(f->b + 30, "\xe0\0\0\2", 4);
	assert_memory_equal(m + 4, "\xef\1\2\6", 4);
	/* The querier is gone for long enough. */
	host_advance(300 * SECOND);
	assert_int_equal(mcast_version(&host_eth, true), MCAST_V3);
	/* Version 1. */
	igmp("10.0.0.1", "224.0.0.1", 0x11, 0, "0.0.0.0", 8);
	host_advance(10 * SECOND);
	m = next_report(false, &len);
	assert_non_null(m);
	assert_int_equal(m[0], 0x12);
	host_advance(500 * SECOND);
	settle();
}

static void test_bad_igmp(void **state)
{
	uint8_t frame[200], m[16] = {0x11, 100};
	uint32_t len;
	(void)state;
	/* Wrong checksum, too short, lengths between the versions'. */
	host_receive(frame, host_ip4(frame, "10.0.0.1", "224.0.0.1", 2, 1, 0, m, 12));
	host_receive(frame, host_ip4(frame, "10.0.0.1", "224.0.0.1", 2, 1, 0, m, 4));
	igmp("10.0.0.1", "224.0.0.1", 0x11, 100, "0.0.0.0", 10);
	host_advance(20 * SECOND);
	assert_null(next_report(false, &len));
	assert_int_equal(mcast_version(&host_eth, true), MCAST_V3);
}

static void test_mld(void **state)
{
	const uint8_t *m;
	uint32_t len;
	(void)state;
	join("ff05::1234");
	host_advance(1000);
	m = next_report(true, &len);
	assert_non_null(m);
	assert_int_equal(m[0], 143);
	assert_memory_equal(f->b, "\x33\x33\0\0\0\x16", 6);
	assert_int_equal(get_be16(m + 6), 1);
	check_group(m + 8, 4, "ff05::1234");
	settle();
	/* A general query: all groups but those that nobody reports. */
	mld(130, 1000, "::", 28);
	host_advance(SECOND);
	m = next_report(true, &len);
	assert_non_null(m);
	assert_true(get_be16(m + 6) >= 2);
	bool found = false;
	struct ip_addr g = host_addr("ff05::1234"), all = host_addr("ff02::1");
	for (unsigned i = 0; i < get_be16(m + 6); i++) {
		found |= memcmp(m + 12 + 20 * i, &g, 16) == 0;
		assert_memory_not_equal(m + 12 + 20 * i, &all, 16);
		assert_int_equal(m[8 + 20 * i], 2);
	}
	assert_true(found);
	/* Version 1. */
	mld(130, 1000, "ff05::1234", 24);
	assert_int_equal(mcast_version(&host_eth, false), MCAST_V2);
	host_advance(SECOND);
	m = next_report(true, &len);
	assert_non_null(m);
	assert_int_equal(m[0], 131);
	assert_int_equal(len, 24);
	leave("ff05::1234");
	host_advance(SECOND);
	m = next_report(true, &len);
	assert_non_null(m);
	assert_int_equal(m[0], 132);
	host_advance(400 * SECOND);
	assert_int_equal(mcast_version(&host_eth, false), MCAST_V3);
	/* Groups that stay on the interface are nobody's business. */
	join("ff01::5");
	host_advance(5 * SECOND);
	assert_null(next_report(true, &len));
	leave("ff01::5");
}

static void test_cable(void **state)
{
	uint32_t len;
	const uint8_t *m;
	(void)state;
	settle();
	net_enter();
	netif_set_link(&host_eth, false);
	netif_set_link(&host_eth, true);
	net_leave();
	host_advance(1000);
	m = next_report(false, &len);
	assert_non_null(m);
	assert_int_equal(get_be16(m + 6), 1);
	check_group(m + 8, 4, "239.1.2.4");
	settle();
}

static void test_many(void **state)
{
	char group[32];
	const uint8_t *m;
	uint32_t len;
	unsigned records = 0;
	(void)state;
	for (int i = 0; i < 100; i++) {
		strcpy(group, "239.5.0.0");
		snprintf(group, sizeof group, "239.5.%d.1", i);
		join(group);
	}
	host_advance(1000);
	while ((m = next_report(false, &len))) {
		assert_true(f->len <= 1514);
		records += get_be16(m + 6);
	}
	assert_int_equal(records, 100);
	/* Farewells are bounded and end. */
	for (int i = 0; i < 100; i++) {
		snprintf(group, sizeof group, "239.5.%d.1", i);
		leave(group);
	}
	settle();
	host_advance(100 * SECOND);
	assert_null(next_report(false, &len));
}

static int setup(void **state)
{
	(void)state;
	host_start();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_join_and_leave),
	    cmocka_unit_test(test_rejoin_forgets_farewell),
	    cmocka_unit_test(test_errors),
	    cmocka_unit_test(test_general_query),
	    cmocka_unit_test(test_igmpv2_querier),
	    cmocka_unit_test(test_bad_igmp),
	    cmocka_unit_test(test_mld),
	    cmocka_unit_test(test_cable),
	    cmocka_unit_test(test_many),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
