/* Descriptor tables and trap dispatch. Intel SDM volume 3 chapters 3, 5 and 6. */
#include <asm/siginfo.h>
#include <asm/signal.h>
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/image.h"
#include "arch/x86_64/percpu.h"
#include "arch/x86_64/traps.h"
#include "dev/irq.h"
#include "lib/crash.h"
#include "lib/printk.h"
#include "lib/string.h"
#include "mm/mm.h"
#include "mm/page.h"
#include "mm/uaccess.h"
#include "sched/sched.h"
#include "sched/thread.h"

#define IST_STACK_SIZE 4096
#define EXCEPTIONS     32

enum { IST_TRAP = 1, IST_NMI, IST_DOUBLE_FAULT, IST_MACHINE_CHECK, IST_COUNT = IST_MACHINE_CHECK };

struct tss {
	uint32_t reserved0;
	uint64_t rsp[3];
	uint64_t reserved1;
	uint64_t ist[7];
	uint64_t reserved2;
	uint16_t reserved3, iomap_base;
} __attribute__((packed));

struct idt_entry {
	uint16_t offset_low, selector;
	uint8_t ist, type;
	uint16_t offset_mid;
	uint32_t offset_high, reserved;
};

struct table_pointer {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

struct percpu boot_cpu;
bool cpu_has_fsgsbase;
static struct thread boot_thread;
static uint64_t gdt[5];
static struct tss tss;
static struct idt_entry idt[256];
static unsigned absent_vector; /* whose gate is not present, or 0 */
static char ist_stacks[IST_COUNT][IST_STACK_SIZE] __attribute__((aligned(16)));
static char crash_stack[8192] __attribute__((aligned(16)));

extern char trap_stubs[], exit_window[], exit_window_end[], exit_slow[], syscall_lstar[];
extern char idle_halt[], idle_halt_end[];
void run_on_stack(void (*fn)(void *), void *arg, void *stack_top) __attribute__((noreturn));

/* Called from entry.S. */
void trap_from_kernel(struct trap_frame *f);
void trap_from_program(struct trap_frame *f);
void exit_from_syscall(struct trap_frame *f);
void sigreturn_to_program(struct trap_frame *f);

_Static_assert(offsetof(struct percpu, thread) == PERCPU_THREAD, "entry.S");
_Static_assert(offsetof(struct thread, user_rsp) == THREAD_USER_RSP, "entry.S");
_Static_assert(offsetof(struct thread, kstack_top) == THREAD_KSTACK_TOP, "entry.S");
_Static_assert(offsetof(struct thread, flags) == THREAD_FLAGS, "entry.S");
_Static_assert(offsetof(struct thread, fpu_live) == THREAD_FPU_LIVE, "entry.S");
_Static_assert(sizeof(struct trap_frame) == TRAP_FRAME_SIZE, "entry.S");
_Static_assert(offsetof(struct trap_frame, rip) == TRAP_FRAME_RIP, "entry.S");
_Static_assert(offsetof(struct thread, syscall_limit) == THREAD_SYSCALL_LIMIT, "entry.S");

bool in_kernel_text(uintptr_t rip)
{
	return rip >= (uintptr_t)__kernel_text_start && rip < (uintptr_t)__kernel_text_end;
}

static void set_gate(unsigned vector, unsigned ist)
{
	uint64_t stub = (uint64_t)trap_stubs + vector * 16;

	idt[vector] = (struct idt_entry){
	    .offset_low = (uint16_t)stub,
	    .selector = KERNEL_CS,
	    .ist = (uint8_t)ist,
	    .type = 0x8e, /* present, 64-bit interrupt gate */
	    .offset_mid = (uint16_t)(stub >> 16),
	    .offset_high = (uint32_t)(stub >> 32),
	};
}

void traps_init_cpu(void)
{
	uint64_t base = (uint64_t)&tss;

	gdt[KERNEL_CS / 8] = 0x00af9b000000ffff;
	gdt[KERNEL_DS / 8] = 0x00cf93000000ffff;
	gdt[KERNEL_TSS / 8] =
	    (sizeof tss - 1) | (base & 0xffffff) << 16 | 0x89ull << 40 | (base >> 24 & 0xff) << 56;
	gdt[KERNEL_TSS / 8 + 1] = base >> 32;
	for (unsigned i = 0; i < IST_COUNT; i++)
		tss.ist[i] = (uint64_t)(ist_stacks[i] + IST_STACK_SIZE);
	tss.iomap_base = sizeof tss;

	struct table_pointer gp = {sizeof gdt - 1, (uint64_t)gdt};
	struct table_pointer ip = {sizeof idt - 1, (uint64_t)idt};
	__asm__ volatile("lgdt %0; ltr %w1" : : "m"(gp), "r"(KERNEL_TSS) : "memory");

	for (unsigned v = 0; v < 256; v++)
		set_gate(v, IST_TRAP);
	set_gate(2, IST_NMI);
	set_gate(8, IST_DOUBLE_FAULT);
	set_gate(18, IST_MACHINE_CHECK);
	__asm__ volatile("lidt %0" : : "m"(ip) : "memory");

	/* Something for trap code to find before there are threads. */
	boot_cpu.self = &boot_cpu;
	boot_cpu.thread = &boot_thread;
	boot_thread.sig.blocked = ~0ul; /* waits at boot are not interrupted */
	list_init(&boot_cpu.rq.ready);
	wrmsr(MSR_GS_BASE, (uint64_t)&boot_cpu);

	cpu_has_fsgsbase = cpuid(0, 0).eax >= 7 && (cpuid(7, 0).ebx & 1);
	if (cpu_has_fsgsbase)
		write_cr4(read_cr4() | CR4_FSGSBASE);

	/* SYSCALL: CS from STAR[47:32], SS the one after it; both are ring 0 already. The flags
	 * that a function would find clear are cleared: TF, DF, AC. */
	wrmsr(MSR_STAR, (uint64_t)KERNEL_CS << 32);
	wrmsr(MSR_LSTAR, (uint64_t)syscall_lstar);
	wrmsr(MSR_FMASK, 1u << 8 | 1u << 10 | 1u << 18);
}

void trap_by_absent_gate(unsigned vector)
{
	absent_vector = vector;
	idt[vector].type &= 0x7f;
}

/* Makes such an interrupt out of a segment-not-present exception whose error code names the IDT.
 * Which of its entries is not asked: older versions of QEMU name twice the number. */
static void absent_gate(struct trap_frame *f)
{
	if (f->vector == 11 && absent_vector && f->error & 2) {
		f->vector = absent_vector;
		f->error = 0;
	}
}

struct crash {
	struct trap_frame frame;
	const char *why;
};

static void crash_on_stack(void *arg)
{
	struct crash *c = arg;

	crash_report(&c->frame, c->why);
}

/* Leaves the IST stack first: the report reads memory that may fault. */
static void crash(const struct trap_frame *f, const char *why)
{
	static struct crash c;

	c.frame = *f;
	c.why = why;
	run_on_stack(crash_on_stack, &c, crash_stack + sizeof crash_stack);
}

static void note_irq(uint64_t vector)
{
	struct percpu *cpu = this_cpu();

	__atomic_fetch_or(&cpu->irq_pending[vector / 64], 1ull << (vector % 64), __ATOMIC_RELAXED);
	atomic_fetch_or(&cpu->thread->flags, THREAD_IRQ_WORK);
}

static unsigned fault_flags(uint64_t error)
{
	return (error & 2 ? FAULT_WRITE : 0) | (error & 16 ? FAULT_EXEC : 0);
}

static void leave_exit_window(struct trap_frame *f)
{
	if (f->rip >= (uintptr_t)exit_window && f->rip < (uintptr_t)exit_window_end)
		f->rip = (uintptr_t)exit_slow;
}

/* On the IST stack, interrupts off. Must not block. */
void trap_from_kernel(struct trap_frame *f)
{
	absent_gate(f);
	if (f->vector >= EXCEPTIONS) {
		note_irq(f->vector);
		leave_exit_window(f);
		if (f->rip == (uintptr_t)idle_halt)
			f->rip = (uintptr_t)idle_halt_end;
		return;
	}
	if (f->vector == 14) {
		uintptr_t addr = read_cr2();

		if (addr < USER_END && mm_fault(addr, fault_flags(f->error)) == FAULT_OK) {
			leave_exit_window(f); /* which touches the program's stack */
			return;
		}
		if (uaccess_fixup(&f->rip))
			return;
		crash(f, addr < PAGE_SIZE ? "the kernel followed a null pointer"
					  : "the kernel touched memory that is not there");
	}
	if (f->vector == 13 && uaccess_fixup(&f->rip)) /* a non-canonical address */
		return;
	crash(f, "exception in the kernel");
}

bool irq_pending(void)
{
	const uint64_t *p = this_cpu()->irq_pending;

	return __atomic_load_n(&p[0], __ATOMIC_RELAXED) | __atomic_load_n(&p[1], __ATOMIC_RELAXED) |
	       __atomic_load_n(&p[2], __ATOMIC_RELAXED) | __atomic_load_n(&p[3], __ATOMIC_RELAXED);
}

unsigned irq_take_pending_above(unsigned vector)
{
	uint64_t *p = this_cpu()->irq_pending;

	for (unsigned i = 4; i-- > vector / 64;) {
		uint64_t bits = p[i];

		if (i == vector / 64)
			bits &= ~0ull << (vector % 64) << 1;
		if (bits) {
			unsigned bit = 63u - (unsigned)__builtin_clzll(bits);

			p[i] &= ~(1ull << bit);
			return i * 64 + bit;
		}
	}
	return 0;
}

static void run_irq(unsigned vector)
{
	struct percpu *cpu = this_cpu();

	cpu->in_irq = true;
	irq_dispatch(vector);
	cpu->in_irq = false;
}

void irq_run_pending(void)
{
	struct percpu *cpu = this_cpu();

	atomic_fetch_and(&cpu->thread->flags, ~THREAD_IRQ_WORK);
	for (int i = 3; i >= 0; i--) { /* high vectors, of higher priority, first */
		uint64_t bits = __atomic_exchange_n(&cpu->irq_pending[i], 0, __ATOMIC_RELAXED);

		while (bits) {
			unsigned bit = 63u - (unsigned)__builtin_clzll(bits);

			bits &= ~(1ull << bit);
			run_irq((unsigned)i * 64 + bit);
		}
	}
}

void exit_work(struct trap_frame *f, long nr)
{
	struct thread *t = current;

	t->frame = f;
	for (;;) {
		interrupts_off();
		uint32_t flags = atomic_load(&t->flags);
		if (!flags)
			break;
		interrupts_on();
		if (flags & THREAD_IRQ_WORK)
			irq_run_pending();
		if (flags & THREAD_NEED_RESCHED)
			thread_preempt();
		if (flags & THREAD_SIGPENDING) {
			signal_deliver(f, nr);
			nr = -1; /* a result is restarted or turned into EINTR once */
		}
	}
	t->frame = NULL;
}

void exit_from_syscall(struct trap_frame *f)
{
	long nr = (long)f->error;

	f->rsp = current->user_rsp;
	f->error = 0;
	exit_work(f, nr);
}

void sigreturn_to_program(struct trap_frame *f)
{
	struct thread *t = current;

	memset(f, 0, sizeof *f);
	f->rsp = t->user_rsp;
	f->cs = KERNEL_CS;
	f->ss = KERNEL_DS;
	f->rflags = RFLAGS_IF | 2;
	t->frame = f;
	t->fpu_live = 1;
	signal_return(f);
	exit_work(f, -1);
}

/* x87 and SSE exceptions: which one, by the status bits that are not masked. */
static int fpe_code(bool sse)
{
	uint32_t bits;

	if (sse) {
		uint32_t mxcsr;

		__asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
		bits = mxcsr & ~(mxcsr >> 7);
	} else {
		uint16_t cw, sw;

		__asm__ volatile("fnstcw %0; fnstsw %1" : "=m"(cw), "=m"(sw));
		bits = (uint32_t)(sw & ~cw);
	}
	if (bits & 1)
		return FPE_FLTINV;
	if (bits & 4)
		return FPE_FLTDIV;
	if (bits & 8)
		return FPE_FLTOVF;
	if (bits & (16 | 2))
		return FPE_FLTUND;
	return FPE_FLTRES;
}

/* The signal that Linux raises for each exception of a program (arch/x86, signal(7)). */
static void program_exception(struct trap_frame *f, uintptr_t cr2)
{
	switch (f->vector) {
	case 0:
		signal_fault(f, SIGFPE, FPE_INTDIV, f->rip);
		break;
	case 1:
		signal_fault(f, SIGTRAP, TRAP_TRACE, f->rip);
		break;
	case 3:
		signal_fault(f, SIGTRAP, SI_KERNEL, 0);
		break;
	case 6:
		signal_fault(f, SIGILL, ILL_ILLOPN, f->rip);
		break;
	case 12:
		signal_fault(f, SIGBUS, SI_KERNEL, 0);
		break;
	case 14:
		switch (cr2 < USER_END ? mm_fault(cr2, fault_flags(f->error)) : FAULT_MAPERR) {
		case FAULT_OK:
			break;
		case FAULT_MAPERR:
			signal_fault(f, SIGSEGV, SEGV_MAPERR, cr2);
			break;
		case FAULT_ACCERR:
			signal_fault(f, SIGSEGV, SEGV_ACCERR, cr2);
			break;
		case FAULT_BUS:
			signal_fault(f, SIGBUS, BUS_ADRERR, cr2);
			break;
		}
		break;
	case 16:
	case 19:
		signal_fault(f, SIGFPE, fpe_code(f->vector == 19), f->rip);
		break;
	case 17:
		signal_fault(f, SIGBUS, BUS_ADRALN, 0);
		break;
	case 2:
	case 8:
	case 18:
		crash(f, "hardware reports a fault");
		break;
	default:
		signal_fault(f, SIGSEGV, SI_KERNEL, 0);
		break;
	}
}

/* On the thread's kernel stack, interrupts off. Returns with interrupts off. */
void trap_from_program(struct trap_frame *f)
{
	uintptr_t cr2 = f->vector == 14 ? read_cr2() : 0;

	absent_gate(f);
	interrupts_on();
	current->frame = f;
	if (f->vector >= EXCEPTIONS)
		run_irq((unsigned)f->vector);
	else
		program_exception(f, cr2);
	exit_work(f, -1);
}
