/*
 * The instructions that touch the program's memory for mm/uaccess.c. Each may fault; the page fault
 * handler then goes on at its entry in __ex_table. Unrolled 64-bit moves, for the reason that
 * lib/string.c gives. All return the bytes that were *not* done, in rax; callee-saved registers are
 * left alone and direction is up.
 */
	.macro may_fault fixup, insn:vararg
771:	\insn
	.pushsection __ex_table, "a", @progbits
	.balign 16
	.quad 771b, \fixup
	.popsection
	.endm

	.macro function name
	.section .text.\name, "ax"
	.balign 16
	.globl \name
	.type \name, @function
\name:
	.endm

/* size_t uaccess_copy(void *dst, const void *src, size_t n) */
function uaccess_copy
	movq	%rdx, %rax
	subq	$32, %rax
	jb	2f
1:	may_fault 6f, movq (%rsi), %rcx
	may_fault 6f, movq 8(%rsi), %r8
	may_fault 6f, movq 16(%rsi), %r9
	may_fault 6f, movq 24(%rsi), %r10
	may_fault 6f, movq %rcx, (%rdi)
	may_fault 6f, movq %r8, 8(%rdi)
	may_fault 6f, movq %r9, 16(%rdi)
	may_fault 6f, movq %r10, 24(%rdi)
	addq	$32, %rsi
	addq	$32, %rdi
	subq	$32, %rax
	jae	1b
2:	addq	$32, %rax
	cmpq	$8, %rax
	jb	4f
3:	may_fault 7f, movq (%rsi), %rcx
	may_fault 7f, movq %rcx, (%rdi)
	addq	$8, %rsi
	addq	$8, %rdi
	subq	$8, %rax
	cmpq	$8, %rax
	jae	3b
4:	testq	%rax, %rax
	jz	8f
5:	may_fault 8f, movb (%rsi), %cl
	may_fault 8f, movb %cl, (%rdi)
	incq	%rsi
	incq	%rdi
	decq	%rax
	jnz	5b
	ret
	/* A word faulted: what is before the bad page is still owed, byte by byte. */
6:	addq	$32, %rax
7:	jmp	4b
8:	ret
	.size uaccess_copy, . - uaccess_copy

/* size_t uaccess_zero(void *dst, size_t n) */
function uaccess_zero
	movq	%rsi, %rax
	xorl	%ecx, %ecx
	subq	$32, %rax
	jb	2f
1:	may_fault 6f, movq %rcx, (%rdi)
	may_fault 6f, movq %rcx, 8(%rdi)
	may_fault 6f, movq %rcx, 16(%rdi)
	may_fault 6f, movq %rcx, 24(%rdi)
	addq	$32, %rdi
	subq	$32, %rax
	jae	1b
2:	addq	$32, %rax
4:	testq	%rax, %rax
	jz	8f
5:	may_fault 8f, movb %cl, (%rdi)
	incq	%rdi
	decq	%rax
	jnz	5b
	ret
6:	addq	$32, %rax
	jmp	4b
8:	ret
	.size uaccess_zero, . - uaccess_zero

/* int uaccess_load32(uint32_t *value, const void *src): 0, else the load faulted */
function uaccess_load32
	movl	$4, %eax
	may_fault 1f, movl (%rsi), %ecx
	movl	%ecx, (%rdi)
	xorl	%eax, %eax
1:	ret
	.size uaccess_load32, . - uaccess_load32

/* int uaccess_store32(void *dst, uint32_t value) */
function uaccess_store32
	movl	$4, %eax
	may_fault 1f, movl %esi, (%rdi)
	xorl	%eax, %eax
1:	ret
	.size uaccess_store32, . - uaccess_store32

/* int uaccess_cmpxchg32(void *addr, uint32_t *old, uint32_t desired) */
function uaccess_cmpxchg32
	movl	(%rsi), %eax
	may_fault 1f, lock cmpxchgl %edx, (%rdi)
	movl	%eax, (%rsi)
	xorl	%eax, %eax
	ret
1:	movl	$4, %eax
	ret
	.size uaccess_cmpxchg32, . - uaccess_cmpxchg32

/* long uaccess_strncpy(char *dst, const char *src, size_t size): the length, size if no NUL was
 * met in as many bytes, -1 for a fault */
function uaccess_strncpy
	xorl	%eax, %eax
1:	cmpq	%rdx, %rax
	je	2f
	may_fault 3f, movb (%rsi,%rax), %cl
	movb	%cl, (%rdi,%rax)
	testb	%cl, %cl
	jz	2f
	incq	%rax
	jmp	1b
2:	ret
3:	movq	$-1, %rax
	ret
	.size uaccess_strncpy, . - uaccess_strncpy

	.section .note.GNU-stack, "", @progbits
