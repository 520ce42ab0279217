/* unit: kernel/lib/symbols.c */
/* The symbol table for backtraces: found names, and tables that are not sound. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "lib/symbols.h"

static struct {
	uint32_t magic, count;
	uint64_t base;
	uint32_t offset[3], name[3];
	char names[12];
} table;

static void reset(void)
{
	table.magic = 0x4d595355;
	table.count = 3;
	table.base = 0x100000;
	memcpy(table.offset, (uint32_t[]){0x10, 0x20, 0x100}, sizeof(table.offset));
	memcpy(table.name, (uint32_t[]){0, 2, 5}, sizeof(table.name));
	memcpy(table.names, "a\0bb\0ccccc", sizeof(table.names) - 1);
	kernel_symbols.address = (uintptr_t)&table;
	kernel_symbols.length = offsetof(__typeof__(table), names) + sizeof(table.names);
}

static void test_found(void **state)
{
	(void)state;
	size_t offset;
	reset();
	assert_null(symbol_lookup(0x10000f, &offset));
	assert_null(symbol_lookup(0, &offset));
	assert_string_equal(symbol_lookup(0x100010, &offset), "a");
	assert_string_equal(symbol_lookup(0x10001f, &offset), "a");
	assert_int_equal(offset, 15);
	assert_string_equal(symbol_lookup(0x100020, &offset), "bb");
	assert_string_equal(symbol_lookup(0x100123, &offset), "ccccc");
	assert_int_equal(offset, 0x23);
	assert_null(symbol_lookup(0x200123, &offset));
	assert_null(symbol_lookup(UINTPTR_MAX, &offset));
}

static void test_unsound(void **state)
{
	(void)state;
	size_t offset;
	reset();
	kernel_symbols.length = 0;
	assert_null(symbol_lookup(0x100010, &offset));
	reset();
	kernel_symbols.address = 0;
	assert_null(symbol_lookup(0x100010, &offset));
	reset();
	table.magic++;
	assert_null(symbol_lookup(0x100010, &offset));
	reset();
	table.count = 0;
	assert_null(symbol_lookup(0x100010, &offset));
	table.count = UINT32_MAX;
	assert_null(symbol_lookup(0x100010, &offset));
	reset();
	table.name[0] = 100;
	assert_null(symbol_lookup(0x100010, &offset));
	reset();
	memset(table.names, 'x', sizeof(table.names));
	assert_null(symbol_lookup(0x100010, &offset));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_found),
	    cmocka_unit_test(test_unsound),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
