/* unit: kernel/cmdline.c kernel/lib/printk.c kernel/net/networds.c kernel/net/addr.c */
/* The command line's grammar, docs/image.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <asm/errno.h>
#include "cmdline.h"
#include "lib/printk.h"

static char text[1024];
static const char *error;

static int parse(const char *s)
{
	free(cmdline.argv);
	free(cmdline.envp);
	cmdline.argv = cmdline.envp = NULL;
	strcpy(text, s);
	return cmdline_parse(text, &error);
}

static void test_empty(void **state)
{
	(void)state;
	assert_int_equal(parse("  "), 0);
	assert_int_equal(cmdline.argc, 1);
	assert_string_equal(cmdline.argv[0], "/app");
	assert_null(cmdline.argv[1]);
	assert_null(cmdline.envp[0]);
	assert_string_equal(cmdline.cwd, "/");
	assert_int_equal(cmdline.grace, 10);
	assert_false(cmdline.trace);
}

static void test_options(void **state)
{
	(void)state;
	assert_int_equal(parse("trace quiet gdb env=A=1 arg0=/bin/x hostname=h cwd=/tmp env=B= -- "
			       "trace -- env=C=1 \"\""),
			 0);
	assert_true(cmdline.trace && cmdline.quiet && cmdline.gdb);
	assert_string_equal(cmdline.argv[0], "/bin/x");
	assert_int_equal(cmdline.argc, 5);
	assert_string_equal(cmdline.argv[1], "trace");
	assert_string_equal(cmdline.argv[2], "--");
	assert_string_equal(cmdline.argv[3], "env=C=1");
	assert_string_equal(cmdline.argv[4], "");
	assert_int_equal(cmdline.envc, 2);
	assert_string_equal(cmdline.envp[0], "A=1");
	assert_string_equal(cmdline.envp[1], "B=");
	assert_string_equal(cmdline.hostname, "h");
	assert_string_equal(cmdline.cwd, "/tmp");
}

static void test_quoting(void **state)
{
	(void)state;
	assert_int_equal(parse("env=\"A=x y\" -- a\\ b \"c\\\"d\" e\"f g\"h \\\\ l1\\nl2\tz"), 0);
	assert_string_equal(cmdline.envp[0], "A=x y");
	assert_int_equal(cmdline.argc, 7);
	assert_string_equal(cmdline.argv[1], "a b");
	assert_string_equal(cmdline.argv[2], "c\"d");
	assert_string_equal(cmdline.argv[3], "ef gh");
	assert_string_equal(cmdline.argv[4], "\\");
	assert_string_equal(cmdline.argv[5], "l1\nl2");
	assert_string_equal(cmdline.argv[6], "z");
}

static void test_later_environment_wins(void **state)
{
	(void)state;
	assert_int_equal(parse("env=AB=1 env=A=2 env=AB=3"), 0);
	assert_int_equal(cmdline.envc, 2);
	assert_string_equal(cmdline.envp[0], "AB=3");
	assert_string_equal(cmdline.envp[1], "A=2");
}

static void test_monitor_words(void **state)
{
	(void)state;
	assert_int_equal(parse("-- x virtio_mmio.device=512@0xfeb00e00:12"), 0);
	assert_int_equal(cmdline.virtio_mmio_count, 1);
	assert_string_equal(cmdline.virtio_mmio[0], "512@0xfeb00e00:12");
	assert_int_equal(cmdline.argc, 2);
}

static void test_errors(void **state)
{
	(void)state;
	static const char *const bad[] = {"foo",       "env=A",	   "env==x",  "cwd=tmp",
					  "hostname=", "-- \"abc", "-- abc\\"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(parse(bad[i]), -EINVAL);
		assert_non_null(error);
	}
	parse("foo");
	assert_non_null(strstr(error, "foo"));
}

static void check(const char *want, const char *fmt, ...)
{
	char buf[64];
	va_list ap;
	va_start(ap, fmt);
	int n = kvsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	assert_string_equal(buf, want);
	assert_int_equal(n, strlen(want));
}

static void test_printf(void **state)
{
	(void)state;
	check("-5 007 ff 0xff|a   |  b|abc", "%d %03u %x %p|%-4s|%3c|%.3s", -5, 7u, 255u,
	      (void *)255, "a", 'b', "abcdef");
	check("-9223372036854775808 18446744073709551615 %", "%ld %lu %%", INT64_MIN, UINT64_MAX);
	check("255 -1 00000beef    2a", "%hhu %hhd %09x %5x", 0x1ff, 0xff, 0xbeefu, 42u);
	check("[  -7][-07]", "[%*d][%03d]", 4, -7, -7);
	char small[4];
	assert_int_equal(ksnprintf(small, sizeof(small), "%s", "abcdef"), 6);
	assert_string_equal(small, "abc");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_empty),	  cmocka_unit_test(test_options),
	    cmocka_unit_test(test_quoting),	  cmocka_unit_test(test_later_environment_wins),
	    cmocka_unit_test(test_monitor_words), cmocka_unit_test(test_errors),
	    cmocka_unit_test(test_printf),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	free(cmdline.argv);
	free(cmdline.envp);
	return failed;
}
