/* unit: cmd/unigornel/asm.c cmd/unigornel/asm_clock.c cmd/unigornel/util.c cmd/unigornel/progress.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "../../cmd/unigornel/asm.h"
#include "../../cmd/unigornel/asm_clock.h"

#define CALL_TEXT "CALL unigornel_syscall(SB)"

static bool replace(const char *text, struct buffer *out)
{
	struct buffer in = {0};
	buffer_add(&in, text, strlen(text));
	bool found = asm_replace_syscalls(&in, out);
	buffer_free(&in);
	return found;
}

static void becomes(const char *text, const char *expected)
{
	struct buffer out = {0};
	assert_true(replace(text, &out));
	assert_string_equal(out.data, expected);
	buffer_free(&out);
}

static void stays(const char *text)
{
	struct buffer out = {0};
	assert_false(replace(text, &out));
	buffer_free(&out);
}

static void replaces_instructions(void **state)
{
	(void)state;
	becomes("\tSYSCALL\n", "\t" CALL_TEXT "\n");
	becomes("\tSYSCALL", "\t" CALL_TEXT);
	becomes("\tMOVL $1, AX; SYSCALL; RET\n", "\tMOVL $1, AX; " CALL_TEXT "; RET\n");
	becomes("again:SYSCALL // twice\n\tSYSCALL\n",
		"again:" CALL_TEXT " // twice\n\t" CALL_TEXT "\n");
	becomes("\tSYSCALL /* a */ // SYSCALL\n", "\t" CALL_TEXT " /* a */ // SYSCALL\n");
}

static void leaves_everything_else(void **state)
{
	(void)state;
	stays("");
	stays("\tCALL runtime·f(SB)\n");
	stays("// SYSCALL\n/* SYSCALL\nSYSCALL */\n");
	stays("DATA s<>+0(SB)/8, $\"SYSCALL\"\n");
	stays("DATA s<>+0(SB)/8, $\"\\\"SYSCALL\"\n");
	stays("\tSYSCALLX\n\tMYSYSCALL\n\tCALL ·SYSCALL(SB)\n");
	stays("/* SYSCALL without an end");
	stays("$\"SYSCALL without an end");
}

static void keeps_line_numbers(void **state)
{
	(void)state;
	static const char text[] = "a\n\n/* b\nc */\n\tSYSCALL\nd\n";
	struct buffer out = {0};
	size_t lines = 0, expected = 0;
	assert_true(replace(text, &out));
	for (size_t i = 0; i < out.len; i++)
		lines += out.data[i] == '\n';
	for (size_t i = 0; text[i]; i++)
		expected += text[i] == '\n';
	assert_int_equal(lines, expected);
	buffer_free(&out);
}

/* rt_sigreturn finds its frame by the stack pointer, so such functions may not get a frame. */
static void keeps_functions_frameless(void **state)
{
	(void)state;
	becomes("TEXT runtime·sigreturn(SB),NOSPLIT,$0\n\tSYSCALL\n",
		"TEXT runtime·sigreturn(SB),NOSPLIT|512,$0\n\t" CALL_TEXT "\n");
	becomes("TEXT ·f(SB),NOSPLIT,$0-8\n\tSYSCALL\n",
		"TEXT ·f(SB),NOSPLIT|512,$0-8\n\t" CALL_TEXT "\n");
	/* A frame of its own, or one for a call, stays. */
	becomes("TEXT ·f(SB),NOSPLIT,$16-8\n\tSYSCALL\n",
		"TEXT ·f(SB),NOSPLIT,$16-8\n\t" CALL_TEXT "\n");
	becomes("TEXT ·f(SB),NOSPLIT,$0-8\n\tCALL ·g(SB)\n\tSYSCALL\n",
		"TEXT ·f(SB),NOSPLIT,$0-8\n\tCALL ·g(SB)\n\t" CALL_TEXT "\n");
	becomes("TEXT ·f(SB),NOSPLIT|NOFRAME,$0\n\tSYSCALL\n",
		"TEXT ·f(SB),NOSPLIT|NOFRAME,$0\n\t" CALL_TEXT "\n");
}

/* The short way stands on the function's first line and ends where Go's own begins. */
static void shortens_clocks(void **state)
{
	static const char now[] = "TEXT time·now<ABIInternal>(SB),NOSPLIT,$16-24";
	static const char rest[] = "\n\tMOVQ\tSP, R12\n";
	struct buffer in = {0}, out = {0};

	(void)state;
	buffer_addf(&in, "// a\n%s%s", now, rest);
	assert_true(asm_shorten_clocks(&in, &out));
	assert_int_equal(memcmp(out.data, in.data, strlen("// a\n") + strlen(now)), 0);
	assert_int_equal(out.data[strlen("// a\n") + strlen(now)], ';');
	char *end = out.data + out.len - strlen(rest);
	assert_int_equal(memcmp(end, rest, strlen(rest)), 0);
	assert_null(
	    memchr(out.data + strlen("// a\n"), '\n', out.len - strlen("// a\n") - strlen(rest)));
	assert_int_equal(memcmp(end - strlen("RET; unigornel_other:"),
				"RET; unigornel_other:", strlen("RET; unigornel_other:")),
			 0);
	buffer_free(&in);

	/* Whatever looks otherwise stays as it is. */
	buffer_addf(&in, "// %s\nTEXT time·now(SB),NOSPLIT,$16-24\n%s // x\n%.10s", now, now, now);
	assert_false(asm_shorten_clocks(&in, &out));
	assert_int_equal(out.len, in.len);
	assert_int_equal(memcmp(out.data, in.data, in.len), 0);
	buffer_free(&in);
	buffer_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(replaces_instructions), cmocka_unit_test(leaves_everything_else),
	    cmocka_unit_test(keeps_line_numbers),    cmocka_unit_test(keeps_functions_frameless),
	    cmocka_unit_test(shortens_clocks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
