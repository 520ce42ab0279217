/* unit: kernel/net/checksum.c */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>
#include "net/checksum.h"

/* RFC 1071 as it is written: 16 bits at a time. */
static uint16_t slow(const uint8_t *p, size_t n)
{
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < n; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	if (n & 1)
		sum += (uint32_t)p[n - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* RFC 1071 section 3's own example. */
static void test_rfc_example(void **state)
{
	static const uint8_t b[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};

	(void)state;
	assert_int_equal(ntoh16(checksum_fold(checksum_add(b, 8, 0))), 0xddf2);
}

static void test_all_lengths_and_alignments(void **state)
{
	uint8_t b[400];

	(void)state;
	for (unsigned fill = 0; fill < 3; fill++) {
		for (unsigned i = 0; i < sizeof b; i++)
			b[i] = fill == 0 ? (uint8_t)(i * 167 + i / 3) : fill == 1 ? 0xff : 0;
		for (unsigned at = 0; at < 9; at++)
			for (unsigned n = 0; n + at < 300; n++)
				assert_int_equal(ntoh16(checksum_fold(checksum_add(b + at, n, 0))),
						 slow(b + at, n));
	}
}

static void test_carries(void **state)
{
	uint8_t ones[64];

	(void)state;
	memset(ones, 0xff, sizeof ones);
	assert_int_equal(checksum_fold(checksum_add(ones, 64, UINT64_MAX)), 0xffff);
	assert_int_equal(checksum_fold(UINT64_MAX), 0xffff);
	assert_int_equal(checksum_fold(0x1fffe), 0xffff);
	assert_int_equal(checksum_fold(0), 0);
}

static void test_pseudo_headers(void **state)
{
	struct ip_addr s = ip_from_v4(IP4(192, 0, 2, 1)), d = ip_from_v4(IP4(198, 51, 100, 200));
	const uint8_t header4[] = {192, 0, 2, 1, 198, 51, 100, 200, 0, 6, 0x12, 0x34};
	uint8_t header6[40];

	(void)state;
	assert_int_equal(ntoh16(checksum_fold(checksum_pseudo(&s, &d, 6, 0x1234))),
			 slow(header4, sizeof header4));
	for (unsigned i = 0; i < 16; i++) {
		s.b[i] = header6[i] = (uint8_t)(0xf0 + i);
		d.b[i] = header6[16 + i] = (uint8_t)(0xe0 - i);
	}
	memcpy(header6 + 32, "\0\1\2\3\0\0\0\x11", 8);
	assert_int_equal(ntoh16(checksum_fold(checksum_pseudo(&s, &d, 17, 0x10203))),
			 slow(header6, sizeof header6));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rfc_example),
	    cmocka_unit_test(test_all_lengths_and_alignments),
	    cmocka_unit_test(test_carries),
	    cmocka_unit_test(test_pseudo_headers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
