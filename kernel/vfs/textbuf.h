/* Text that grows: what the files of /proc are made in. The owner calls textbuf_free. When memory
 * is out the text is cut and failed is set. No lock. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct textbuf {
	char *text;
	size_t length, capacity;
	bool failed;
};

void text_printf(struct textbuf *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void text_append(struct textbuf *t, const void *s, size_t n);
void textbuf_free(struct textbuf *t);
