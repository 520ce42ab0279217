/* The memory and string functions of C that the kernel uses, with their C meanings. */
#pragma once
#include <stddef.h>

void *memcpy(void *restrict dst, const void *restrict src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
void *memchr(const void *s, int c, size_t n);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);

/* Copies at most size-1 bytes and always terminates; returns strlen(src) (OpenBSD's strlcpy). */
size_t strlcpy(char *restrict dst, const char *restrict src, size_t size);

/* Let the compiler do small ones of constant size itself (-ffreestanding forbids it to know the
 * names). */
#if !defined(HOST_TEST) && !defined(STRING_PLAIN)
#define memcpy(dst, src, n) __builtin_memcpy(dst, src, n)
#define memset(dst, c, n)   __builtin_memset(dst, c, n)
#define memcmp(a, b, n)	    __builtin_memcmp(a, b, n)
#define strlen(s)	    __builtin_strlen(s)
#endif
