/*
 * lib/string.h: plain C over 64-bit words. Neither SSE (the kernel must not touch vector state) nor
 * `rep movsb` (an emulator runs it a byte at a time): unrolled 64-bit moves are fast everywhere.
 *
 * Compilers recognise such loops and would replace them by calls of the very function they are in;
 * the pragma forbids that.
 */
#include <stdint.h>
#define STRING_PLAIN
#include "lib/string.h"

#pragma GCC optimize("no-tree-loop-distribute-patterns")

/* A word anywhere in memory, whatever type lies there. */
struct word {
	uint64_t v;
} __attribute__((packed, may_alias));

static inline uint64_t load(const unsigned char *p)
{
	return ((const struct word *)(const void *)p)->v;
}

static inline void store(unsigned char *p, uint64_t v)
{
	((struct word *)(void *)p)->v = v;
}

void *memcpy(void *restrict dst, const void *restrict src, size_t n)
{
	unsigned char *d = dst;
	const unsigned char *s = src;

	if (n < 8) {
		while (n--)
			*d++ = *s++;
		return dst;
	}
	if (n <= 16) { /* two words that overlap */
		uint64_t a = load(s), b = load(s + n - 8);

		store(d, a);
		store(d + n - 8, b);
		return dst;
	}
	for (; n >= 64; n -= 64, d += 64, s += 64) {
		uint64_t a = load(s), b = load(s + 8), c = load(s + 16), e = load(s + 24);
		store(d, a);
		store(d + 8, b);
		store(d + 16, c);
		store(d + 24, e);
		a = load(s + 32), b = load(s + 40), c = load(s + 48), e = load(s + 56);
		store(d + 32, a);
		store(d + 40, b);
		store(d + 48, c);
		store(d + 56, e);
	}
	for (; n >= 8; n -= 8, d += 8, s += 8)
		store(d, load(s));
	if (n) /* the last word once more, in part */
		store(d + n - 8, load(s + n - 8));
	return dst;
}

void *memmove(void *dst, const void *src, size_t n)
{
	unsigned char *d = dst;
	const unsigned char *s = src;

	if (d == s)
		return dst;
	if ((uintptr_t)d - (uintptr_t)s >= n) { /* dst is below src, or apart from it */
		for (; n >= 8; n -= 8, d += 8, s += 8)
			store(d, load(s));
		while (n--)
			*d++ = *s++;
	} else {
		d += n;
		s += n;
		for (; n >= 8; n -= 8) {
			d -= 8;
			s -= 8;
			store(d, load(s));
		}
		while (n--)
			*--d = *--s;
	}
	return dst;
}

void *memset(void *dst, int c, size_t n)
{
	unsigned char *d = dst;
	uint64_t v = (unsigned char)c * 0x0101010101010101ul;

	for (; n >= 64; n -= 64, d += 64) {
		store(d, v);
		store(d + 8, v);
		store(d + 16, v);
		store(d + 24, v);
		store(d + 32, v);
		store(d + 40, v);
		store(d + 48, v);
		store(d + 56, v);
	}
	if (n < 8 && d == dst) {
		while (n--)
			*d++ = (unsigned char)c;
		return dst;
	}
	for (; n >= 8; n -= 8, d += 8)
		store(d, v);
	if (n)
		store(d + n - 8, v);
	return dst;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const unsigned char *x = a, *y = b;

	for (; n >= 8 && load(x) == load(y); n -= 8, x += 8, y += 8)
		;
	for (; n; n--, x++, y++)
		if (*x != *y)
			return *x - *y;
	return 0;
}

void *memchr(const void *s, int c, size_t n)
{
	for (const unsigned char *p = s; n; n--, p++)
		if (*p == (unsigned char)c)
			return (void *)(uintptr_t)p;
	return NULL;
}

size_t strlen(const char *s)
{
	const char *p = s;

	while (*p)
		p++;
	return (size_t)(p - s);
}

size_t strnlen(const char *s, size_t max)
{
	size_t n = 0;

	while (n < max && s[n])
		n++;
	return n;
}

int strcmp(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return (unsigned char)*a - (unsigned char)*b;
}

int strncmp(const char *a, const char *b, size_t n)
{
	for (; n; n--, a++, b++)
		if (*a != *b || !*a)
			return (unsigned char)*a - (unsigned char)*b;
	return 0;
}

char *strchr(const char *s, int c)
{
	for (;; s++) {
		if (*s == (char)c)
			return (char *)(uintptr_t)s;
		if (!*s)
			return NULL;
	}
}

char *strrchr(const char *s, int c)
{
	const char *found = NULL;

	for (;; s++) {
		if (*s == (char)c)
			found = s;
		if (!*s)
			return (char *)(uintptr_t)found;
	}
}

size_t strlcpy(char *restrict dst, const char *restrict src, size_t size)
{
	size_t len = strlen(src);

	if (size) {
		size_t n = len < size ? len : size - 1;

		memcpy(dst, src, n);
		dst[n] = '\0';
	}
	return len;
}
