#include "vfs/textbuf.h"
#include <stdarg.h>
#include "lib/printk.h"
#include "lib/string.h"
#include "mm/kmalloc.h"

static bool reserve(struct textbuf *t, size_t n)
{
	if (t->length + n <= t->capacity)
		return true;
	size_t want = t->capacity ? t->capacity * 2 : 512;
	while (want < t->length + n)
		want *= 2;
	char *p = krealloc(t->text, want);
	if (!p) {
		t->failed = true;
		return false;
	}
	t->text = p;
	t->capacity = want;
	return true;
}

void text_append(struct textbuf *t, const void *s, size_t n)
{
	if (!n || !reserve(t, n))
		return;
	memcpy(t->text + t->length, s, n);
	t->length += n;
}

void text_printf(struct textbuf *t, const char *fmt, ...)
{
	char line[256];
	va_list ap;
	va_start(ap, fmt);
	int n = kvsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	if ((size_t)n < sizeof line) {
		text_append(t, line, (size_t)n);
		return;
	}
	if (!reserve(t, (size_t)n + 1))
		return;
	va_start(ap, fmt);
	kvsnprintf(t->text + t->length, (size_t)n + 1, fmt, ap);
	va_end(ap);
	t->length += (size_t)n;
}

void textbuf_free(struct textbuf *t)
{
	kfree(t->text);
	*t = (struct textbuf){0};
}
