/* unit: kernel/net/addr.c */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>
#include "net/addr.h"

static void check(const char *in, const char *out)
{
	struct ip_addr a;
	char text[IP_TEXT];

	assert_true(ip_parse(in, &a));
	ip_format(text, &a);
	assert_string_equal(text, out);
	struct ip_addr b;
	assert_true(ip_parse(text, &b));
	assert_true(ip_equal(&a, &b));
}

static void test_good(void **state)
{
	(void)state;
	check("1.2.3.4", "1.2.3.4");
	check("255.255.255.255", "255.255.255.255");
	check("0.0.0.0", "0.0.0.0");
	check("::", "::");
	check("::1", "::1");
	check("1::", "1::");
	check("2001:DB8::8:800:200C:417A", "2001:db8::8:800:200c:417a");
	check("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1");    /* RFC 5952, 4.2.3 */
	check("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"); /* 4.2.2 */
	check("0:0:0:0:0:0:0:2", "::2");
	check("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0");
	check("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8");
	check("fe80::1:2:3:4", "fe80::1:2:3:4");
	check("::ffff:10.0.0.1", "10.0.0.1");
	check("64:ff9b::192.0.2.33", "64:ff9b::c000:221");
	check("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
}

static void test_bad(void **state)
{
	static const char *const bad[] = {"",
					  "1",
					  "1.2.3",
					  "1.2.3.4.5",
					  "256.1.1.1",
					  "01.2.3.4",
					  "1.2.3.",
					  ".1.2.3",
					  "1.2.3.4 ",
					  ":",
					  ":::",
					  "1:",
					  ":1",
					  "1:2",
					  "1::2::3",
					  "12345::",
					  "g::",
					  "1:2:3:4:5:6:7:8:9",
					  "::1.2.3",
					  "1.2.3.4::",
					  "::1.2.3.4:5",
					  "1:2:3:4:5:6:7:1.2.3.4",
					  "1:2:3:4:5:6:7:8::",
					  "::1%lo",
					  "-1.2.3.4",
					  "1..2.3",
					  "1:2:3:4::5:6:7:8:",
					  "0000.1.1.1"};

	(void)state;
	for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct ip_addr a;
		if (ip_parse(bad[i], &a))
			fail_msg("accepted: \"%s\"", bad[i]);
	}
}

static void test_prefixes(void **state)
{
	struct ip_addr a, b;

	(void)state;
	assert_true(ip_parse("2001:db8:1234:5678:9abc::1", &a));
	for (unsigned bit = 0; bit < 128; bit++) {
		b = a;
		b.b[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
		assert_true(ip_prefix_match(&a, &b, bit));
		assert_false(ip_prefix_match(&a, &b, bit + 1));
	}
	assert_true(ip_prefix_match(&a, &a, 128));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_good),
	    cmocka_unit_test(test_bad),
	    cmocka_unit_test(test_prefixes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
