#include "vfs/cpio.h"
#include <asm/errno.h>
#include <linux/limits.h>
#include <stdbool.h>
#include "lib/string.h"

#define HEADER_SIZE 110

/* Eight hexadecimal digits; -1 if they are not. */
static int64_t hex8(const uint8_t *p)
{
	uint32_t v = 0;
	for (int i = 0; i < 8; i++) {
		uint8_t c = p[i], d;
		if (c >= '0' && c <= '9')
			d = (uint8_t)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			d = (uint8_t)((c | 0x20) - 'a' + 10);
		else
			return -1;
		v = v << 4 | d;
	}
	return v;
}

void cpio_open(struct cpio *c, const void *archive, size_t n)
{
	*c = (struct cpio){.start = archive, .at = archive, .end = (const uint8_t *)archive + n};
}

static int fail(struct cpio *c, const char *why)
{
	c->error = why;
	return -EINVAL;
}

/* Moves on by n and to the next multiple of four bytes from the start; false at the end. */
static bool advance(struct cpio *c, size_t n)
{
	if (n > (size_t)(c->end - c->at))
		return false;
	c->at += n;
	size_t pad = -(size_t)(c->at - c->start) & 3;
	if (pad > (size_t)(c->end - c->at))
		pad = (size_t)(c->end - c->at); /* the last entry need not be padded */
	c->at += pad;
	return true;
}

int cpio_next(struct cpio *c, struct cpio_entry *e)
{
	for (;;) {
		while (c->at < c->end && !*c->at)
			c->at++;
		if (c->at == c->end)
			return 0;
		/* Alignment counts from each archive's first header. */
		const uint8_t *h = c->at;
		if (c->end - h < HEADER_SIZE)
			return fail(c, "it ends within a header");
		if (memcmp(h, "070701", 6) != 0 && memcmp(h, "070702", 6) != 0)
			return fail(c, "there is no newc header where one should be");
		c->start = h;
		int64_t field[13];
		for (int i = 0; i < 13; i++) {
			field[i] = hex8(h + 6 + 8 * i);
			if (field[i] < 0)
				return fail(c, "a header field is not a hexadecimal number");
		}
		uint32_t name_size = (uint32_t)field[11];
		if (!name_size || name_size > PATH_MAX)
			return fail(c, "a name is empty or too long");
		if ((size_t)(c->end - h) - HEADER_SIZE < name_size)
			return fail(c, "it ends within a name");
		e->name = (const char *)h + HEADER_SIZE;
		if (strnlen(e->name, name_size) != name_size - 1)
			return fail(c, "a name is not terminated where its length says");
		advance(c, HEADER_SIZE + name_size);
		e->ino = (uint32_t)field[0];
		e->mode = (uint32_t)field[1];
		e->uid = (uint32_t)field[2];
		e->gid = (uint32_t)field[3];
		e->nlink = (uint32_t)field[4];
		e->mtime = (uint32_t)field[5];
		e->size = (uint32_t)field[6];
		e->dev_major = (uint32_t)field[7];
		e->dev_minor = (uint32_t)field[8];
		e->rdev_major = (uint32_t)field[9];
		e->rdev_minor = (uint32_t)field[10];
		e->data = c->at;
		if (!advance(c, e->size))
			return fail(c, "it ends within a file");
		if (strcmp(e->name, "TRAILER!!!") != 0)
			return 1;
	}
}

const void *cpio_find(const void *archive, size_t n, const char *name, size_t *size)
{
	struct cpio c;
	struct cpio_entry e;
	const void *found = NULL;
	cpio_open(&c, archive, n);
	while (cpio_next(&c, &e) == 1) {
		const char *p = e.name;
		while (p[0] == '/' || (p[0] == '.' && p[1] == '/'))
			p++;
		if (strcmp(p, name) == 0) {
			found = e.data;
			*size = e.size;
		}
	}
	return found;
}
