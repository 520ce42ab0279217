/* The machine as a whole: meminfo, cpuinfo, stat, uptime, loadavg, version, filesystems, mounts. */
#include "arch/x86_64/cpu.h"
#include "lib/string.h"
#include "mm/mm.h"
#include "sched/thread.h"
#include "sys/utsname.h"
#include "time/clock.h"
#include "vfs/procfs.h"
#include "vfs/textbuf.h"
#include "vfs/tree.h"

#define TICK_NS 10000000u /* USER_HZ is 100 */
#define KIB(x)	((unsigned long)(x) >> 10)

static int show_meminfo(struct textbuf *t, long arg)
{
	struct mm_stats s;
	(void)arg;
	mm_get_stats(&s);
	unsigned long files = filedata_pages_used() * PAGE_SIZE;
	const struct {
		const char *name;
		unsigned long bytes;
	} lines[] = {
	    {"MemTotal", s.total},
	    {"MemFree", s.free},
	    {"MemAvailable", s.free},
	    {"Buffers", 0},
	    {"Cached", files},
	    {"SwapCached", 0},
	    {"Active", s.resident},
	    {"Inactive", 0},
	    {"SwapTotal", 0},
	    {"SwapFree", 0},
	    {"Dirty", 0},
	    {"Writeback", 0},
	    {"AnonPages", s.resident},
	    {"Mapped", 0},
	    {"Shmem", files},
	    {"Slab", s.kernel_heap},
	    {"SReclaimable", 0},
	    {"SUnreclaim", s.kernel_heap},
	    {"PageTables", s.page_tables},
	};
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		size_t pad = strlen(lines[i].name) + 1;
		text_printf(t, "%s:%*s%8lu kB\n", lines[i].name, (int)(16 - pad), "",
			    KIB(lines[i].bytes));
	}
	return 0;
}

struct flag {
	uint32_t leaf, reg, bit; /* reg: 0 eax, 1 ebx, 2 ecx, 3 edx */
	const char *name;
};

/* Names as Linux has them, of what programs look for. */
static const struct flag flags[] = {
    {1, 3, 0, "fpu"},	       {1, 3, 3, "pse"},
    {1, 3, 4, "tsc"},	       {1, 3, 5, "msr"},
    {1, 3, 6, "pae"},	       {1, 3, 8, "cx8"},
    {1, 3, 9, "apic"},	       {1, 3, 15, "cmov"},
    {1, 3, 19, "clflush"},     {1, 3, 23, "mmx"},
    {1, 3, 24, "fxsr"},	       {1, 3, 25, "sse"},
    {1, 3, 26, "sse2"},	       {0x80000001, 3, 11, "syscall"},
    {0x80000001, 3, 20, "nx"}, {0x80000001, 3, 27, "rdtscp"},
    {0x80000001, 3, 29, "lm"}, {1, 2, 0, "pni"},
    {1, 2, 1, "pclmulqdq"},    {1, 2, 9, "ssse3"},
    {1, 2, 12, "fma"},	       {1, 2, 13, "cx16"},
    {1, 2, 19, "sse4_1"},      {1, 2, 20, "sse4_2"},
    {1, 2, 22, "movbe"},       {1, 2, 23, "popcnt"},
    {1, 2, 25, "aes"},	       {1, 2, 26, "xsave"},
    {1, 2, 28, "avx"},	       {1, 2, 29, "f16c"},
    {1, 2, 30, "rdrand"},      {1, 2, 31, "hypervisor"},
    {0x80000001, 2, 5, "abm"}, {7, 1, 0, "fsgsbase"},
    {7, 1, 3, "bmi1"},	       {7, 1, 5, "avx2"},
    {7, 1, 8, "bmi2"},	       {7, 1, 9, "erms"},
    {7, 1, 16, "avx512f"},     {7, 1, 17, "avx512dq"},
    {7, 1, 18, "rdseed"},      {7, 1, 19, "adx"},
    {7, 1, 29, "sha_ni"},      {7, 1, 30, "avx512bw"},
    {7, 1, 31, "avx512vl"},
};

static void show_flags(struct textbuf *t)
{
	uint32_t max = cpuid(0, 0).eax, max_extended = cpuid(0x80000000, 0).eax;
	text_printf(t, "flags\t\t:");
	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
		const struct flag *f = &flags[i];
		if (f->leaf > (f->leaf >> 31 ? max_extended : max))
			continue;
		struct cpuid r = cpuid(f->leaf, 0);
		const uint32_t regs[] = {r.eax, r.ebx, r.ecx, r.edx};
		if (regs[f->reg] >> f->bit & 1)
			text_printf(t, " %s", f->name);
	}
	text_printf(t, "\n");
}

static int show_cpuinfo(struct textbuf *t, long arg)
{
	(void)arg;
	struct cpuid r = cpuid(0, 0);
	char vendor[13] = "", model[49] = "unknown";
	memcpy(vendor, &r.ebx, 4);
	memcpy(vendor + 4, &r.edx, 4);
	memcpy(vendor + 8, &r.ecx, 4);
	if (cpuid(0x80000000, 0).eax >= 0x80000004) {
		for (uint32_t i = 0; i < 3; i++) {
			struct cpuid part = cpuid(0x80000002 + i, 0);
			const uint32_t words[] = {part.eax, part.ebx, part.ecx, part.edx};
			memcpy(model + 16 * i, words, 16);
		}
		model[48] = '\0';
	}
	uint32_t eax = cpuid(1, 0).eax;
	uint32_t family = eax >> 8 & 15, number = eax >> 4 & 15;
	if (family == 15)
		family += eax >> 20 & 255;
	if (family >= 6)
		number += (eax >> 16 & 15) << 4;
	uint64_t khz = clock_tsc_hz() / 1000;
	text_printf(t, "processor\t: 0\nvendor_id\t: %s\ncpu family\t: %u\nmodel\t\t: %u\n", vendor,
		    family, number);
	text_printf(t, "model name\t: %s\nstepping\t: %u\ncpu MHz\t\t: %lu.%03lu\n", model,
		    eax & 15, (unsigned long)(khz / 1000), (unsigned long)(khz % 1000));
	text_printf(t, "physical id\t: 0\nsiblings\t: 1\ncore id\t\t: 0\ncpu cores\t: 1\n"
		       "fpu\t\t: yes\nwp\t\t: yes\n");
	show_flags(t);
	text_printf(t, "clflush size\t: 64\ncache_alignment\t: 64\n\n");
	return 0;
}

/* Ticks of 10 ms that the CPU worked for the program, and those it idled. */
static void cpu_ticks(unsigned long *busy, unsigned long *idle)
{
	uint64_t up = clock_monotonic() / TICK_NS, used = process_cputime() / TICK_NS;
	*busy = used;
	*idle = up > used ? up - used : 0;
}

static unsigned running_threads(void)
{
	unsigned n = 0;
	spin_lock(&threads_lock);
	list_for_each_entry (t, &threads_all, struct thread, all_link)
		n += t->state == THREAD_RUNNING || t->state == THREAD_READY;
	spin_unlock(&threads_lock);
	return n;
}

static int show_stat(struct textbuf *t, long arg)
{
	unsigned long busy, idle;
	(void)arg;
	cpu_ticks(&busy, &idle);
	uint64_t booted = (clock_realtime() - clock_monotonic()) / 1000000000u;
	text_printf(t, "cpu  %lu 0 0 %lu 0 0 0 0 0 0\ncpu0 %lu 0 0 %lu 0 0 0 0 0 0\n", busy, idle,
		    busy, idle);
	text_printf(t,
		    "intr 0\nctxt 0\nbtime %lu\nprocesses 1\nprocs_running %u\nprocs_blocked 0\n",
		    (unsigned long)booted, running_threads());
	return 0;
}

static int show_uptime(struct textbuf *t, long arg)
{
	unsigned long busy, idle, up = clock_monotonic() / TICK_NS;
	(void)arg;
	cpu_ticks(&busy, &idle);
	text_printf(t, "%lu.%02lu %lu.%02lu\n", up / 100, up % 100, idle / 100, idle % 100);
	return 0;
}

/* No averages are kept: what runs now is the best there is. */
static int show_loadavg(struct textbuf *t, long arg)
{
	unsigned running = running_threads();
	(void)arg;
	text_printf(t, "%u.00 %u.00 %u.00 %u/%u %d\n", running, running, running, running,
		    thread_count, current->tid);
	return 0;
}

static int show_version(struct textbuf *t, long arg)
{
	(void)arg;
	text_printf(t, "%s version %s %s\n", UTS_SYSNAME, UTS_RELEASE, UTS_VERSION);
	return 0;
}

static int show_filesystems(struct textbuf *t, long arg)
{
	(void)arg;
	text_printf(t, "nodev\tsysfs\nnodev\ttmpfs\nnodev\tproc\nnodev\tdevtmpfs\nnodev\tpipefs\n");
	return 0;
}

static const struct textfile meminfo = {.show = show_meminfo}, cpuinfo = {.show = show_cpuinfo},
			     stat = {.show = show_stat}, uptime = {.show = show_uptime},
			     loadavg = {.show = show_loadavg}, version = {.show = show_version},
			     filesystems = {.show = show_filesystems};

void proc_system_init(void)
{
	tree_text(&super_proc, "/proc/meminfo", 0444, &meminfo, 0);
	tree_text(&super_proc, "/proc/cpuinfo", 0444, &cpuinfo, 0);
	tree_text(&super_proc, "/proc/stat", 0444, &stat, 0);
	tree_text(&super_proc, "/proc/uptime", 0444, &uptime, 0);
	tree_text(&super_proc, "/proc/loadavg", 0444, &loadavg, 0);
	tree_text(&super_proc, "/proc/version", 0444, &version, 0);
	tree_text(&super_proc, "/proc/filesystems", 0444, &filesystems, 0);
	tree_symlink(&super_proc, "/proc/mounts", "self/mounts");
}
