/* unit: kernel/lib/chacha20.c kernel/lib/random.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "boot_info.h"
#include "lib/chacha20.h"
#include "lib/random.h"
#include "time/clock.h"

struct boot_info boot_info;

uint64_t clock_realtime(void)
{
	return 1;
}

uint64_t clock_tsc_hz(void)
{
	return 1;
}

/* RFC 8439 section 2.3.2. */
static void test_rfc_block(void **state)
{
	static const uint8_t want[64] = {
	    0x10, 0xf1, 0xe7, 0xe4, 0xd1, 0x3b, 0x59, 0x15, 0x50, 0x0f, 0xdd, 0x1f, 0xa3,
	    0x20, 0x71, 0xc4, 0xc7, 0xd1, 0xf4, 0xc7, 0x33, 0xc0, 0x68, 0x03, 0x04, 0x22,
	    0xaa, 0x9a, 0xc3, 0xd4, 0x6c, 0x4e, 0xd2, 0x82, 0x64, 0x46, 0x07, 0x9f, 0xaa,
	    0x09, 0x14, 0xc2, 0xd7, 0x05, 0xd9, 0x8b, 0x02, 0xa2, 0xb5, 0x12, 0x9c, 0xd1,
	    0xde, 0x16, 0x4e, 0xb9, 0xcb, 0xd0, 0x83, 0xe8, 0xa2, 0x50, 0x3c, 0x4e};
	const uint32_t nonce[3] = {0x09000000, 0x4a000000, 0};
	uint8_t key[32], out[64];

	(void)state;
	for (unsigned i = 0; i < 32; i++)
		key[i] = (uint8_t)i;
	chacha20_block(out, key, 1, nonce);
	assert_memory_equal(out, want, 64);
}

/* RFC 8439 appendix A.1, vectors 1 and 2: the key of zeroes, counters 0 and 1. */
static void test_rfc_zero_key(void **state)
{
	static const uint8_t want0[16] = {0x76, 0xb8, 0xe0, 0xad, 0xa0, 0xf1, 0x3d, 0x90,
					  0x40, 0x5d, 0x6a, 0xe5, 0x53, 0x86, 0xbd, 0x28};
	static const uint8_t want1[16] = {0x9f, 0x07, 0xe7, 0xbe, 0x55, 0x51, 0x38, 0x7a,
					  0x98, 0xba, 0x97, 0x7c, 0x73, 0x2d, 0x08, 0x0d};
	const uint32_t nonce[3] = {0, 0, 0};
	uint8_t key[32] = {0}, out[64];

	(void)state;
	chacha20_block(out, key, 0, nonce);
	assert_memory_equal(out, want0, 16);
	chacha20_block(out, key, 1, nonce);
	assert_memory_equal(out, want1, 16);
}

/* Every length is filled to its end and not beyond, and no two answers are alike. */
static void test_random_bytes(void **state)
{
	static uint8_t a[1000], b[1000];

	(void)state;
	random_init();
	assert_non_null(random_source());
	for (size_t n = 0; n <= 300; n++) {
		unsigned zeroes = 0;

		memset(a, 0, sizeof a);
		memset(b, 0, sizeof b);
		random_bytes(a, n);
		random_bytes(b, n);
		for (size_t i = 0; i < n; i++)
			zeroes += a[i] == 0;
		assert_true(zeroes <= 4 + n / 32);
		for (size_t i = n; i < sizeof a; i++)
			assert_int_equal(a[i], 0);
		if (n >= 8)
			assert_memory_not_equal(a, b, n);
	}
}

/* Bits are balanced over a long answer. */
static void test_balance(void **state)
{
	static uint8_t a[1 << 16];
	unsigned ones = 0;

	(void)state;
	random_mix("seed", 4, "test");
	assert_string_equal(random_source(), "test");
	random_bytes(a, sizeof a);
	for (size_t i = 0; i < sizeof a; i++)
		ones += (unsigned)__builtin_popcount(a[i]);
	/* 2^19 bits: the standard deviation is 362. */
	assert_in_range(ones, (1 << 18) - 2500, (1 << 18) + 2500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rfc_block),
	    cmocka_unit_test(test_rfc_zero_key),
	    cmocka_unit_test(test_random_bytes),
	    cmocka_unit_test(test_balance),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
