/*
 * Kernel messages: a small formatter and the console behind it.
 *
 * The console lock keeps messages of different CPUs whole. Once the kernel panics nobody takes it
 * any more: whoever held it may never give it back.
 */
#include "lib/printk.h"
#include <stdbool.h>
#include <stdint.h>
#include "hyper/hyper.h"
#include "lib/printk_internal.h"
#include "lib/spinlock.h"
#include "lib/string.h"

/* Where formatted characters go: called with each one. */
struct sink {
	void (*put)(struct sink *s, char c);
	size_t length;
};

struct spec {
	bool left, zero;
	size_t width;
	bool has_precision;
	size_t precision;
	unsigned size; /* bytes of the integer argument */
};

static void emit(struct sink *s, char c)
{
	s->put(s, c);
	s->length++;
}

static void emit_n(struct sink *s, char c, size_t n)
{
	while (n--)
		emit(s, c);
}

static void emit_text(struct sink *s, const struct spec *sp, const char *text, size_t n)
{
	size_t fill = sp->width > n ? sp->width - n : 0;
	if (!sp->left)
		emit_n(s, ' ', fill);
	for (size_t i = 0; i < n; i++)
		emit(s, text[i]);
	if (sp->left)
		emit_n(s, ' ', fill);
}

static void emit_number(struct sink *s, const struct spec *sp, uint64_t v, unsigned base,
			const char *prefix, bool upper)
{
	char digits[24];
	size_t n = 0, plen = strlen(prefix);
	const char *set = upper ? "0123456789ABCDEF" : "0123456789abcdef";
	do {
		digits[n++] = set[v % base];
		v /= base;
	} while (v);
	size_t zeros = sp->has_precision && sp->precision > n ? sp->precision - n : 0;
	size_t total = n + zeros + plen;
	size_t fill = sp->width > total ? sp->width - total : 0;
	if (sp->zero && !sp->left && !sp->has_precision) {
		zeros += fill;
		fill = 0;
	}
	if (!sp->left)
		emit_n(s, ' ', fill);
	for (size_t i = 0; i < plen; i++)
		emit(s, prefix[i]);
	emit_n(s, '0', zeros);
	while (n)
		emit(s, digits[--n]);
	if (sp->left)
		emit_n(s, ' ', fill);
}

static const char *parse_spec(const char *p, struct spec *sp, va_list *ap)
{
	for (;; p++) {
		if (*p == '-')
			sp->left = true;
		else if (*p == '0')
			sp->zero = true;
		else
			break;
	}
	if (*p == '*') {
		int w = va_arg(*ap, int);
		if (w < 0)
			sp->left = true;
		sp->width = (size_t)(w < 0 ? -(int64_t)w : w);
		p++;
	}
	while (*p >= '0' && *p <= '9')
		sp->width = sp->width * 10 + (size_t)(*p++ - '0');
	if (*p == '.') {
		sp->has_precision = true;
		p++;
		if (*p == '*') {
			int n = va_arg(*ap, int);
			sp->has_precision = n >= 0;
			sp->precision = n >= 0 ? (size_t)n : 0;
			p++;
		}
		while (*p >= '0' && *p <= '9')
			sp->precision = sp->precision * 10 + (size_t)(*p++ - '0');
	}
	sp->size = sizeof(int);
	if (p[0] == 'h' && p[1] == 'h') {
		sp->size = sizeof(char);
		p += 2;
	} else if (*p == 'h') {
		sp->size = sizeof(short);
		p++;
	}
	while (*p == 'l' || *p == 'z' || *p == 'j' || *p == 't') {
		sp->size = sizeof(long);
		p++;
	}
	return p;
}

static uint64_t unsigned_argument(const struct spec *sp, va_list *ap)
{
	if (sp->size == sizeof(long))
		return va_arg(*ap, unsigned long);
	unsigned v = va_arg(*ap, unsigned);
	if (sp->size == sizeof(char))
		return (unsigned char)v;
	return sp->size == sizeof(short) ? (unsigned short)v : v;
}

static int64_t signed_argument(const struct spec *sp, va_list *ap)
{
	if (sp->size == sizeof(long))
		return va_arg(*ap, long);
	int v = va_arg(*ap, int);
	if (sp->size == sizeof(char))
		return (signed char)v;
	return sp->size == sizeof(short) ? (short)v : v;
}

static void format(struct sink *s, const char *fmt, va_list *ap)
{
	for (const char *p = fmt; *p; p++) {
		if (*p != '%') {
			emit(s, *p);
			continue;
		}
		struct spec sp = {0};
		p = parse_spec(p + 1, &sp, ap);
		switch (*p) {
		case 'd':
		case 'i': {
			int64_t v = signed_argument(&sp, ap);
			emit_number(s, &sp, v < 0 ? -(uint64_t)v : (uint64_t)v, 10,
				    v < 0 ? "-" : "", false);
			break;
		}
		case 'u':
			emit_number(s, &sp, unsigned_argument(&sp, ap), 10, "", false);
			break;
		case 'o':
			emit_number(s, &sp, unsigned_argument(&sp, ap), 8, "", false);
			break;
		case 'x':
		case 'X':
			emit_number(s, &sp, unsigned_argument(&sp, ap), 16, "", *p == 'X');
			break;
		case 'p':
			emit_number(s, &sp, (uintptr_t)va_arg(*ap, void *), 16, "0x", false);
			break;
		case 's': {
			const char *text = va_arg(*ap, const char *);
			if (!text)
				text = "(null)";
			emit_text(s, &sp, text,
				  sp.has_precision ? strnlen(text, sp.precision) : strlen(text));
			break;
		}
		case 'c': {
			char c = (char)va_arg(*ap, int);
			emit_text(s, &sp, &c, 1);
			break;
		}
		case '%':
			emit(s, '%');
			break;
		case '\0':
			return;
		default: /* a conversion we do not know: show it rather than guess */
			emit(s, '%');
			emit(s, *p);
		}
	}
}

struct buffer_sink {
	struct sink sink;
	char *buf;
	size_t size;
};

static void buffer_put(struct sink *s, char c)
{
	struct buffer_sink *b = (struct buffer_sink *)s;
	if (s->length + 1 < b->size)
		b->buf[s->length] = c;
}

int kvsnprintf(char *buf, size_t size, const char *fmt, va_list ap)
{
	struct buffer_sink b = {.sink = {.put = buffer_put}, .buf = buf, .size = size};
	va_list copy;
	va_copy(copy, ap);
	format(&b.sink, fmt, &copy);
	va_end(copy);
	if (size)
		buf[b.sink.length < size ? b.sink.length : size - 1] = '\0';
	return (int)b.sink.length;
}

int ksnprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = kvsnprintf(buf, size, fmt, ap);
	va_end(ap);
	return n;
}

static spinlock_t console_lock = SPINLOCK_INIT;
static _Atomic bool console_unlocked;

void console_write(const char *s, size_t n)
{
	bool lock = !atomic_load(&console_unlocked);
	if (lock)
		spin_lock(&console_lock);
	hyper->console_write(s, n);
	if (lock)
		spin_unlock(&console_lock);
}

struct console_sink {
	struct sink sink;
	size_t used;
	char buf[128];
};

static void console_flush(struct console_sink *c)
{
	if (c->used && hyper && hyper->console_write)
		hyper->console_write(c->buf, c->used);
	c->used = 0;
}

static void console_put(struct sink *s, char ch)
{
	struct console_sink *c = (struct console_sink *)s;
	c->buf[c->used++] = ch;
	if (c->used == sizeof(c->buf))
		console_flush(c);
}

void vprintk(const char *fmt, va_list ap)
{
	struct console_sink c;
	c.sink.put = console_put;
	c.sink.length = 0;
	c.used = 0;
	bool lock = !console_unlocked;
	va_list copy;
	va_copy(copy, ap);
	if (lock)
		spin_lock(&console_lock);
	format(&c.sink, fmt, &copy);
	console_flush(&c);
	if (lock)
		spin_unlock(&console_lock);
	va_end(copy);
}

void printk(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vprintk(fmt, ap);
	va_end(ap);
}

void printk_break_lock(void)
{
	console_unlocked = true;
}
