/*
 * The program's start and end. What is on a new program's stack: System V ABI, AMD64 supplement,
 * section 3.4.1; the auxiliary vector: getauxval(3).
 */
#include <asm/errno.h>
#include <linux/const.h>
#include <elf.h>
#include <asm/hwcap2.h>
#include <linux/mman.h>
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/image.h"
#include "arch/x86_64/vdso.h"
#include "boot_info.h"
#include "cmdline.h"
#include "hyper/hyper.h"
#include "lib/printk.h"
#include "lib/random.h"
#include "lib/string.h"
#include "mm/mm.h"
#include "mm/page.h"
#include "net/net.h"
#include "sched/sched.h"
#include "start.h"
#include "sys/power.h"
#include "vfs/cpio.h"

/* As much as Linux's default RLIMIT_STACK; touched pages only are backed. */
#define STACK_SIZE (8ul << 20)

#define GO_LIMIT_MIN (12ul << 20)

/* From the image: docs/image.md. */
extern void unigornel_go_start(void) __attribute__((weak));
extern void unigornel_libc_start(void) __attribute__((weak));
extern uint8_t unigornel_isarchive __attribute__((weak));
extern char __tdata_start[], __tdata_end[], __tbss_size[], __tls_align[];

/* The linker does not load the ELF header; libc looks here for the TLS segment. */
static Elf64_Phdr program_headers[1];

uint64_t program_auxv[40];
size_t program_auxv_size;

void options_init(void)
{
	const char *error;
	const void *extra = NULL;
	size_t extra_size = 0, n = strlen(boot_info.cmdline);

	if (boot_info.module.start < boot_info.module.end)
		extra = cpio_find(phys_to_virt(boot_info.module.start),
				  boot_info.module.end - boot_info.module.start,
				  ".unigornel/cmdline", &extra_size);
	if (!extra)
		extra_size = 0;
	if (n + 1 + extra_size >= sizeof boot_info.cmdline)
		panic("the command line is longer than %zu bytes", sizeof boot_info.cmdline);
	if (extra_size) {
		boot_info.cmdline[n++] = ' ';
		memcpy(boot_info.cmdline + n, extra, extra_size);
		boot_info.cmdline[n + extra_size] = '\0';
	}
	if (cmdline_parse(boot_info.cmdline, &error) < 0) {
		printk("unigornel: command line: %s\n", error);
		hyper->shutdown(125);
	}
}

static uintptr_t push_bytes(uintptr_t *sp, const void *p, size_t n)
{
	*sp -= n;
	memcpy((void *)*sp, p, n);
	return *sp;
}

static uintptr_t push_string(uintptr_t *sp, const char *s)
{
	return push_bytes(sp, s, strlen(s) + 1);
}

/* The strings lie above the vectors that point at them; words counts those. */
static uintptr_t build_stack(uintptr_t top)
{
	uint64_t random[2];
	uintptr_t sp = top;
	uintptr_t execfn, platform, random_at;
	uint64_t hwcap = cpuid(1, 0).edx;
	uint64_t hwcap2 = cpu_has_fsgsbase ? HWCAP2_FSGSBASE : 0;

	random_bytes(random, sizeof random);
	execfn = push_string(&sp, cmdline.argv[0]);
	platform = push_string(&sp, "x86_64");
	sp &= ~15ul;
	random_at = push_bytes(&sp, random, sizeof random);

	size_t strings = 0;
	for (int i = 0; i < cmdline.argc; i++)
		strings += strlen(cmdline.argv[i]) + 1;
	for (int i = 0; i < cmdline.envc; i++)
		strings += strlen(cmdline.envp[i]) + 1;
	uintptr_t string_at = sp - strings;
	sp = string_at & ~15ul;

	const uint64_t auxv[] = {
	    AT_PAGESZ,	     PAGE_SIZE,
	    AT_PHDR,	     (uint64_t)program_headers,
	    AT_PHENT,	     sizeof *program_headers,
	    AT_PHNUM,	     1,
	    AT_ENTRY,	     (uint64_t)unigornel_go_start,
	    AT_UID,	     0,
	    AT_EUID,	     0,
	    AT_GID,	     0,
	    AT_EGID,	     0,
	    AT_SECURE,	     0,
	    AT_CLKTCK,	     100,
	    AT_HWCAP,	     hwcap,
	    AT_HWCAP2,	     hwcap2,
	    AT_RANDOM,	     random_at,
	    AT_PLATFORM,     platform,
	    AT_EXECFN,	     execfn,
	    AT_SYSINFO_EHDR, (uint64_t)vdso_ehdr(),
	    AT_NULL,	     0,
	};
	size_t words =
	    1 + (size_t)cmdline.argc + 1 + (size_t)cmdline.envc + 1 + sizeof auxv / sizeof *auxv;

	sp -= (words + words % 2) * 8;
	uint64_t *w = (uint64_t *)sp;
	*w++ = (uint64_t)cmdline.argc;
	for (int i = 0; i < cmdline.argc; i++) {
		*w++ = string_at;
		string_at += strlcpy((char *)string_at, cmdline.argv[i], strings) + 1;
	}
	*w++ = 0;
	for (int i = 0; i < cmdline.envc; i++) {
		*w++ = string_at;
		string_at += strlcpy((char *)string_at, cmdline.envp[i], strings) + 1;
	}
	*w++ = 0;
	memcpy(w, auxv, sizeof auxv);
	_Static_assert(sizeof auxv <= sizeof program_auxv, "it grew");
	memcpy(program_auxv, auxv, sizeof auxv);
	program_auxv_size = sizeof auxv;
	return sp;
}

/* Halts with interrupts off until a debugger writes a non-zero value here. */
volatile int unigornel_gdb_go;

static void wait_for_debugger(void)
{
	printk("unigornel: waiting for a debugger; continue with: set var unigornel_gdb_go = 1\n");
	while (!unigornel_gdb_go)
		__builtin_ia32_pause();
}

/*
 * Go's collector lets the heap double unless it is told how much memory there is, which on Linux a
 * container's owner does with GOMEMLIMIT; here the machine is the container. An eighth is left for
 * the kernel and what the runtime does not count. Where little is left the limit would only make
 * the collector run all the time.
 */
static void set_memory_limit(void)
{
	static char entry[40];
	uint64_t available = page_available() * PAGE_SIZE;
	uint64_t limit = available - available / 8;

	if (limit < GO_LIMIT_MIN)
		return;
	ksnprintf(entry, sizeof entry, "GOMEMLIMIT=%lu", limit);
	cmdline_default_env(entry);
}

void program_start(void)
{
	uintptr_t entry = (uintptr_t)unigornel_go_start;
	long base;

	if (!unigornel_go_start || !&unigornel_isarchive)
		panic("the image holds no Go program");
	unigornel_isarchive = 0; /* main.main runs and its end is the program's */
	if (unigornel_libc_start)
		entry = (uintptr_t)unigornel_libc_start;
	program_headers[0] = (Elf64_Phdr){
	    .p_type = PT_TLS,
	    .p_flags = PF_R,
	    .p_vaddr = (uint64_t)__tdata_start,
	    .p_paddr = (uint64_t)__tdata_start,
	    .p_filesz = (uint64_t)(__tdata_end - __tdata_start),
	    .p_memsz = (uint64_t)(__tdata_end - __tdata_start) + (uint64_t)__tbss_size,
	    .p_align = (uint64_t)__tls_align,
	};
	set_memory_limit();
	base = mm_map(0, STACK_SIZE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, NULL, 0);
	if (base < 0)
		panic("no address space for the program's stack: error %ld", -base);
	uintptr_t sp = build_stack((uintptr_t)base + STACK_SIZE);
	if (cmdline.gdb)
		wait_for_debugger();
	sched_start(entry, sp, (uint64_t)cmdline.argc, sp + 8);
}

void machine_exit(int code)
{
	code = power_program_ended(code);
	net_finish();
	interrupts_off();
	hyper->shutdown(code);
}
