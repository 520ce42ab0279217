/* What stands in for the kernel on the host. All weak: a test that links the real thing gets it. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "hyper/hyper.h"
#include "lib/printk.h"

#define WEAK __attribute__((weak))

WEAK const struct hypervisor *hyper;

WEAK void printk(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
}

WEAK int kvsnprintf(char *buf, size_t size, const char *fmt, va_list ap)
{
	return vsnprintf(buf, size, fmt, ap);
}

WEAK int ksnprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(buf, size, fmt, ap);
	va_end(ap);
	return n;
}

WEAK void panic(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	abort();
}

void *kmalloc(size_t size);
void *kzalloc(size_t size);
void *krealloc(void *p, size_t size);
void kfree(void *p);

WEAK void *kmalloc(size_t size)
{
	return malloc(size);
}

WEAK void *kzalloc(size_t size)
{
	return calloc(1, size);
}

WEAK void *krealloc(void *p, size_t size)
{
	return realloc(p, size);
}

WEAK void kfree(void *p)
{
	free(p);
}

/* Younger C libraries have it. */
size_t strlcpy(char *restrict dst, const char *restrict src, size_t size);
WEAK size_t strlcpy(char *restrict dst, const char *restrict src, size_t size)
{
	size_t n = strlen(src);

	if (size) {
		size_t take = n < size ? n : size - 1;
		memcpy(dst, src, take);
		dst[take] = '\0';
	}
	return n;
}
