#include "asm_clock.h"
#include <string.h>

/*
 * What the vDSO does (kernel/arch/x86_64/vdso.c), in Go's assembly: between two equal and even
 * values of the sequence count, ns_base plus the product of mult, a fraction of 2^64, and the ticks
 * since tsc_base. The offsets are checked in kernel/time/clock.c. TESTB asks for the clock's bit in
 * tsc_clocks. Leaves monotonic ns in DX.
 */
#define READ_CLOCKS(bit, also)                                                                     \
	"; TESTB $" bit ", unigornel_clock_page+8(SB)"                                             \
	"; JEQ unigornel_other"                                                                    \
	"; unigornel_again: MOVL unigornel_clock_page+0(SB), R8"                                   \
	"; LFENCE; RDTSC; SHLQ $32, DX; ORQ DX, AX"                                                \
	"; SUBQ unigornel_clock_page+16(SB), AX"                                                   \
	"; MULQ unigornel_clock_page+32(SB)"                                                       \
	"; ADDQ unigornel_clock_page+24(SB), DX" also "; ANDL $~1, R8"                             \
	"; CMPL R8, unigornel_clock_page+0(SB)"                                                    \
	"; JNE unigornel_again"

/* The wall clock's offset. */
#define WALL "; MOVQ unigornel_clock_page+48(SB), BX"

/* Seconds are ns / 2^9 / 5^9: the multiplier is 2^75 / 5^9, rounded up. */
#define SPLIT_WALL                                                                                 \
	"; MOVQ DX, CX; ADDQ DX, BX; MOVQ BX, AX; SHRQ $9, AX"                                     \
	"; MOVQ $0x44b82fa09b5a53, DX; MULQ DX; SHRQ $11, DX; MOVQ DX, AX"                         \
	"; IMUL3Q $1000000000, DX, DX; SUBQ DX, BX"

static const struct {
	const char *line, *code;
} clocks[] = {
    /* func now() (sec int64, nsec int32, mono int64): in AX, BX, CX */
    {"TEXT time·now<ABIInternal>(SB),NOSPLIT,$16-24",
     READ_CLOCKS("1", WALL) SPLIT_WALL "; RET; unigornel_other:"},
    /* func nanotime1() int64 */
    {"TEXT runtime·nanotime1(SB),NOSPLIT,$16-8",
     READ_CLOCKS("2", "") "; MOVQ DX, ret+0(FP); RET; unigornel_other:"},
};

static const char *code_for(const char *line, size_t n)
{
	for (size_t i = 0; i < sizeof clocks / sizeof clocks[0]; i++)
		if (strlen(clocks[i].line) == n && !memcmp(line, clocks[i].line, n))
			return clocks[i].code;
	return NULL;
}

bool asm_shorten_clocks(const struct buffer *in, struct buffer *out)
{
	const char *p = in->data, *end = in->data + in->len;
	bool found = false;

	out->len = 0;
	while (p < end) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));
		const char *line_end = newline ? newline : end;
		const char *code = code_for(p, (size_t)(line_end - p));
		buffer_add(out, p, (size_t)(line_end - p));
		if (code) {
			buffer_add(out, code, strlen(code));
			found = true;
		}
		if (newline)
			buffer_add(out, "\n", 1);
		p = newline ? newline + 1 : end;
	}
	return found;
}
