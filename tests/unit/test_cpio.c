/* unit: kernel/vfs/cpio.c */
/* The archive parser: good archives, each way of being broken, and random damage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "vfs/cpio.h"

static char archive[4096];
static size_t used;

static void pad(void)
{
	while (used % 4)
		archive[used++] = 0;
}

static void add(const char *name, unsigned mode, const char *data)
{
	size_t n = strlen(name) + 1, size = data ? strlen(data) : 0;
	used += (size_t)sprintf(archive + used,
				"070701%08X%08X%08X%08X%08X%08X%08zX%08X%08X%08X%08X%08zX%08X", 7,
				mode, 1, 2, 1, 0x5f000000, size, 0, 0, 3, 4, n, 0);
	memcpy(archive + used, name, n);
	used += n;
	pad();
	if (size)
		memcpy(archive + used, data, size);
	used += size;
	pad();
}

static int start(void **state)
{
	(void)state;
	memset(archive, 0, sizeof archive);
	used = 0;
	add("dir", 040755, NULL);
	add("dir/file", 0100644, "hello");
	add("TRAILER!!!", 0, NULL);
	return 0;
}

static void reads_entries(void **state)
{
	struct cpio c;
	struct cpio_entry e;
	(void)state;
	cpio_open(&c, archive, used);
	assert_int_equal(cpio_next(&c, &e), 1);
	assert_string_equal(e.name, "dir");
	assert_int_equal(e.mode, 040755);
	assert_int_equal(e.size, 0);
	assert_int_equal(cpio_next(&c, &e), 1);
	assert_string_equal(e.name, "dir/file");
	assert_int_equal(e.size, 5);
	assert_memory_equal(e.data, "hello", 5);
	assert_int_equal(e.uid, 1);
	assert_int_equal(e.gid, 2);
	assert_int_equal(e.mtime, 0x5f000000);
	assert_int_equal(e.rdev_major, 3);
	assert_int_equal(e.rdev_minor, 4);
	assert_int_equal(cpio_next(&c, &e), 0);
	assert_int_equal(cpio_next(&c, &e), 0);
}

static void reads_joined_archives(void **state)
{
	struct cpio c;
	struct cpio_entry e;
	int n = 0;
	(void)state;
	used = (used + 511) / 512 * 512;
	add("later", 0100600, "x");
	add("TRAILER!!!", 0, NULL);
	cpio_open(&c, archive, used + 100);
	while (cpio_next(&c, &e) == 1)
		n++;
	assert_null(c.error);
	assert_int_equal(n, 3);
}

static void finds_by_name(void **state)
{
	size_t size;
	(void)state;
	const char *p = cpio_find(archive, used, "dir/file", &size);
	assert_non_null(p);
	assert_int_equal(size, 5);
	assert_null(cpio_find(archive, used, "dir/fil", &size));
	assert_null(cpio_find(archive, used, "TRAILER!!!", &size));
}

static void empty_is_good(void **state)
{
	struct cpio c;
	struct cpio_entry e;
	(void)state;
	cpio_open(&c, archive, 0);
	assert_int_equal(cpio_next(&c, &e), 0);
}

/* All entries of a copy of exactly n bytes, so that a read past the end is seen. */
static int read_all(const char *data, size_t n)
{
	char *copy = malloc(n ? n : 1);
	struct cpio c;
	struct cpio_entry e;
	int r;
	memcpy(copy, data, n);
	cpio_open(&c, copy, n);
	while ((r = cpio_next(&c, &e)) == 1) {
		size_t sum = strlen(e.name);
		for (size_t i = 0; i < e.size; i++)
			sum += ((const unsigned char *)e.data)[i];
		assert_true(sum < SIZE_MAX);
	}
	if (r < 0)
		assert_non_null(c.error);
	free(copy);
	return r;
}

static void truncation_is_an_error(void **state)
{
	(void)state;
	/* The first entry is bytes 0 to 114, padded to 116; the second ends at 241. */
	for (size_t n = 0; n < used; n++) {
		int r = read_all(archive, n);
		if ((n > 0 && n < 114) || (n > 116 && n < 241))
			assert_true(r < 0);
	}
}

static void bad_headers_are_errors(void **state)
{
	(void)state;
	archive[0] = 'x';
	assert_true(read_all(archive, used) < 0);
	start(NULL);
	archive[54] = 'g'; /* in the size */
	assert_true(read_all(archive, used) < 0);
	start(NULL);
	memset(archive + 54, 'f', 8); /* 4 GiB */
	assert_true(read_all(archive, used) < 0);
	start(NULL);
	memset(archive + 94, '0', 8); /* no name */
	assert_true(read_all(archive, used) < 0);
	start(NULL);
	memset(archive + 94, 'f', 8); /* a long name */
	assert_true(read_all(archive, used) < 0);
	start(NULL);
	archive[113] = 'x'; /* the name's NUL */
	assert_true(read_all(archive, used) < 0);
}

static void random_damage(void **state)
{
	(void)state;
	srand(1);
	for (int round = 0; round < 20000; round++) {
		start(NULL);
		for (int k = rand() % 8; k >= 0; k--)
			archive[(size_t)rand() % used] =
			    rand() % 3 ? "0123456789abcdef"[rand() % 16] : (char)rand();
		read_all(archive, (size_t)rand() % (used + 1));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(reads_entries, start),
	    cmocka_unit_test_setup(reads_joined_archives, start),
	    cmocka_unit_test_setup(finds_by_name, start),
	    cmocka_unit_test_setup(empty_is_good, start),
	    cmocka_unit_test_setup(truncation_is_an_error, start),
	    cmocka_unit_test_setup(bad_headers_are_errors, start),
	    cmocka_unit_test_setup(random_damage, start),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
