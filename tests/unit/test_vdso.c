/* unit: kernel/arch/x86_64/vdso.S kernel/arch/x86_64/vdso.c kernel/time/pvclock.c */
/* The vDSO as programs find it: by walking the ELF image, as Go's runtime and musl do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <elf.h>
#include <asm/errno.h>
#include <asm/unistd.h>
#include <linux/time.h>
#include "arch/x86_64/vdso.h"
#include "time/clock_page.h"

struct clock_page clock_page;

/* The host's linker puts .vdso.head and .vdso.text where it likes. What matters here is only the
 * size that the program header states. */
__asm__(".pushsection .vdso.text, \"ax\"\n.globl __vdso_end\n__vdso_end:\n.popsection");

extern const char __vdso_end[];

/* The kernel's front door: here the host's kernel. */
__asm__(".text\n.globl unigornel_syscall\nunigornel_syscall: syscall\nret");

struct object {
	uintptr_t base;
	const uint32_t *hash;
	const char *strings;
	const Elf64_Sym *symbols;
	const uint16_t *versym;
	const Elf64_Verdef *verdef;
};

static void parse(struct object *o)
{
	const Elf64_Ehdr *eh = vdso_ehdr();
	const Elf64_Phdr *ph = (const void *)((const char *)eh + eh->e_phoff);
	const Elf64_Dyn *dyn = NULL;
	bool load = false;

	memset(o, 0, sizeof *o);
	assert_memory_equal(eh->e_ident, ELFMAG, SELFMAG);
	assert_int_equal(eh->e_ident[EI_CLASS], ELFCLASS64);
	assert_int_equal(eh->e_type, ET_DYN);
	assert_int_equal(eh->e_machine, EM_X86_64);
	assert_int_equal(eh->e_phentsize, sizeof *ph);
	for (int i = 0; i < eh->e_phnum; i++) {
		if (ph[i].p_type == PT_LOAD && !load) {
			load = true;
			o->base = (uintptr_t)eh + ph[i].p_offset - ph[i].p_vaddr;
			assert_int_equal(ph[i].p_memsz, __vdso_end - (const char *)eh);
		} else if (ph[i].p_type == PT_DYNAMIC) {
			dyn = (const void *)((const char *)eh + ph[i].p_offset);
		}
	}
	assert_true(load);
	assert_non_null(dyn);
	for (; dyn->d_tag != DT_NULL; dyn++) {
		const void *p = (const void *)(o->base + dyn->d_un.d_val);

		switch (dyn->d_tag) {
		case DT_HASH:
			o->hash = p;
			break;
		case DT_STRTAB:
			o->strings = p;
			break;
		case DT_SYMTAB:
			o->symbols = p;
			break;
		case DT_VERSYM:
			o->versym = p;
			break;
		case DT_VERDEF:
			o->verdef = p;
			break;
		}
	}
	assert_non_null(o->hash);
	assert_non_null(o->strings);
	assert_non_null(o->symbols);
	assert_non_null(o->versym);
	assert_non_null(o->verdef);
}

static uint32_t elf_hash(const char *s)
{
	uint32_t h = 0, g;

	while (*s) {
		h = (h << 4) + (uint8_t)*s++;
		g = h & 0xf0000000;
		h ^= g >> 24;
		h &= ~g;
	}
	return h;
}

static int find_version(const struct object *o, const char *name)
{
	const Elf64_Verdef *d = o->verdef;

	for (;;) {
		const Elf64_Verdaux *aux = (const void *)((const char *)d + d->vd_aux);

		assert_int_equal(d->vd_hash, elf_hash(o->strings + aux->vda_name));
		if (!(d->vd_flags & VER_FLG_BASE) && !strcmp(o->strings + aux->vda_name, name))
			return d->vd_ndx & 0x7fff;
		if (!d->vd_next)
			return -1;
		d = (const void *)((const char *)d + d->vd_next);
	}
}

static void *lookup(const struct object *o, const char *name)
{
	int version = find_version(o, "LINUX_2.6");
	uint32_t nbucket = o->hash[0], nchain = o->hash[1];
	const uint32_t *bucket = o->hash + 2, *chain = bucket + nbucket;

	assert_int_equal(version, 2);
	for (uint32_t i = bucket[elf_hash(name) % nbucket]; i; i = chain[i]) {
		const Elf64_Sym *s = &o->symbols[i];

		assert_true(i < nchain);
		assert_int_equal(ELF64_ST_TYPE(s->st_info), STT_FUNC);
		assert_int_equal(ELF64_ST_BIND(s->st_info), STB_GLOBAL);
		assert_int_not_equal(s->st_shndx, SHN_UNDEF);
		assert_int_equal(o->versym[i], version);
		if (!strcmp(o->strings + s->st_name, name))
			return (void *)(o->base + s->st_value);
	}
	return NULL;
}

int __vdso_clock_gettime(int id, struct __kernel_timespec *ts);
int __vdso_gettimeofday(struct __kernel_old_timeval *tv, struct timezone *tz);
long __vdso_time(long *t);
int __vdso_clock_getres(int id, struct __kernel_timespec *ts);
long __vdso_getcpu(unsigned *cpu, unsigned *node, void *unused);

static void test_symbols(void **state)
{
	struct object o;

	(void)state;
	parse(&o);
	assert_ptr_equal(lookup(&o, "__vdso_clock_gettime"), __vdso_clock_gettime);
	assert_ptr_equal(lookup(&o, "__vdso_gettimeofday"), __vdso_gettimeofday);
	assert_ptr_equal(lookup(&o, "__vdso_time"), __vdso_time);
	assert_ptr_equal(lookup(&o, "__vdso_clock_getres"), __vdso_clock_getres);
	assert_ptr_equal(lookup(&o, "__vdso_getcpu"), __vdso_getcpu);
	assert_null(lookup(&o, "__vdso_getrandom"));
}

/* 2 GHz, started now at monotonic 5 s; 1.6 * 10^9 s later than 1970. */
static void set_page(void)
{
	memset(&clock_page, 0, sizeof clock_page);
	clock_page.mode = CLOCK_MODE_TSC;
	clock_page.tsc_clocks = CLOCK_PAGE_IDS;
	clock_page.tsc_base = rdtsc();
	clock_page.ns_base = 5999999999;
	clock_page.mult = 1ull << 63;
	clock_page.offset[CLOCK_REALTIME] = 1600000000ull * 1000000000;
	clock_page.offset[CLOCK_REALTIME_COARSE] = 1600000000ull * 1000000000;
}

static void test_clocks(void **state)
{
	struct __kernel_timespec ts;
	struct __kernel_old_timeval tv;
	long t;

	(void)state;
	set_page();
	assert_int_equal(__vdso_clock_gettime(CLOCK_MONOTONIC, &ts), 0);
	assert_in_range(ts.tv_sec, 6, 7);
	assert_in_range(ts.tv_nsec, 0, 999999999);
	assert_int_equal(__vdso_clock_gettime(CLOCK_BOOTTIME, &ts), 0);
	assert_in_range(ts.tv_sec, 6, 7);
	assert_int_equal(__vdso_clock_gettime(CLOCK_REALTIME, &ts), 0);
	assert_in_range(ts.tv_sec, 1600000006, 1600000007);
	assert_int_equal(__vdso_clock_gettime(CLOCK_REALTIME_COARSE, &ts), 0);
	assert_in_range(ts.tv_sec, 1600000006, 1600000007);
	assert_int_equal(__vdso_gettimeofday(&tv, NULL), 0);
	assert_in_range(tv.tv_sec, 1600000006, 1600000007);
	assert_in_range(tv.tv_usec, 0, 999999);
	assert_in_range(__vdso_time(&t), 1600000006, 1600000007);
	assert_in_range(t, 1600000006, 1600000007);
}

/* Anything else goes to the kernel: here the host's, whose answers are others. */
static void test_fallback(void **state)
{
	struct __kernel_timespec ts;

	(void)state;
	set_page();
	ts.tv_sec = -1;
	assert_int_equal(__vdso_clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts), 0);
	assert_in_range(ts.tv_sec, 0, 5);
	assert_int_equal(__vdso_clock_gettime(-3, &ts), 0);
	assert_int_equal(__vdso_clock_gettime(77, &ts), -EINVAL);
	assert_int_equal(__vdso_clock_gettime(INT32_MIN, &ts), -EINVAL);
	assert_int_equal(__vdso_clock_getres(CLOCK_MONOTONIC, &ts), 0);
	clock_page.mode = CLOCK_MODE_NONE;
	clock_page.tsc_clocks = 0;
	assert_int_equal(__vdso_clock_gettime(CLOCK_REALTIME, &ts), 0);
	assert_true(ts.tv_sec > 1600000100);
}

static void test_pvclock(void **state)
{
	struct pvclock_time pv = {
	    .tsc_timestamp = rdtsc(), .system_time = 30000000000, .tsc_to_system_mul = 0x80000000};
	struct __kernel_timespec ts;

	(void)state;
	set_page();
	clock_page.mode = CLOCK_MODE_PVCLOCK;
	clock_page.tsc_clocks = 0;
	clock_page.pvclock = &pv;
	clock_page.ns_base = -10000000000ull;
	assert_int_equal(__vdso_clock_gettime(CLOCK_MONOTONIC, &ts), 0);
	assert_in_range(ts.tv_sec, 20, 21);
	assert_int_equal(__vdso_clock_gettime(CLOCK_REALTIME, &ts), 0);
	assert_in_range(ts.tv_sec, 1600000020, 1600000021);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_symbols),
	    cmocka_unit_test(test_clocks),
	    cmocka_unit_test(test_fallback),
	    cmocka_unit_test(test_pvclock),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
