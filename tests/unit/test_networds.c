/* unit: kernel/net/networds.c kernel/net/addr.c kernel/lib/printk.c */
/* The command line's words about the network: docs/image.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "net/networds.h"

static const char *parse(const char *word)
{
	const char *error = "?";

	assert_true(networds_parse(word, &error));
	return error;
}

static void test_good(void **state)
{
	(void)state;
	networds_reset();
	assert_null(parse("ip=eth0:10.1.2.3/24"));
	assert_null(parse("ip=eth0:fd00::5/64"));
	assert_null(parse("ip=eth1:dhcp"));
	assert_null(parse("ip=eth1:auto"));
	assert_null(parse("ip=eth2:none"));
	assert_null(parse("gateway=10.1.2.1"));
	assert_null(parse("gateway=fe80::1%eth0"));
	assert_null(parse("dns=8.8.8.8"));
	assert_null(parse("dns=fe80::53%eth1"));
	assert_null(parse("search=example.com"));
	assert_null(parse("mtu=eth0:1400"));
	assert_null(parse("net=eth3:raw"));
	assert_int_equal(networds.nip, 5);
	assert_string_equal(networds.ip[0].ifname, "eth0");
	assert_int_equal(networds.ip[0].prefix, 24);
	assert_true(ip_v4(&networds.ip[0].addr) == IP4(10, 1, 2, 3));
	assert_int_equal(networds.ip[1].prefix, 64);
	assert_int_equal(networds.ip[2].method, NET_DHCP);
	assert_int_equal(networds.ip[3].method, NET_AUTO);
	assert_int_equal(networds.ip[4].method, NET_NONE);
	assert_int_equal(networds.ngateway, 2);
	assert_string_equal(networds.gateway[1].ifname, "eth0");
	assert_string_equal(networds.dns[1].ifname, "eth1");
	assert_string_equal(networds.search[0], "example.com");
	assert_int_equal(networds.nifs, 2);
	assert_int_equal(networds.ifs[0].mtu, 1400);
	assert_true(networds.ifs[1].raw);
}

static void test_bad(void **state)
{
	static const char *const words[] = {"ip=eth0",
					    "ip=:dhcp",
					    "ip=eth0:",
					    "ip=eth0:10.0.0.1",
					    "ip=eth0:10.0.0.1/",
					    "ip=eth0:10.0.0.1/0",
					    "ip=eth0:10.0.0.1/33",
					    "ip=eth0:fd00::1/129",
					    "ip=eth0:10.0.0.256/8",
					    "ip=eth0:0.0.0.0/8",
					    "ip=eth0:224.0.0.1/8",
					    "ip=eth0:255.255.255.255/8",
					    "ip=eth0:10.0.0.1/8x",
					    "ip=eth0:10.0.0.1/+8",
					    "ip=eth0:fe80::1%x/64",
					    "ip=abcdefghijklmnopqr:dhcp",
					    "ip=eth0:x/24",
					    "gateway=",
					    "gateway=x",
					    "gateway=::",
					    "gateway=1.2.3.4%",
					    "gateway=ff02::1",
					    "dns=1.2.3",
					    "dns=1.2.3.4/8",
					    "search=",
					    "search=a b",
					    "search=a\nnameserver x",
					    "mtu=eth0",
					    "mtu=eth0:67",
					    "mtu=eth0:65536",
					    "mtu=eth0:99999999999999999999",
					    "net=eth0",
					    "net=eth0:up",
					    "net=raw"};
	(void)state;
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		networds_reset();
		if (!parse(words[i]))
			fail_msg("taken: %s", words[i]);
		assert_int_equal(networds.nip + networds.ngateway + networds.ndns +
				     networds.nsearch + networds.nifs,
				 0);
	}
}

static void test_conflicts(void **state)
{
	(void)state;
	networds_reset();
	assert_null(parse("ip=eth0:none"));
	assert_non_null(parse("ip=eth0:dhcp"));
	networds_reset();
	assert_null(parse("ip=eth0:dhcp"));
	assert_non_null(parse("ip=eth0:none"));
	assert_non_null(parse("ip=eth0:dhcp"));
	assert_null(parse("ip=eth1:none"));
	assert_null(parse("ip=eth0:10.0.0.1/8"));
	assert_non_null(parse("ip=eth0:10.0.0.1/16"));
}

static void test_many(void **state)
{
	char word[64];
	const char *error;
	(void)state;
	networds_reset();
	for (int i = 0; i < 300; i++) {
		strcpy(word, "ip=eth0:10.0.0.1/8");
		word[15] = (char)('0' + i % 10);
		word[13] = (char)('0' + i / 10 % 10);
		word[11] = (char)('0' + i / 100);
		networds_parse(word, &error);
		networds_parse("dns=1.1.1.1", &error);
		networds_parse("gateway=1.1.1.1", &error);
		networds_parse("search=a", &error);
		word[0] = 'x';
		assert_false(networds_parse(word, &error));
		strcpy(word, "mtu=ethxxx:1500");
		word[7] = (char)('0' + i / 100);
		word[8] = (char)('0' + i / 10 % 10);
		networds_parse(word, &error);
	}
	assert_int_equal(networds.nip, NETWORDS_ADDRS);
	assert_int_equal(networds.ndns, NETWORDS_DNS);
	assert_int_equal(networds.nifs, NETWORDS_IFS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_good), cmocka_unit_test(test_bad),
					   cmocka_unit_test(test_conflicts),
					   cmocka_unit_test(test_many)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
