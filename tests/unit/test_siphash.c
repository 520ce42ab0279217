/* unit: kernel/lib/siphash.c */
/* Against the vectors of the paper's appendix A and its reference values: key 00..0f, input 00 01
 * 02 ... */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "lib/siphash.h"

static void vectors(void **state)
{
	const uint64_t key[2] = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
	unsigned char in[16];
	(void)state;
	for (unsigned char i = 0; i < sizeof in; i++)
		in[i] = i;
	assert_int_equal(siphash(key, in, 15), 0xa129ca6149be45e5);
	assert_int_equal(siphash(key, in, 0), 0x726fdb47dd0e0e31);
	assert_int_equal(siphash(key, in, 8), 0x93f5f5799a932462);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(vectors)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
