/*
 * The crash report: what is left to say when the kernel itself has failed. It takes no lock and
 * trusts no pointer: memory is read only where the page tables, walked by hand, say it is there.
 */
#include <stdatomic.h>
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/frame.h"
#include "arch/x86_64/percpu.h"
#include "hyper/hyper.h"
#include "lib/crash.h"
#include "lib/exitcode.h"
#include "lib/printk.h"
#include "lib/printk_internal.h"
#include "lib/string.h"
#include "lib/symbols.h"
#include "mm/page.h"
#include "mm/uaccess.h"
#include "sched/thread.h"
#include "sys/syscall_regs.h"
#include "sys/trace_table.h"

#define MAX_FRAMES 48

#define PTE_PRESENT 1ul
#define PTE_HUGE    (1ul << 7)
#define PTE_ADDRESS 0x000ffffffffff000ul

static atomic_int crashes;

static const char *const vector_names[] = {
    "divide error",
    "debug exception",
    "non-maskable interrupt",
    "breakpoint",
    "overflow",
    "bound range exceeded",
    "invalid opcode",
    "no floating-point unit",
    "double fault",
    "coprocessor segment overrun",
    "invalid TSS",
    "segment not present",
    "stack fault",
    "general protection fault",
    "page fault",
    "reserved",
    "x87 floating-point error",
    "alignment check",
    "machine check",
    "SIMD floating-point error",
    "virtualization exception",
    "control protection exception",
};

/* The last resort: an exception without handlers resets the machine (Intel SDM volume 3, 6.15). */
static void __attribute__((noreturn)) triple_fault(void)
{
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) none = {0, 0};

	for (;;)
		__asm__ volatile("lidt %0; int3" : : "m"(none));
}

/* The first crash may report; what goes wrong from then on ends the machine with ever less ado. */
static void begin_crash(void)
{
	__asm__ volatile("cli");
	printk_break_lock();
	switch (atomic_fetch_add(&crashes, 1)) {
	case 0:
		if (hyper)
			return;
		break;
	case 1:
		printk("\nunigornel: the crash report crashed too\n");
		hyper->shutdown(EXIT_KERNEL_PANIC);
	default:
		break;
	}
	triple_fault();
}

/* Reads an aligned word if the page tables map it (Intel SDM volume 3, 4.5). */
static bool safe_read(uintptr_t addr, uint64_t *value)
{
	uint64_t table;

	if (addr % sizeof(*value) || (addr >= USER_END && addr < DIRECT_MAP))
		return false;
	__asm__("mov %%cr3, %0" : "=r"(table));
	for (int shift = 39; shift >= PAGE_SHIFT; shift -= 9) {
		const uint64_t *entries = phys_to_virt(table & PTE_ADDRESS);
		table = entries[addr >> shift & 511];
		if (!(table & PTE_PRESENT))
			return false;
		if (table & PTE_HUGE && shift < 39)
			break;
	}
	*value = *(const uint64_t *)addr;
	return true;
}

/* after_call: address follows a call, which may be the last instruction of its function. */
static void print_frame(uintptr_t address, bool after_call)
{
	size_t offset;
	const char *name = symbol_lookup(address - after_call, &offset);

	if (name)
		printk("  %016lx %s+0x%zx\n", address, name, offset + after_call);
	else
		printk("  %016lx ?\n", address);
}

/* Where the program was when it entered the kernel: by a trap or a system call. */
static void print_border(void)
{
	const struct thread *t = current;
	uint64_t word, nr;

	if (!safe_read((uintptr_t)&t->frame, &word))
		return;
	if (word) {
		const struct trap_frame *f = (const struct trap_frame *)word;
		if (safe_read((uintptr_t)&f->rip, &word)) {
			printk("  ---- the program, interrupted at\n");
			print_frame(word, false);
		}
		return;
	}
	const struct syscall_regs *r = syscall_regs(t);
	if (safe_read((uintptr_t)&r->rip, &word) && safe_read((uintptr_t)&r->nr, &nr)) {
		const char *call = trace_call(nr);
		if (call)
			printk("  ---- the program, in %.*s\n", (int)(strchr(call, ':') - call),
			       call);
		else
			printk("  ---- the program, in system call %lu\n", nr);
		print_frame(word, true);
	}
}

static bool is_kernel_stack(uintptr_t p)
{
	return p >= DIRECT_MAP;
}

/*
 * Follows the chain of frame pointers, which C and Go both keep. The kernel's entry code leaves RBP
 * alone, so the chain goes on into the program; each stack is walked upwards only.
 */
static void backtrace(uintptr_t rbp)
{
	bool in_kernel = is_kernel_stack(rbp);

	for (int i = 0; i < MAX_FRAMES; i++) {
		uint64_t next, ret;
		if (!safe_read(rbp, &next) || !safe_read(rbp + 8, &ret) || !ret)
			return;
		print_frame(ret, true);
		if (in_kernel && !is_kernel_stack(next)) {
			print_border();
			in_kernel = false;
		} else if (next <= rbp) {
			return;
		}
		rbp = next;
	}
	printk("  ...\n");
}

static void print_thread(void)
{
	const struct thread *t = current;
	uint64_t word;

	if (safe_read((uintptr_t)t, &word))
		printk("thread %d \"%.16s\"", t->tid, t->name);
	else
		printk("no thread");
	printk(" on CPU %u\n", this_cpu()->id);
}

static void print_registers(const struct trap_frame *f)
{
	uint64_t cr2, cr3;

	__asm__("mov %%cr2, %0" : "=r"(cr2));
	__asm__("mov %%cr3, %0" : "=r"(cr3));
	printk("rip %016lx rsp %016lx rflags %08lx error %lx\n", f->rip, f->rsp, f->rflags,
	       f->error);
	printk("rax %016lx rbx %016lx rcx %016lx rdx %016lx\n", f->rax, f->rbx, f->rcx, f->rdx);
	printk("rsi %016lx rdi %016lx rbp %016lx r8  %016lx\n", f->rsi, f->rdi, f->rbp, f->r8);
	printk("r9  %016lx r10 %016lx r11 %016lx r12 %016lx\n", f->r9, f->r10, f->r11, f->r12);
	printk("r13 %016lx r14 %016lx r15 %016lx\n", f->r13, f->r14, f->r15);
	printk("cr2 %016lx cr3 %016lx\n", cr2, cr3);
}

static const char *vector_name(uint64_t vector)
{
	return vector < sizeof(vector_names) / sizeof(vector_names[0]) ? vector_names[vector]
								       : "interrupt";
}

void crash_report(const struct trap_frame *f, const char *why)
{
	begin_crash();
	printk("\nunigornel: kernel panic: %s (vector %lu, %s)\n", why, f->vector,
	       vector_name(f->vector));
	print_thread();
	print_registers(f);
	printk("backtrace:\n");
	print_frame(f->rip, false);
	backtrace(f->rbp);
	hyper->shutdown(EXIT_KERNEL_PANIC);
}

void panic(const char *fmt, ...)
{
	va_list ap;

	begin_crash();
	printk("\nunigornel: kernel panic: ");
	va_start(ap, fmt);
	vprintk(fmt, ap);
	va_end(ap);
	printk("\n");
	print_thread();
	printk("backtrace:\n");
	backtrace((uintptr_t)__builtin_frame_address(0));
	hyper->shutdown(EXIT_KERNEL_PANIC);
}
