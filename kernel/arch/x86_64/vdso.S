/*
 * The vDSO: what the program finds at AT_SYSINFO_EHDR and takes for a shared object (ELF
 * specification; LSB core "symbol versioning"; vdso(7)). There is no second copy of it anywhere:
 * header and functions (vdso.c) lie in the image's own text, one after the other (image.ld), and
 * symbol values are distances from the header. Load address and file offset are the same.
 */
#define OFFSET(sym) sym - vdso_header

	.section .vdso.head, "a"
	.balign 64
	.globl	vdso_header
vdso_header:
	.byte	0x7f, 'E', 'L', 'F', 2 /* 64 bit */, 1 /* little endian */, 1, 0
	.quad	0
	.short	3, 62 /* ET_DYN, EM_X86_64 */
	.long	1
	.quad	0 /* no entry */
	.quad	OFFSET(program_headers)
	.quad	0 /* no sections */
	.long	0
	.short	64, 56, 2, 64, 0, 0

program_headers:
	.long	1, 5 /* PT_LOAD, R+X */
	.quad	0, 0, 0
	.quad	__vdso_end - vdso_header, __vdso_end - vdso_header
	.quad	64
	.long	2, 4 /* PT_DYNAMIC, R */
	.quad	OFFSET(dynamic), OFFSET(dynamic), OFFSET(dynamic)
	.quad	dynamic_end - dynamic, dynamic_end - dynamic
	.quad	8

dynamic:
	.quad	14, name_soname - strings /* DT_SONAME */
	.quad	4, OFFSET(hash)
	.quad	5, OFFSET(strings)
	.quad	6, OFFSET(symbols)
	.quad	10, strings_end - strings /* DT_STRSZ */
	.quad	11, 24			 /* DT_SYMENT */
	.quad	0x6ffffff0, OFFSET(versym)
	.quad	0x6ffffffc, OFFSET(verdef)
	.quad	0x6ffffffd, 2 /* DT_VERDEFNUM */
	.quad	0, 0
dynamic_end:

/* Global functions; any section index but 0 says "defined". */
.macro	symbol name
	.long	name_\name - strings
	.byte	0x12, 0
	.short	1
	.quad	OFFSET(\name)
	.quad	0
.endm

symbols:
	.quad	0, 0, 0
	symbol	__vdso_clock_gettime
	symbol	__vdso_gettimeofday
	symbol	__vdso_time
	symbol	__vdso_clock_getres
	symbol	__vdso_getcpu

#define NSYMBOLS 6

/* One bucket holds them all: the hash function does not matter then. */
hash:
	.long	1, NSYMBOLS
	.long	1
	.long	0, 2, 3, 4, 5, 0

	.balign	2
versym:
	.short	0, 2, 2, 2, 2, 2

	.balign	8
verdef:
	.short	1, 1, 1, 1 /* the file itself */
	.long	0x0deebfa1 /* ELF hash of its name */
	.long	20, 28
	.long	name_soname - strings, 0
	.short	1, 0, 2, 1
	.long	0x03ae75f6 /* of LINUX_2.6 */
	.long	20, 0
	.long	name_version - strings, 0

strings:
	.byte	0
name_soname:
	.asciz	"linux-vdso.so.1"
name_version:
	.asciz	"LINUX_2.6"
name___vdso_clock_gettime:
	.asciz	"__vdso_clock_gettime"
name___vdso_gettimeofday:
	.asciz	"__vdso_gettimeofday"
name___vdso_time:
	.asciz	"__vdso_time"
name___vdso_clock_getres:
	.asciz	"__vdso_clock_getres"
name___vdso_getcpu:
	.asciz	"__vdso_getcpu"
strings_end:

	.section .note.GNU-stack, "", @progbits
