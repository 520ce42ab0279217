/* unit: tests/unit/net/host.c tests/unit/net/parts.c kernel/net/addr.c kernel/net/checksum.c kernel/net/packet.c kernel/net/packet_gso.c kernel/net/netbuf.c kernel/net/netif.c kernel/net/notify.c kernel/net/loopback.c kernel/net/ethernet.c kernel/net/arp.c kernel/net/nd.c kernel/net/neighbour.c kernel/net/nd_dad.c kernel/net/ifaddr.c kernel/net/route*.c kernel/net/ic*.c kernel/net/ip*.c kernel/net/m[cl]*.c kernel/net/igmp.c kernel/net/frame.c kernel/sched/timer.c kernel/lib/siphash.c tests/unit/net/config.c kernel/net/slaac.c kernel/net/slaac_ra.c kernel/net/slaac_dns.c kernel/net/resolvconf.c kernel/lib/printk.c */
/* Router solicitation and advertisements: RFC 4861, 4862, 4191, 8106. */
#include "net/host.h"
#include <stdio.h>
#include <string.h>
#include "net/checksum.h"
#include "net/config.h"
#include "net/netconfig.h"
#include "net/slaac_internal.h"

static uint8_t ra[1500];
static uint32_t ra_len;

static void begin(uint8_t flags, uint16_t life)
{
	memset(ra, 0, sizeof ra);
	ra[0] = 134;
	ra[4] = 99; /* hop limit */
	ra[5] = flags;
	put_be16(ra + 6, life);
	ra_len = 16;
}

static void send_from(const char *router, uint8_t hops)
{
	static uint8_t f[2000];
	struct ip_addr s = host_addr(router), d = host_addr("ff02::1");

	ra[2] = ra[3] = 0;
	uint16_t sum =
	    (uint16_t)~checksum_fold(checksum_add(ra, ra_len, checksum_pseudo(&s, &d, 58, ra_len)));
	memcpy(ra + 2, &sum, 2);
	uint32_t n = host_ip6(f, router, "ff02::1", 58, ra, ra_len);
	f[14 + 7] = hops;
	host_receive(f, n);
	host_advance(1000);
}

static void prefix(const char *p, uint8_t bits, uint8_t flags, uint32_t valid, uint32_t preferred)
{
	struct ip_addr a = host_addr(p);
	uint8_t *o = ra + ra_len;

	o[0] = 3;
	o[1] = 4;
	o[2] = bits;
	o[3] = flags;
	put_be32(o + 4, valid);
	put_be32(o + 8, preferred);
	memcpy(o + 16, &a, 16);
	ra_len += 32;
}

static void rdnss(uint32_t life, const char *server)
{
	struct ip_addr a = host_addr(server);
	uint8_t *o = ra + ra_len;

	o[0] = 25;
	o[1] = 3;
	put_be32(o + 4, life);
	memcpy(o + 8, &a, 16);
	ra_len += 24;
}

static const struct ifaddr *address(const char *text)
{
	struct ip_addr a = host_addr(text);

	return ifaddr_find_any(&host_eth, &a);
}

static const struct route_entry *route_of(const char *dst, uint8_t bits, const char *gateway)
{
	struct ip_addr d = host_addr(dst), g = host_addr(gateway);

	list_for_each_entry (e, &route_list, struct route_entry, link)
		if (!ip_is_v4(&e->dst) && e->prefix == bits && ip_equal(&e->dst, &d) &&
		    ip_equal(&e->gateway, &g) && e->protocol == 9)
			return e;
	return NULL;
}

#define OURS "2001:db8:1::ff:fe00:2" /* of 02:00:00:00:00:02 */

static unsigned solicitations(void)
{
	unsigned n = 0;

	for (struct frame *f; (f = host_sent());)
		if (get_be16(f->b + 12) == 0x86dd && f->b[20] == 58 && f->b[54] == 133) {
			struct ip_addr s, d;
			uint32_t len = get_be16(f->b + 18);
			memcpy(&s, f->b + 22, 16);
			memcpy(&d, f->b + 38, 16);
			assert_int_equal(f->b[21], 255);
			assert_int_equal(checksum_fold(checksum_add(
					     f->b + 54, len, checksum_pseudo(&s, &d, 58, len))),
					 0xffff);
			/* From :: there is no link address in it (RFC 4861 4.1). */
			assert_int_equal(len, ip_is_any(&s) ? 8 : 16);
			n++;
		}
	return n;
}

static void test_solicits(void **state)
{
	(void)state;
	host_drop_sent();
	net_enter();
	assert_int_equal(slaac_start(&host_eth), 0);
	net_leave();
	assert_int_equal(solicitations(), 1);
	host_advance(20 * SECOND);
	assert_in_range(solicitations(), 3, 5); /* 1, 2, 4, 8 s later */
	host_advance(20000 * SECOND);
	assert_in_range(solicitations(), 8, 16); /* an hour at most between them */
	assert_true(slaac_pending(&host_eth));
}

static void test_advertisement(void **state)
{
	(void)state;
	begin(0, 1800);
	prefix("2001:db8:1::", 64, 0xc0, 3600, 1800);
	uint8_t mtu[] = {5, 1, 0, 0, 0, 0, 5, 0xdc - 100};
	memcpy(ra + ra_len, mtu, 8);
	ra_len += 8;
	rdnss(600, "2001:db8::53");
	/* DNSSL: one.test, two.test */
	memcpy(ra + ra_len, "\x1f\4\0\0\0\0\2\x58\3one\4test\0\3two\4test\0\0\0\0\0", 32);
	ra_len += 32;
	send_from("fe80::1", 255);
	const struct ifaddr *a = address(OURS);
	assert_non_null(a);
	assert_int_equal(a->prefix, 64);
	assert_int_equal(a->origin, IFADDR_SLAAC);
	assert_non_null(route_of("::", 0, "fe80::1"));
	assert_int_equal(host_eth.hop_limit, 99);
	assert_int_equal(host_eth.mtu, 1400);
	assert_string_equal(config_resolv, "search one.test two.test\nnameserver 2001:db8::53\n");
	host_advance(2 * SECOND); /* duplicate address detection */
	assert_false(slaac_pending(&host_eth));
	host_drop_sent();
	host_advance(1000 * SECOND);
	assert_int_equal(solicitations(), 0);
	/* The name server has not been told of again. */
	assert_string_equal(config_resolv, "");
	/* Deprecated after 1800 s, gone after 3600; so is the route after 1800. */
	host_advance(900 * SECOND);
	assert_null(route_of("::", 0, "fe80::1"));
	assert_int_equal(address(OURS)->state, IFADDR_DEPRECATED);
	host_advance(1800 * SECOND);
	assert_null(address(OURS));
}

static void test_two_hours(void **state)
{
	(void)state;
	begin(0, 1800);
	prefix("2001:db8:1::", 64, 0xc0, 86400, 86400);
	send_from("fe80::1", 255);
	assert_non_null(address(OURS));
	/* A stranger wants it to end: two hours remain (RFC 4862 5.5.3 e). */
	begin(0, 1800);
	prefix("2001:db8:1::", 64, 0xc0, 1, 1);
	send_from("fe80::1", 255);
	host_advance(7100 * SECOND);
	assert_non_null(address(OURS));
	assert_int_equal(address(OURS)->state, IFADDR_DEPRECATED);
	/* Longer again. */
	begin(0, 1800);
	prefix("2001:db8:1::", 64, 0xc0, UINT32_MAX, UINT32_MAX);
	send_from("fe80::1", 255);
	host_advance(1000000 * SECOND);
	assert_int_equal(address(OURS)->state, IFADDR_PREFERRED);
}

static void test_routers(void **state)
{
	(void)state;
	begin(0, 600);
	send_from("fe80::1", 255);
	begin(0x08, 600); /* high preference */
	send_from("fe80::2", 255);
	begin(0x18, 600); /* low */
	send_from("fe80::3", 255);
	assert_true(route_of("::", 0, "fe80::2")->metric < route_of("::", 0, "fe80::1")->metric);
	assert_true(route_of("::", 0, "fe80::1")->metric < route_of("::", 0, "fe80::3")->metric);
	/* A router that is none any more. */
	begin(0, 0);
	send_from("fe80::2", 255);
	assert_null(route_of("::", 0, "fe80::2"));
	assert_non_null(route_of("::", 0, "fe80::1"));
	/* RFC 4191: a route of its own. */
	begin(0, 600);
	memcpy(ra + ra_len, "\x18\2\x30\x08\0\0\2\x58\x20\1\x0d\xb8\0\7\0\0", 16);
	ra_len += 16;
	send_from("fe80::1", 255);
	assert_non_null(route_of("2001:db8:7::", 48, "fe80::1"));
	host_advance(700 * SECOND);
	assert_null(route_of("2001:db8:7::", 48, "fe80::1"));
	assert_null(route_of("::", 0, "fe80::1"));
}

static void test_prefix_kinds(void **state)
{
	(void)state;
	begin(0, 600);
	prefix("2001:db8:2::", 64, 0x80, 600, 600); /* on link only */
	prefix("2001:db8:3::", 64, 0x40, 600, 600); /* addresses only */
	prefix("2001:db8:4::", 48, 0xc0, 600, 600); /* no identifier fits */
	prefix("fe80::", 64, 0xc0, 600, 600);
	prefix("2001:db8:5::", 64, 0xc0, 600, 900); /* preferred longer than valid */
	prefix("2001:db8:6::", 129, 0xc0, 600, 600);
	send_from("fe80::1", 255);
	assert_null(address("2001:db8:2::ff:fe00:2"));
	assert_non_null(route_of("2001:db8:2::", 64, "::"));
	assert_non_null(address("2001:db8:3::ff:fe00:2"));
	assert_int_equal(address("2001:db8:3::ff:fe00:2")->prefix, 128);
	assert_null(address("2001:db8:4::ff:fe00:2"));
	assert_non_null(route_of("2001:db8:4::", 48, "::"));
	assert_null(address("2001:db8:5::ff:fe00:2"));
	host_advance(700 * SECOND);
}

static void test_refused(void **state)
{
	(void)state;
	begin(0, 600);
	prefix("2001:db8:8::", 64, 0xc0, 600, 600);
	send_from("fe80::1", 254); /* was forwarded */
	assert_null(address("2001:db8:8::ff:fe00:2"));
	send_from("2001:db8::9", 255); /* not link-local */
	assert_null(address("2001:db8:8::ff:fe00:2"));
	ra[1] = 1; /* code */
	send_from("fe80::1", 255);
	assert_null(address("2001:db8:8::ff:fe00:2"));
	ra[1] = 0;
	ra[ra_len++] = 1; /* an option that is not there */
	ra[ra_len++] = 0;
	ra_len += 6;
	send_from("fe80::1", 255);
	assert_null(address("2001:db8:8::ff:fe00:2"));
	begin(0, 600);
	ra_len = 12;
	send_from("fe80::1", 255);
	begin(0, 600);
	memcpy(ra + ra_len, "\3\5\x40\xc0\0\0\xff\xff\0\0\xff\xff\0\0\0\0", 16);
	ra_len += 16;
	send_from("fe80::1", 255);
}

static void test_flood(void **state)
{
	char text[64];
	unsigned addresses = 0, routes = 0;
	(void)state;
	for (int i = 0; i < 300; i++) {
		begin(0, 600);
		for (int j = 0; j < 8; j++) {
			snprintf(text, sizeof text, "2001:db8:%x:%x::", 0x100 + i, j);
			prefix(text, 64, 0xc0, 600, 600);
			snprintf(text, sizeof text, "2001:db9:%x:%x::", 0x100 + i, j);
			prefix(text, 64, 0x80, 600, 600);
		}
		snprintf(text, sizeof text, "2001:db8::%x", i + 1);
		rdnss(600, text);
		snprintf(text, sizeof text, "fe80::%x", i + 1);
		send_from(text, 255);
	}
	list_for_each_entry (a, &host_eth.addrs, struct ifaddr, link)
		addresses++;
	list_for_each_entry (e, &route_list, struct route_entry, link)
		routes++;
	assert_true(addresses < 40);
	assert_true(routes < 140);
	host_advance(10000 * SECOND);
}

static void test_random(void **state)
{
	void random_bytes(void *p, size_t n);
	(void)state;
	for (int i = 0; i < 20000; i++) {
		uint8_t n, o = (uint8_t[]){3, 5, 24, 25, 31, 1}[i % 6];
		begin((uint8_t)i, (uint16_t)i);
		random_bytes(&n, 1);
		n &= 0xf8;
		random_bytes(ra + ra_len, n);
		ra[ra_len] = o;
		if (n >= 8)
			ra[ra_len + 1] = n / 8;
		ra_len += n;
		send_from("fe80::1", 255);
	}
	host_advance(100000 * SECOND);
	host_drop_sent();
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
	    cmocka_unit_test(test_solicits),	 cmocka_unit_test(test_advertisement),
	    cmocka_unit_test(test_two_hours),	 cmocka_unit_test(test_routers),
	    cmocka_unit_test(test_prefix_kinds), cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_flood),	 cmocka_unit_test(test_random),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
