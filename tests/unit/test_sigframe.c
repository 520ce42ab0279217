/* unit: kernel/arch/x86_64/sigframe.c */
/* The frame of a handler: laid out as glibc's ucontext_t, and taken back as it was. */
#define _GNU_SOURCE 1 /* the names of registers in gregs */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <asm/errno.h>
#include <ucontext.h>
#include "arch/x86_64/fpu.h"
#include "arch/x86_64/sigframe.h"

#define OFFSET(ours, theirs)                                                                       \
	_Static_assert(offsetof(struct sigframe_ucontext, ours) == offsetof(ucontext_t, theirs),   \
		       #ours)
OFFSET(flags, uc_flags);
OFFSET(link, uc_link);
OFFSET(stack.sp, uc_stack.ss_sp);
OFFSET(stack.flags, uc_stack.ss_flags);
OFFSET(stack.size, uc_stack.ss_size);
OFFSET(mask, uc_sigmask);
OFFSET(registers.r8, uc_mcontext.gregs[REG_R8]);
OFFSET(registers.r9, uc_mcontext.gregs[REG_R9]);
OFFSET(registers.r10, uc_mcontext.gregs[REG_R10]);
OFFSET(registers.r11, uc_mcontext.gregs[REG_R11]);
OFFSET(registers.r12, uc_mcontext.gregs[REG_R12]);
OFFSET(registers.r13, uc_mcontext.gregs[REG_R13]);
OFFSET(registers.r14, uc_mcontext.gregs[REG_R14]);
OFFSET(registers.r15, uc_mcontext.gregs[REG_R15]);
OFFSET(registers.rdi, uc_mcontext.gregs[REG_RDI]);
OFFSET(registers.rsi, uc_mcontext.gregs[REG_RSI]);
OFFSET(registers.rbp, uc_mcontext.gregs[REG_RBP]);
OFFSET(registers.rbx, uc_mcontext.gregs[REG_RBX]);
OFFSET(registers.rdx, uc_mcontext.gregs[REG_RDX]);
OFFSET(registers.rax, uc_mcontext.gregs[REG_RAX]);
OFFSET(registers.rcx, uc_mcontext.gregs[REG_RCX]);
OFFSET(registers.rsp, uc_mcontext.gregs[REG_RSP]);
OFFSET(registers.rip, uc_mcontext.gregs[REG_RIP]);
OFFSET(registers.rflags, uc_mcontext.gregs[REG_EFL]);
OFFSET(registers.cs, uc_mcontext.gregs[REG_CSGSFS]);
OFFSET(registers.error, uc_mcontext.gregs[REG_ERR]);
OFFSET(registers.trap_number, uc_mcontext.gregs[REG_TRAPNO]);
OFFSET(registers.old_mask, uc_mcontext.gregs[REG_OLDMASK]);
OFFSET(registers.cr2, uc_mcontext.gregs[REG_CR2]);
OFFSET(registers.fpstate, uc_mcontext.fpregs);

#include "sched/thread.h"
#include "mm/uaccess.h"
#include "arch/x86_64/frame.h"
#include <linux/signal.h>

_Static_assert(sizeof(siginfo_t) == sizeof(((struct sigframe *)0)->info), "siginfo");

/* The kernel around sigframe.c. */
size_t fpu_state_size = 1024;
uint64_t fpu_xcr0 = 7;
static uint8_t cpu_state[1024]; /* the vector registers */
static char xsave_area[1024] __attribute__((aligned(64)));
static struct thread self;
struct thread *current_thread = &self;
static uintptr_t readable_from, readable_to;

void fpu_save(void *area)
{
	memcpy(area, cpu_state, sizeof(cpu_state));
}

void fpu_restore(const void *area)
{
	memcpy(cpu_state, area, sizeof(cpu_state));
}

void fpu_init_area(void *area)
{
	memset(area, 0, fpu_state_size);
}

bool fpu_sanitize(void *area)
{
	(void)area;
	return true;
}

bool in_kernel_text(uintptr_t rip)
{
	return rip == 0x123000;
}

static bool within(uintptr_t p, size_t n)
{
	return p >= readable_from && p + n <= readable_to;
}

int copy_to_user(uintptr_t dst, const void *src, size_t n)
{
	if (!within(dst, n))
		return -EFAULT;
	memcpy((void *)dst, src, n);
	return 0;
}

int copy_from_user(void *dst, uintptr_t src, size_t n)
{
	if (!within(src, n))
		return -EFAULT;
	memcpy(dst, (void *)src, n);
	return 0;
}

bool signal_on_altstack(const struct thread *t, uintptr_t sp)
{
	const struct signal_state *s = &t->sig;
	return s->altstack_size && sp > s->altstack_sp && sp - s->altstack_sp <= s->altstack_size;
}

static uint8_t stack[16384] __attribute__((aligned(64)));
static uint8_t altstack[8192] __attribute__((aligned(64)));

static struct trap_frame frame_at(uintptr_t rsp)
{
	struct trap_frame f;
	uint64_t *w = (uint64_t *)&f;
	for (size_t i = 0; i < sizeof(f) / 8; i++)
		w[i] = 0x1000 + i;
	f.rsp = rsp;
	f.rip = 0x400000;
	f.rflags = 0x202 | 0x400 | 0x1;
	f.cs = 8;
	f.ss = 16;
	return f;
}

static const struct sigframe_handler handler = {
    .entry = 0x401000, .restorer = 0x402000, .flags = SA_RESTORER, .mask = 0x55};

static int setup(void **state)
{
	(void)state;
	memset(&self, 0, sizeof(self));
	self.xsave = xsave_area;
	readable_from = (uintptr_t)stack;
	readable_to = readable_from + sizeof(stack);
	for (size_t i = 0; i < sizeof(cpu_state); i++)
		cpu_state[i] = (uint8_t)(i * 7);
	return 0;
}

static void test_round_trip(void **state)
{
	(void)state;
	siginfo_t info;
	memset(&info, 0x5a, sizeof(info));
	uint8_t vectors[sizeof(cpu_state)];
	memcpy(vectors, cpu_state, sizeof(vectors));
	struct trap_frame f = frame_at((uintptr_t)stack + sizeof(stack) - 8), before = f;
	assert_int_equal(sigframe_push(&f, 11, &info, &handler), 0);

	assert_int_equal(f.rip, 0x401000);
	assert_int_equal(f.rdi, 11);
	assert_int_equal(f.rax, 0);
	assert_int_equal(f.rsp % 16, 8);
	assert_int_equal(f.rflags, 0x203); /* DF is clear */
	assert_int_equal(f.cs, 8);
	assert_true(f.rsp < before.rsp - 128 - 1024);
	assert_int_equal(*(uint64_t *)f.rsp, 0x402000);
	assert_memory_equal((void *)f.rsi, &info, sizeof(info));
	const ucontext_t *uc = (const void *)f.rdx;
	assert_int_equal(uc->uc_mcontext.gregs[REG_RIP], 0x400000);
	assert_int_equal(uc->uc_mcontext.gregs[REG_RSP], before.rsp);
	assert_int_equal(uc->uc_mcontext.gregs[REG_CSGSFS], 0x002b000000000033);
	assert_int_equal(*(const uint64_t *)&uc->uc_sigmask, 0x55);
	const uint8_t *fp = (const void *)uc->uc_mcontext.fpregs;
	assert_int_equal((uintptr_t)fp % 64, 0);
	assert_memory_equal(fp, vectors, 464);
	assert_int_equal(*(const uint32_t *)(fp + 464), 0x46505853);
	assert_int_equal(*(const uint32_t *)(fp + 468), 1028);
	assert_int_equal(*(const uint32_t *)(fp + 480), 1024);
	assert_int_equal(*(const uint32_t *)(fp + 1024), 0x46505845);

	/* The handler returns; the restorer's call left RSP above the return address. */
	memset(cpu_state, 0, sizeof(cpu_state));
	struct trap_frame g;
	memset(&g, 0, sizeof(g));
	g.rsp = f.rsp + 8;
	g.cs = 8;
	g.ss = 16;
	g.rflags = 0x202;
	g.vector = before.vector;
	g.error = before.error;
	struct sigframe_ucontext back;
	assert_int_equal(sigframe_pop(&g, &back), 0);
	assert_memory_equal(&g, &before, sizeof(g));
	assert_int_equal(back.mask, 0x55);
	assert_memory_equal(cpu_state, vectors, 464);
	assert_memory_equal(cpu_state + 512, vectors + 512, sizeof(vectors) - 512);
}

static void test_altstack(void **state)
{
	(void)state;
	siginfo_t info;
	memset(&info, 0, sizeof(info));
	struct sigframe_handler h = handler;
	h.flags |= SA_ONSTACK;
	self.sig.altstack_sp = (uintptr_t)altstack;
	self.sig.altstack_size = sizeof(altstack);
	readable_from = (uintptr_t)altstack;
	readable_to = readable_from + sizeof(altstack);
	struct trap_frame f = frame_at(64); /* a stack that is no good */
	assert_int_equal(sigframe_push(&f, 11, &info, &h), 0);
	assert_true(within(f.rsp, sizeof(struct sigframe)));
	/* Nested: goes on below, and stops at the end. */
	uintptr_t first = f.rsp;
	assert_int_equal(sigframe_push(&f, 11, &info, &h), 0);
	assert_true(f.rsp < first - 128);
	readable_from -= 8192;
	int r = 0;
	for (int i = 0; i < 16 && r == 0; i++)
		r = sigframe_push(&f, 11, &info, &h);
	assert_int_equal(r, -EFAULT);
	assert_true(f.rsp >= (uintptr_t)altstack);
	readable_from += 8192;

	self.sig.altstack_flags = SS_AUTODISARM;
	f = frame_at(64);
	assert_int_equal(sigframe_push(&f, 11, &info, &h), 0);
	assert_int_equal(self.sig.altstack_size, 0);
	const ucontext_t *uc = (const void *)f.rdx;
	assert_int_equal(uc->uc_stack.ss_size, sizeof(altstack));
}

static void test_refused(void **state)
{
	(void)state;
	siginfo_t info;
	memset(&info, 0, sizeof(info));
	struct trap_frame f = frame_at((uintptr_t)stack + 100), before = f;
	assert_int_equal(sigframe_push(&f, 11, &info, &handler), -EFAULT);
	f = before = frame_at((uintptr_t)stack + sizeof(stack));
	struct sigframe_handler h = handler;
	h.flags = 0;
	assert_int_equal(sigframe_push(&f, 11, &info, &h), -EFAULT);
	h = handler;
	h.entry = 1ul << 63;
	assert_int_equal(sigframe_push(&f, 11, &info, &h), -EFAULT);
	assert_memory_equal(&f, &before, sizeof(f));

	struct sigframe_ucontext uc;
	assert_int_equal(sigframe_push(&f, 11, &info, &handler), 0);
	f.rsp += 8;
	struct trap_frame g = f;
	((ucontext_t *)f.rdx)->uc_mcontext.gregs[REG_RIP] = 0x123000;
	assert_int_equal(sigframe_pop(&g, &uc), -EFAULT);
	g = f;
	g.rsp = 64;
	assert_int_equal(sigframe_pop(&g, &uc), -EFAULT);
}

static void test_selectors_and_flags_stay(void **state)
{
	(void)state;
	siginfo_t info;
	memset(&info, 0, sizeof(info));
	struct trap_frame f = frame_at((uintptr_t)stack + sizeof(stack));
	assert_int_equal(sigframe_push(&f, 11, &info, &handler), 0);
	ucontext_t *uc = (void *)f.rdx;
	uc->uc_mcontext.gregs[REG_CSGSFS] = -1;
	uc->uc_mcontext.gregs[REG_EFL] = -1;
	f.rsp += 8;
	struct sigframe_ucontext back;
	assert_int_equal(sigframe_pop(&f, &back), 0);
	assert_int_equal(f.cs, 8);
	assert_int_equal(f.ss, 16);
	assert_int_equal(f.rflags, 0x202 | 0x50dd5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(test_round_trip, setup),
	    cmocka_unit_test_setup(test_altstack, setup),
	    cmocka_unit_test_setup(test_refused, setup),
	    cmocka_unit_test_setup(test_selectors_and_flags_stay, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
