/* unit: kernel/dev/rtc_decode.c */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <cmocka.h>
#include "dev/rtc.h"

#define B_24_HOURS 2
#define B_BINARY   4

static uint8_t bcd(int v)
{
	return (uint8_t)(v / 10 << 4 | v % 10);
}

static uint8_t plain(int v)
{
	return (uint8_t)v;
}

/* The registers of a chip that shows a time in one of the four formats. */
static struct rtc_registers encode(time_t when, uint8_t format, bool century)
{
	uint8_t (*put)(int) = format & B_BINARY ? plain : bcd;
	struct rtc_registers r;
	struct tm tm;
	int hour;

	gmtime_r(&when, &tm);
	hour = tm.tm_hour;
	r.status_b = format;
	r.second = put(tm.tm_sec);
	r.minute = put(tm.tm_min);
	if (format & B_24_HOURS) {
		r.hour = put(hour);
	} else {
		r.hour = put(hour % 12 ? hour % 12 : 12);
		if (hour >= 12)
			r.hour |= 0x80;
	}
	r.day = put(tm.tm_mday);
	r.month = put(tm.tm_mon + 1);
	r.year = put(tm.tm_year % 100);
	r.century = century ? put(tm.tm_year / 100 + 19) : 0;
	return r;
}

static void test_all_formats(void **state)
{
	static const uint8_t formats[] = {0, B_24_HOURS, B_BINARY, B_24_HOURS | B_BINARY};

	(void)state;
	/* From 1970 to 2069 in steps of some weeks, so that every month and leap day is met. */
	for (time_t t = 0; t < 3155760000; t += 1234567) {
		for (unsigned i = 0; i < 4; i++) {
			for (int century = 0; century < 2; century++) {
				struct rtc_registers r = encode(t, formats[i], century);
				int64_t seconds = -1;

				assert_true(rtc_decode(&r, &seconds));
				assert_int_equal(seconds, t);
			}
		}
	}
}

static void test_century_register(void **state)
{
	struct rtc_registers r = encode(4102444800, B_24_HOURS, true); /* 2100-01-01 */
	int64_t seconds;

	(void)state;
	assert_true(rtc_decode(&r, &seconds));
	assert_int_equal(seconds, 4102444800);
	r = encode(1000000000, B_24_HOURS, true);
	r.century = 0x99; /* something else's register */
	assert_true(rtc_decode(&r, &seconds));
	assert_int_equal(seconds, 1000000000);
}

static void test_nonsense(void **state)
{
	struct rtc_registers r = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	int64_t seconds;

	(void)state;
	assert_false(rtc_decode(&r, &seconds)); /* no chip */
	r = encode(1000000000, B_24_HOURS, false);
	r.month = 0;
	assert_false(rtc_decode(&r, &seconds));
	r = encode(1000000000, 0, false);
	r.hour = 0; /* 12 hours have no 0 */
	assert_false(rtc_decode(&r, &seconds));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_all_formats),
	    cmocka_unit_test(test_century_register),
	    cmocka_unit_test(test_nonsense),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
