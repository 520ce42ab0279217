/* unit: kernel/dev/madt.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "dev/acpi.h"
#include "dev/irq.h"

/* The MADT of a q35 with two CPUs, as QEMU writes it. */
static const uint8_t q35[] = {
    'A', 'P', 'I',  'C', 128, 0,   0,	 0,    3,    0,	   'B', 'O', 'C', 'H', 'S',
    ' ', 'B', 'X',  'P', 'C', ' ', ' ',	 ' ',  ' ',  1,	   0,	0,   0,	  'B', 'X',
    'P', 'C', 1,    0,	 0,   0,   0,	 0,    0xe0, 0xfe, 1,	0,   0,	  0, /* LAPIC at 0xfee00000,
										8259s */
    0,	 8,   0,    0,	 1,   0,   0,	 0,				     /* CPU 0 */
    0,	 8,   1,    1,	 1,   0,   0,	 0,				     /* CPU 1 */
    1,	 12,  0,    0,	 0,   0,   0xc0, 0xfe, 0,    0,	   0,	0,	     /* IOAPIC */
    2,	 10,  0,    0,	 2,   0,   0,	 0,    0,    0,			     /* IRQ 0 is line 2 */
    2,	 10,  0,    5,	 5,   0,   0,	 0,    0x0d, 0, /* IRQ 5: high, level */
    2,	 10,  0,    9,	 9,   0,   0,	 0,    0x0f, 0, /* IRQ 9: low, level */
    4,	 6,   0xff, 0,	 0,   1,			/* LAPIC NMI */
    0,	 8,   2,    2,	 0,   0,   0,	 0,		/* CPU 2, disabled */
};

static void test_q35(void **state)
{
	struct interrupt_model m;

	(void)state;
	assert_true(madt_parse(&m, q35, sizeof q35));
	assert_true(m.from_firmware);
	assert_int_equal(m.lapic, 0xfee00000);
	assert_int_equal(m.nioapics, 1);
	assert_int_equal(m.ioapic[0].address, 0xfec00000);
	assert_int_equal(m.ioapic[0].gsi_base, 0);
	assert_int_equal(m.ncpus, 2);
	assert_int_equal(m.apic_id[1], 1);
	assert_int_equal(m.isa[0].gsi, 2);
	assert_int_equal(m.isa[4].gsi, 4);
	assert_int_equal(m.isa[4].flags, 0);
	assert_int_equal(m.isa[5].flags, IRQ_LEVEL);
	assert_int_equal(m.isa[9].flags, IRQ_LEVEL | IRQ_LOW);
}

/* Cut anywhere, in a block of exactly that size: ASan sees a read past it. */
static void test_truncated(void **state)
{
	struct interrupt_model m;

	(void)state;
	for (size_t n = 0; n < sizeof q35; n++) {
		uint8_t *copy = malloc(n ? n : 1);

		memcpy(copy, q35, n);
		if (!madt_parse(&m, copy, n)) {
			assert_int_equal(m.lapic, 0xfee00000);
			assert_int_equal(m.nioapics, 1);
			assert_int_equal(m.isa[0].gsi, 0);
		}
		free(copy);
	}
}

static void test_garbage(void **state)
{
	struct interrupt_model m;
	uint8_t table[256];

	(void)state;
	srand(3);
	for (unsigned round = 0; round < 100000; round++) {
		size_t n = (size_t)rand() % sizeof table;

		for (size_t i = 0; i < n; i++)
			table[i] = (uint8_t)(rand() % 16);
		madt_parse(&m, table, n);
		assert_true(m.nioapics <= MAX_IOAPICS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_q35),
	    cmocka_unit_test(test_truncated),
	    cmocka_unit_test(test_garbage),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
