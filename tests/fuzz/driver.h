/* For fuzzers of drivers, before a unit test's fake device is included: what those take from
 * cmocka, by abort, and a kernel that is silent, since devices that lie are what this is about. */
#pragma once
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "lib/printk.h"

#define assert_true(x)		  ((x) ? (void)0 : abort())
#define assert_int_equal(a, b)	  assert_true((a) == (b))
#define assert_ptr_equal(a, b)	  assert_true((a) == (b))
#define assert_non_null(p)	  assert_true((p) != NULL)
#define assert_null(p)		  assert_true((p) == NULL)
#define assert_false(x)		  assert_true(!(x))
#define assert_string_equal(a, b) assert_true(!strcmp(a, b))
#define assert_in_range(v, a, b)  in_range((int64_t)(v), (int64_t)(a), (int64_t)(b))

static inline void in_range(int64_t v, int64_t a, int64_t b)
{
	assert_true(v >= a && v <= b);
}

void printk(const char *fmt, ...)
{
	(void)fmt;
}
