/*
 * The border between the program and the kernel: system calls, traps, and the way back.
 *
 * THE WAY BACK. The last instructions of a system call (exit_window) run with interrupts on and
 * without a lock. An interrupt there that leaves work to do (a signal, a thread to switch to) finds
 * no later point where it would be noticed, so the trap code moves such an interrupted RIP to
 * exit_slow. All instructions of the window can be abandoned at any point: what they write is a
 * return address that lay there before.
 */
#include "arch/x86_64/percpu.h"

	.text

/*
 * Both doors, on the kernel stack, R11 = thread, RCX = return address: pushes struct syscall_regs
 * (sys/syscall_regs.h) and makes the call. Numbers that are unknown, and any of a traced thread, go
 * to \special.
 */
	.macro	MAKE_CALL special
	pushq	%rcx
	pushq	%rax
	pushq	%rdi
	pushq	%rsi
	pushq	%rdx
	pushq	%r10
	pushq	%r8
	pushq	%r9
	cmpq	THREAD_SYSCALL_LIMIT(%r11), %rax
	jae	\special
	movq	%r10, %rcx
	call	*syscall_table(, %rax, 8)
	.endm

/* Back to R11 = thread, RCX = return address and the program's other registers. */
	.macro	RESTORE_REGS
	popq	%r9
	popq	%r8
	popq	%r10
	popq	%rdx
	popq	%rsi
	popq	%rdi
	addq	$8, %rsp
	popq	%rcx
	movq	%gs:PERCPU_THREAD, %r11
	.endm

/*
 * unigornel_syscall: called by the program in place of SYSCALL. RAX = number, RDI RSI RDX R10 R8 R9 =
 * arguments; result in RAX; RCX and R11 lost, everything else kept. The caller's stack may have only
 * the return address left, so it is left at once. The address is put back for the end, since CPUs
 * predict returns by the calls they have seen: a JMP would have them guess wrong in every caller.
 */
	.globl	unigornel_syscall
	.type	unigornel_syscall, @function
unigornel_syscall:
	popq	%rcx
	movq	%gs:PERCPU_THREAD, %r11
	movl	$0, THREAD_FPU_LIVE(%r11) /* Go's assembly keeps nothing in vector registers */
	movq	%rsp, THREAD_USER_RSP(%r11)
	movq	THREAD_KSTACK_TOP(%r11), %rsp
	MAKE_CALL call_special
call_exit:
	RESTORE_REGS
	.globl	exit_window, exit_window_end, exit_slow
exit_window:
	cmpl	$0, THREAD_FLAGS(%r11)
	jne	exit_slow
	movq	THREAD_USER_RSP(%r11), %rsp
1:	pushq	%rcx
2:	ret
	/* The program took its stack away; the slow way does not need it. */
	.pushsection __ex_table, "a", @progbits
	.balign	16
	.quad	1b, exit_slow, 2b, exit_slow
	.popsection
lstar_window:
	cmpl	$0, THREAD_FLAGS(%r11)
	jne	exit_slow
	movq	THREAD_USER_RSP(%r11), %rsp
	jmp	*%rcx
exit_window_end:
	.size	unigornel_syscall, . - unigornel_syscall

/*
 * MSR_LSTAR: a SYSCALL instruction that was not rewritten (musl, C code). RCX = return address.
 * A C compiler may keep values in vector registers over it, and below the stack pointer.
 */
	.globl	syscall_lstar
	.type	syscall_lstar, @function
syscall_lstar:
	movq	%gs:PERCPU_THREAD, %r11
	movl	$1, THREAD_FPU_LIVE(%r11)
	movq	%rsp, THREAD_USER_RSP(%r11)
	movq	THREAD_KSTACK_TOP(%r11), %rsp
	MAKE_CALL lstar_special
lstar_exit:
	RESTORE_REGS
	jmp	lstar_window
	.size	syscall_lstar, . - syscall_lstar

call_special:
	movq	$call_exit, %rcx
	jmp	syscall_special
lstar_special:
	movq	$lstar_exit, %rcx
/* RCX = where to go on. The registers that C keeps are saved where clone finds them (sys/syscall.c). */
syscall_special:
	pushq	%rbp
	pushq	%rbx
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	movq	%rcx, %rbx
	movq	%rsp, %rdi
	call	special_syscall
	movq	%rbx, %rcx
	movq	32(%rsp), %rbx
	addq	$48, %rsp /* the others are unchanged */
	jmp	*%rcx

/*
 * The slow way back from a system call. RAX = result, RCX = return address, R11 = thread, everything
 * else as the program left it; the number is still on the kernel stack. Builds a full frame.
 */
exit_slow:
	movq	THREAD_KSTACK_TOP(%r11), %rsp
	movq	-16(%rsp), %r11
	pushq	$KERNEL_DS
	pushq	$0 /* rsp: exit_from_syscall fills it in */
	pushfq
	pushq	$KERNEL_CS
	pushq	%rcx
	pushq	%r11 /* number */
	pushq	$VECTOR_SYSCALL
	pushq	%rdi
	pushq	%rsi
	pushq	%rdx
	pushq	%rcx
	pushq	%rax
	pushq	%r8
	pushq	%r9
	pushq	%r10
	pushq	%r11
	pushq	%rbx
	pushq	%rbp
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	movq	%rsp, %rdi
	call	exit_from_syscall
	/* fall through: interrupts are off */

/* Loads the frame at RSP and goes to the program. Interrupts are off. */
	.globl	trap_return
trap_return:
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbp
	popq	%rbx
	popq	%r11
	popq	%r10
	popq	%r9
	popq	%r8
	popq	%rax
	popq	%rcx
	popq	%rdx
	popq	%rsi
	popq	%rdi
	addq	$16, %rsp
	iretq

/* rt_sigreturn(2): nothing of the call itself survives, so the frame is made on the empty stack. */
	.globl	sys_rt_sigreturn
sys_rt_sigreturn:
	movq	%gs:PERCPU_THREAD, %r11
	movq	THREAD_KSTACK_TOP(%r11), %rsp
	subq	$TRAP_FRAME_SIZE, %rsp
	movq	%rsp, %rdi
	call	sigreturn_to_program
	jmp	trap_return

/* clone(2) needs the registers that C keeps: hands a struct kept_regs (sys/syscall_regs.h). */
	.globl	sys_clone
sys_clone:
	pushq	%rbp
	pushq	%rbx
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	movq	%rsp, %rdi
	subq	$8, %rsp
	call	clone_with_regs
	addq	$56, %rsp
	ret

/* Where a new thread first comes out of switch_stacks: its frame is at the top of its stack. */
	.globl	thread_first_return
thread_first_return:
	movq	%rsp, %rdi
	call	thread_started
	jmp	trap_return

/* switch_stacks(uint64_t *save_sp, uint64_t load_sp): the switch between two kernel stacks. */
	.globl	switch_stacks
switch_stacks:
	pushq	%rbp
	pushq	%rbx
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	movq	%rsp, (%rdi)
	movq	%rsi, %rsp
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbx
	popq	%rbp
	ret

/*
 * idle_wait(): STI holds interrupts off until HLT has begun (SDM volume 2, STI), but not everywhere:
 * nested virtualization can lose that (QEMU's TCG forgets it when a guest of its guest is entered
 * again), and the interrupt comes in between. So the trap code takes one that hits idle_halt past the
 * HLT.
 */
	.globl	idle_wait, idle_halt, idle_halt_end
idle_wait:
	sti
idle_halt:
	hlt
idle_halt_end:
	ret

/* run_on_stack(void (*fn)(void *), void *arg, void *stack_top): never returns. */
	.globl	run_on_stack
run_on_stack:
	movq	%rdi, %rax
	movq	%rsi, %rdi
	movq	%rdx, %rsp
	xorl	%ebp, %ebp
	call	*%rax
	ud2

/*
 * Traps. Every stub pushes an error code where the CPU did not, and its vector. They run on the
 * per-CPU IST stack with interrupts off.
 */
	.macro	TRAP_STUBS
	.set	v, 0
	.rept	256
	.balign	16
	.if	(v == 8) || (v >= 10 && v <= 14) || v == 17 || v == 21 || v == 29 || v == 30
	.else
	pushq	$0
	.endif
	pushq	$v
	jmp	trap_common
	.set	v, v + 1
	.endr
	.endm

	.balign	16
	.globl	trap_stubs
trap_stubs:
	TRAP_STUBS

trap_common:
	pushq	%rdi
	pushq	%rsi
	pushq	%rdx
	pushq	%rcx
	pushq	%rax
	pushq	%r8
	pushq	%r9
	pushq	%r10
	pushq	%r11
	pushq	%rbx
	pushq	%rbp
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	cld
	movq	TRAP_FRAME_RIP(%rsp), %rax
	cmpq	$__kernel_text_start, %rax
	jb	from_program
	cmpq	$__kernel_text_end, %rax
	jae	from_program

	movq	%rsp, %rdi
	call	trap_from_kernel
	jmp	trap_return

from_program:
	/* Move the frame to the thread's kernel stack, which is empty while the program runs: the
	 * IST stack must be free for the next trap before anything can switch threads. */
	movq	%gs:PERCPU_THREAD, %rdx
	movl	$1, THREAD_FPU_LIVE(%rdx)
	movq	THREAD_KSTACK_TOP(%rdx), %rdi
	subq	$TRAP_FRAME_SIZE, %rdi
	movq	%rsp, %rsi
	movq	%rdi, %rdx
	movl	$TRAP_FRAME_SIZE / 8, %ecx
	rep movsq
	movq	%rdx, %rsp
	movq	%rsp, %rdi
	call	trap_from_program
	jmp	trap_return

	.section .note.GNU-stack, "", @progbits
