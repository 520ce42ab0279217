/* unit: */
/* lib/string.c against the host's C library. The kernel's functions are compiled in under other
 * names, or they would stand in for the host's everywhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define memcpy	k_memcpy
#define memmove k_memmove
#define memset	k_memset
#define memcmp	k_memcmp
#define memchr	k_memchr
#define strlen	k_strlen
#define strnlen k_strnlen
#define strcmp	k_strcmp
#define strncmp k_strncmp
#define strchr	k_strchr
#define strrchr k_strrchr
#define strlcpy k_strlcpy
#include "../../kernel/lib/string.c"
#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef memchr
#undef strlen
#undef strnlen
#undef strcmp
#undef strncmp
#undef strchr
#undef strrchr

#define N 300

static void fill(unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (unsigned char)rand();
}

static int sign(int x)
{
	return (x > 0) - (x < 0);
}

static void test_blocks(void **state)
{
	unsigned char a[N], b[N], c[N];

	(void)state;
	for (int i = 0; i < 100000; i++) {
		size_t from = (size_t)rand() % N, to = (size_t)rand() % N;
		size_t n = (size_t)rand() % (N - (from > to ? from : to) + 1);
		int byte = rand();

		fill(a, N);
		memcpy(b, a, N);
		memmove(a + to, a + from, n);
		assert_ptr_equal(k_memmove(b + to, b + from, n), b + to);
		assert_memory_equal(a, b, N);
		memset(a + to, byte, n);
		assert_ptr_equal(k_memset(b + to, byte, n), b + to);
		assert_memory_equal(a, b, N);
		fill(c, N);
		memcpy(a + to, c + from, n);
		assert_ptr_equal(k_memcpy(b + to, c + from, n), b + to);
		assert_memory_equal(a, b, N);
		if (n && rand() % 2)
			b[to + (size_t)rand() % n] ^= 1;
		assert_int_equal(sign(k_memcmp(a + to, b + to, n)),
				 sign(memcmp(a + to, b + to, n)));
		assert_ptr_equal(k_memchr(a + to, byte, n), memchr(a + to, byte, n));
	}
}

static void test_strings(void **state)
{
	char a[16], b[16], c[16], d[17];

	(void)state;
	for (int i = 0; i < 100000; i++) {
		size_t n = (size_t)rand() % 17, size = (size_t)rand() % 16;
		int byte = "abcd\0"[rand() % 5];

		for (int k = 0; k < 15; k++) {
			a[k] = "abbb\xe4\xe4\xe4"[rand() % 8];
			b[k] = rand() % 8 ? a[k] : 'a';
		}
		a[15] = b[15] = 0;
		assert_int_equal(k_strlen(a), strlen(a));
		assert_int_equal(k_strnlen(a, n < 16 ? n : 16), strnlen(a, n < 16 ? n : 16));
		assert_int_equal(sign(k_strcmp(a, b)), sign(strcmp(a, b)));
		assert_int_equal(sign(k_strncmp(a, b, n)), sign(strncmp(a, b, n)));
		assert_ptr_equal(k_strchr(a, byte), strchr(a, byte));
		assert_ptr_equal(k_strrchr(a, byte), strrchr(a, byte));
		memset(c, 'x', sizeof(c));
		memset(d, 'x', sizeof(d));
		assert_int_equal(k_strlcpy(c, a, size), strlen(a));
		if (size) {
			memcpy(d, a, strlen(a) < size ? strlen(a) : size - 1);
			d[strlen(a) < size ? strlen(a) : size - 1] = 0;
		}
		assert_memory_equal(c, d, 16);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_blocks),
	    cmocka_unit_test(test_strings),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
