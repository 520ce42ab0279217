/* unit: kernel/mm/mm.c kernel/mm/fault.c kernel/mm/zap.c kernel/mm/vma.c kernel/mm/pagetable.c kernel/mm/page.c kernel/mm/kmalloc.c kernel/mm/sys_mm.c kernel/mm/madvise.c kernel/mm/mremap.c kernel/mm/residency.c */
/*
 * The address space as a whole, on page tables in host memory: random system calls and accesses
 * against a model with one entry a page. The test plays the CPU: it walks the tables, keeps a TLB,
 * and takes a stale entry that grants more than the tables do for the error it is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <asm/errno.h>
#include <linux/mman.h>
#include <sys/resource.h>
#include <cmocka.h>
#include "mm/filemap.h"
#include "mm/internal.h"
#include "mm/kmalloc.h"
#include "mm/oom.h"
#include "mm/sys_mm.h"
#include "mm/tlb.h"
#include "ram_fake.h"
#include "vfs/fdtable.h"

#define RAM	   (64ul << 20)
#define BASE	   0x40000000ul
#define PAGES	   3000 /* the model's window: almost six huge pages */
#define FILE_PAGES 700

/* --- the CPU --- */

struct translation {
	bool valid, huge;
	pte_t e; /* with the address of this very page */
};

static struct translation tlb[PAGES];
static unsigned full_flushes;

static size_t page_of(uintptr_t va)
{
	return (va - BASE) >> PAGE_SHIFT;
}

void tlb_flush_page(uintptr_t va)
{
	size_t i;

	if (va < BASE || va >= BASE + PAGES * PAGE_SIZE)
		return;
	i = page_of(va);
	if (!tlb[i].huge) {
		tlb[i].valid = false;
		return;
	}
	i = page_of(va & ~(HUGE_SIZE - 1));
	for (size_t j = i; j < i + 512 && j < PAGES; j++)
		if (tlb[j].huge)
			tlb[j].valid = tlb[j].huge = false;
}

void tlb_flush_all(void)
{
	memset(tlb, 0, sizeof(tlb));
	full_flushes++;
}

static struct translation walk(uintptr_t va)
{
	struct translation t = {false, false, 0};
	pte_t *e2 = pt_entry(va, 2, false);

	if (!e2 || !*e2)
		return t;
	if (*e2 & PTE_HUGE) {
		t.huge = true;
		t.e = *e2 + (va & (HUGE_SIZE - 1) & PAGE_MASK);
	} else {
		t.e = pt_table(*e2)[pt_index(va, 1)];
	}
	t.valid = (t.e & PTE_P) != 0;
	return t;
}

/* Every cached translation must still be true, or grant less. */
static void check_tlb(void)
{
	for (size_t i = 0; i < PAGES; i++) {
		struct translation t;

		if (!tlb[i].valid)
			continue;
		t = walk(BASE + i * PAGE_SIZE);
		assert_true(t.valid);
		assert_int_equal(t.e & PTE_ADDR, tlb[i].e & PTE_ADDR);
		if (tlb[i].e & PTE_W)
			assert_true(t.e & PTE_W);
		if (!(tlb[i].e & PTE_NX))
			assert_false(t.e & PTE_NX);
	}
}

/* One access of the program. NULL: *result says why it faults for good. */
static uint64_t *cpu_access(uintptr_t va, bool write, enum fault_result *result)
{
	for (int tries = 0; tries < 3; tries++) {
		struct translation *t = &tlb[page_of(va)];

		if (!t->valid)
			*t = walk(va);
		if (t->valid && (!write || (t->e & PTE_W)))
			return (uint64_t *)(void *)(ram + (t->e & PTE_ADDR));
		/* The CPU drops the translation it faulted on. */
		tlb_flush_page(va);
		*result = mm_fault(va + 8, write ? FAULT_WRITE : 0);
		if (*result != FAULT_OK)
			return NULL;
	}
	fail_msg("a resolved fault happens again");
	return NULL;
}

void oom_end(const char *what, size_t bytes)
{
	fail_msg("out of memory: %zu bytes for %s", bytes, what);
	abort();
}

/* --- a file --- */

static struct file the_file;
static size_t file_size = FILE_PAGES; /* pages */
static paddr_t file_page[FILE_PAGES];
static paddr_t zero_page;

struct file *fd_get(int fd)
{
	return fd == 3 ? file_get(&the_file) : NULL;
}

void file_put(struct file *f)
{
	assert_true(atomic_fetch_sub(&f->refs, 1) > 1);
}

int file_map_check(struct file *f, int prot, int flags)
{
	(void)f, (void)prot, (void)flags;
	return 0;
}

const void *file_map_key(struct file *f)
{
	return f;
}

int file_map_page(struct file *f, uint64_t pgoff, bool write, paddr_t *out)
{
	(void)f;
	if (pgoff >= file_size)
		return -ERANGE;
	if (!file_page[pgoff] && !write) {
		*out = zero_page;
		return 0;
	}
	if (!file_page[pgoff]) {
		file_page[pgoff] = page_alloc_zero(0);
		if (file_page[pgoff] == PADDR_NONE) {
			file_page[pgoff] = 0;
			return -ENOMEM;
		}
	}
	*out = file_page[pgoff];
	return 0;
}

static uint64_t limit_as = RLIM_INFINITY, limit_data = RLIM_INFINITY;

uint64_t rlimit_get(unsigned resource);
bool process_capable(int cap);
static bool privileged = true;

bool process_capable(int cap)
{
	(void)cap;
	return privileged;
}

uint64_t rlimit_get(unsigned resource)
{
	switch (resource) {
	case RLIMIT_AS:
		return limit_as;
	case RLIMIT_DATA:
		return limit_data;
	case RLIMIT_MEMLOCK:
		return 5 * PAGE_SIZE;
	case RLIMIT_STACK:
		return 8ul << 20;
	default:
		return RLIM_INFINITY;
	}
}

int copy_to_user(uintptr_t dst, const void *src, size_t n)
{
	memcpy((void *)dst, src, n);
	return 0;
}

/* --- the model --- */

struct model {
	bool mapped, file, shared, own; /* own: its value is in value, not in the file */
	int prot;
	uint64_t pgoff, value;
};

static struct model model[PAGES];
static uint64_t file_value[FILE_PAGES];
static uint64_t next_value = 1;

static uintptr_t address(size_t page)
{
	return BASE + page * PAGE_SIZE;
}

static void touch(size_t i, bool write)
{
	struct model *m = &model[i];
	enum fault_result r = FAULT_OK, want = FAULT_OK;
	uint64_t *p = cpu_access(address(i), write, &r);
	bool from_file = m->file && !m->own;

	if (!m->mapped)
		want = FAULT_MAPERR;
	else if (!m->prot || (write && !(m->prot & PROT_WRITE)))
		want = FAULT_ACCERR;
	else if (from_file && m->pgoff >= file_size)
		want = FAULT_BUS;
	if (want != FAULT_OK) {
		assert_null(p);
		assert_int_equal(r, want);
		return;
	}
	assert_non_null(p);
	assert_int_equal(*p, from_file ? file_value[m->pgoff] : m->value);
	for (size_t k = 1; k < 512; k += 73) /* the rest of a page is never written */
		assert_int_equal(p[k], 0);
	if (!write)
		return;
	*p = next_value;
	if (m->file && m->shared) {
		file_value[m->pgoff] = next_value;
	} else {
		m->own = true;
		m->value = next_value;
	}
	next_value++;
}

static void op_map(size_t start, size_t n, int prot)
{
	bool file = rand() % 4 == 0, shared = file && rand() % 2;
	uint64_t pgoff = (uint64_t)rand() % FILE_PAGES;
	int flags = MAP_FIXED | (shared ? MAP_SHARED : MAP_PRIVATE) | (file ? 0 : MAP_ANONYMOUS);

	if (rand() % 8 == 0)
		flags |= MAP_POPULATE;
	assert_int_equal(sys_mmap(address(start), n * PAGE_SIZE, prot, flags, file ? 3 : -1,
				  file ? pgoff * PAGE_SIZE : 0),
			 address(start));
	for (size_t i = 0; i < n; i++)
		model[start + i] = (struct model){true, file, shared, false, prot, pgoff + i, 0};
	/* Populating makes the copies, of what the file holds now, up to its end. */
	for (size_t i = start; i < start + n && (flags & MAP_POPULATE) && file && !shared &&
			       (prot & PROT_WRITE) && model[i].pgoff < file_size;
	     i++) {
		model[i].own = true;
		model[i].value = file_value[model[i].pgoff];
	}
}

static void op_unmap(size_t start, size_t n)
{
	assert_int_equal(sys_munmap(address(start), n * PAGE_SIZE), 0);
	memset(&model[start], 0, n * sizeof(*model));
}

static bool all_mapped(size_t start, size_t n)
{
	for (size_t i = start; i < start + n; i++)
		if (!model[i].mapped)
			return false;
	return true;
}

static void op_protect(size_t start, size_t n, int prot)
{
	long want = all_mapped(start, n) ? 0 : -ENOMEM;

	assert_int_equal(sys_mprotect(address(start), n * PAGE_SIZE, prot), want);
	for (size_t i = start; i < start + n && !want; i++)
		model[i].prot = prot;
}

static void op_discard(size_t start, size_t n)
{
	long want = all_mapped(start, n) ? 0 : -ENOMEM;

	assert_int_equal(sys_madvise(address(start), n * PAGE_SIZE, MADV_DONTNEED), want);
	for (size_t i = start; i < start + n; i++) {
		model[i].own = false;
		model[i].value = 0;
	}
}

/* One region, as mremap wants it: pages that differ in nothing. */
static bool uniform(size_t start, size_t n)
{
	for (size_t i = start; i < start + n; i++)
		if (!model[i].mapped || model[i].prot != model[start].prot ||
		    model[i].file != model[start].file || model[i].shared != model[start].shared ||
		    (model[i].file && model[i].pgoff != model[start].pgoff + (i - start)))
			return false;
	return true;
}

static void op_move(size_t from, size_t n, size_t to, size_t new_n)
{
	static struct model copy[PAGES];
	long got;

	if (from < to + new_n && to < from + n)
		return;
	got = sys_mremap(address(from), n * PAGE_SIZE, new_n * PAGE_SIZE,
			 MREMAP_MAYMOVE | MREMAP_FIXED, address(to));
	if (!uniform(from, n)) {
		/* Flags of advice may divide what the model takes for one. */
		assert_int_equal(got, -EFAULT);
		return;
	}
	if (got == -EFAULT)
		return;
	assert_int_equal(got, address(to));
	for (size_t i = 0; i < new_n; i++) {
		if (i < n) {
			copy[i] = model[from + i];
		} else {
			copy[i] = copy[0];
			copy[i].pgoff = copy[0].pgoff + i;
			copy[i].own = false;
			copy[i].value = 0;
		}
	}
	memset(&model[from], 0, n * sizeof(*model));
	memcpy(&model[to], copy, new_n * sizeof(*model));
}

static void op_truncate(size_t size)
{
	if (size < file_size) {
		size_t old = file_size;

		file_size = size;
		mm_unmap_file_range(&the_file, size, UINT64_MAX, true);
		check_tlb();
		for (size_t i = size; i < old; i++) {
			if (file_page[i])
				page_free(file_page[i], 0);
			file_page[i] = 0;
			file_value[i] = 0;
		}
		for (size_t i = 0; i < PAGES; i++)
			if (model[i].file && model[i].pgoff >= size)
				model[i].own = false;
	}
	file_size = size;
}

static int random_prot(void)
{
	static const int prots[] = {PROT_NONE,
				    PROT_READ,
				    PROT_READ | PROT_WRITE,
				    PROT_READ | PROT_WRITE,
				    PROT_READ | PROT_WRITE,
				    PROT_READ | PROT_EXEC};

	return prots[rand() % 6];
}

static void step(void)
{
	size_t n = 1 + (size_t)rand() % (rand() % 4 ? 30 : PAGES);
	size_t start = n > 1000 ? (size_t)rand() % 500 : (size_t)rand() % PAGES;

	if (n > PAGES - start)
		n = PAGES - start;
	if (rand() % 50 == 0) { /* a window full of huge pages, to be cut up */
		sys_munmap(BASE, PAGES * PAGE_SIZE);
		assert_int_equal(sys_mmap(BASE, PAGES * PAGE_SIZE, PROT_READ | PROT_WRITE,
					  MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE,
					  -1, 0),
				 BASE);
		for (size_t i = 0; i < PAGES; i++)
			model[i] = (struct model){.mapped = true, .prot = PROT_READ | PROT_WRITE};
		for (size_t i = 0; i < PAGES; i++)
			touch(i, true);
		return;
	}
	switch (n > 100 ? 3 + rand() % 13 : rand() % 16) {
	case 0:
	case 1:
		op_map(start, n, random_prot());
		break;
	case 2:
		op_unmap(start, n);
		break;
	case 3:
	case 4:
		op_protect(start, n, random_prot());
		break;
	case 5:
		op_discard(start, n);
		break;
	case 6: {
		size_t to = (size_t)rand() % PAGES,
		       new_n = rand() % 2 ? n : 1 + n / 2 + (size_t)rand() % n;

		if (to + new_n <= PAGES)
			op_move(start, n, to, new_n);
		break;
	}
	case 7:
		sys_madvise(address(start), n * PAGE_SIZE,
			    rand() % 2 ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
		if (rand() % 2) /* often huge everywhere */
			sys_madvise(BASE, PAGES * PAGE_SIZE, MADV_HUGEPAGE);
		break;
	case 8:
		sys_madvise(address(start), n * PAGE_SIZE, 25 /* MADV_COLLAPSE */);
		break;
	case 9:
		if (rand() % 20 == 0)
			reclaim_zero_pages();
		if (rand() % 20 == 0)
			op_truncate(1 + (size_t)rand() % FILE_PAGES);
		break;
	case 10:
	case 11: /* one after the other */
		for (size_t i = start; i < start + n; i++)
			touch(i, rand() % 2);
		break;
	default:
		for (int k = 0; k < 30; k++)
			touch((size_t)rand() % PAGES, rand() % 2);
	}
}

static unsigned count_huge(void)
{
	unsigned n = 0;

	for (uintptr_t va = BASE; va < BASE + PAGES * PAGE_SIZE; va += HUGE_SIZE) {
		pte_t *e2 = pt_entry(va, 2, false);

		n += e2 && (*e2 & PTE_HUGE);
	}
	return n;
}

static size_t model_resident(void)
{
	size_t n = 0;

	for (size_t i = 0; i < PAGES; i++) {
		struct translation t = walk(address(i));

		n += t.e && !(t.e & PTE_FILE);
	}
	return n;
}

static void test_random(void **state)
{
	size_t before = page_available(), tables = pt_pages, heap = kmalloc_bytes();
	unsigned huge = 0;

	(void)state;
	srand(4);
	for (int i = 0; i < 40000; i++) {
		step();
		check_tlb();
		huge += count_huge();
		if (i % 100 == 0) {
			for (size_t k = 0; k < PAGES; k++)
				touch(k, false);
			assert_int_equal(mm_resident, model_resident());
		}
	}
	assert_true(huge > 20000); /* they were used */
	op_unmap(0, PAGES);
	op_truncate(0);
	assert_int_equal(mm_map_regions.count, 0);
	assert_int_equal(mm_resident, 0);
	assert_int_equal(pt_pages, tables);
	assert_int_equal(atomic_load(&the_file.refs), 1);
	assert_int_equal(page_available() + (kmalloc_bytes() - heap) / PAGE_SIZE, before);
	op_truncate(FILE_PAGES);
}

/* Sequential first touch of a large region: small pages at first, huge ones then. */
static void test_huge_policy(void **state)
{
	size_t n = 2048;

	(void)state;
	memset(model, 0, sizeof(model));
	mm_minor_faults = 0;
	assert_int_equal(sys_mmap(BASE, n * PAGE_SIZE, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
			 BASE);
	for (size_t i = 0; i < n; i++)
		model[i] = (struct model){.mapped = true, .prot = PROT_READ | PROT_WRITE};
	for (size_t i = 0; i < n; i++)
		touch(i, true);
	assert_int_equal(count_huge(), 4);
	assert_true(mm_minor_faults <= 128 + 3);
	assert_int_equal(mm_resident, n);
	/* Taking one page out of the middle splits, and everything else stays. */
	op_discard(700, 1);
	assert_int_equal(mm_resident, n - 1);
	assert_int_equal(count_huge(), 3);
	for (size_t i = 0; i < n; i++)
		touch(i, false);
	op_unmap(0, n);
	/* A few pages in a large region do not make it large. */
	op_map(0, 1, PROT_NONE);
	assert_int_equal(sys_mmap(BASE, n * PAGE_SIZE, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
			 BASE);
	for (size_t i = 0; i < n; i++)
		model[i] = (struct model){.mapped = true, .prot = PROT_READ | PROT_WRITE};
	for (size_t i = 31; i < n; i += 64)
		touch(i, true);
	assert_int_equal(mm_resident, n / 64);
	op_unmap(0, n);
}

/* With the memory gone, discarding a part of a huge page must still work. */
static void test_no_memory(void **state)
{
	paddr_t *all = calloc(RAM / PAGE_SIZE, sizeof(*all)), p;
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < 1024; i++)
		model[i] = (struct model){.mapped = true, .prot = PROT_READ | PROT_WRITE};
	assert_int_equal(sys_mmap(BASE, 1024 * PAGE_SIZE, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_POPULATE, -1, 0),
			 BASE);
	for (size_t i = 0; i < 1024; i++)
		touch(i, i % 512 > 100);
	assert_int_equal(count_huge(), 2);
	while ((p = page_alloc(0)) != PADDR_NONE)
		all[n++] = p;
	assert_int_equal(sys_mprotect(BASE + PAGE_SIZE, PAGE_SIZE, PROT_READ), -ENOMEM);
	op_discard(300, 3);
	assert_int_equal(page_available(), 2); /* one became the table */
	check_tlb();
	for (size_t i = 0; i < 512; i++)
		if (i < 300 || i > 302)
			touch(i, false);
	touch(300, true);
	touch(301, true);
	/* Now only zero pages are left to take: 101 of the first huge page, 101 of the other. */
	touch(302, true);
	assert_true(page_available() > 150);
	for (size_t i = 0; i < 1024; i++)
		touch(i, false);
	check_tlb();
	while (n--)
		page_free(all[n], 0);
	free(all);
	op_unmap(0, 1024);
}

static void test_errors(void **state)
{
	const int anon = MAP_PRIVATE | MAP_ANONYMOUS, rw = PROT_READ | PROT_WRITE;
	long a;

	(void)state;
	assert_int_equal(sys_mmap(0, 0, rw, anon, -1, 0), -EINVAL);
	assert_int_equal(sys_mmap(0, PAGE_SIZE, rw, MAP_ANONYMOUS, -1, 0), -EINVAL);
	assert_int_equal(sys_mmap(0, PAGE_SIZE, rw, anon, -1, 1), -EINVAL);
	assert_int_equal(sys_mmap(0, PAGE_SIZE, rw, MAP_PRIVATE, -1, 0), -EBADF);
	assert_int_equal(sys_mmap(BASE + 1, PAGE_SIZE, rw, anon | MAP_FIXED, -1, 0), -EINVAL);
	assert_int_equal(sys_mmap(0, PAGE_SIZE, rw, anon | MAP_FIXED, -1, 0), -EPERM);
	assert_int_equal(sys_mmap(0, USER_END, PROT_NONE, anon, -1, 0), -ENOMEM);
	assert_int_equal(sys_mmap(0, ~0ul, PROT_NONE, anon, -1, 0), -ENOMEM);
	assert_int_equal(sys_mmap(0, 1ul << 40, rw, anon, -1, 0), -ENOMEM);
	a = sys_mmap(0, 1ul << 40, PROT_NONE, anon, -1, 0);
	assert_true(a > 0);
	assert_int_equal(a % (long)HUGE_SIZE, 0);
	assert_int_equal(sys_mprotect((uintptr_t)a, 1ul << 40, rw), -ENOMEM);
	assert_int_equal(sys_mprotect((uintptr_t)a, 64ul << 20, rw), 0);
	assert_int_equal(sys_mmap((uintptr_t)a, PAGE_SIZE, rw, anon | MAP_FIXED_NOREPLACE, -1, 0),
			 -EEXIST);
	assert_int_equal(sys_munmap((uintptr_t)a, 1ul << 40), 0);
	assert_int_equal(sys_munmap((uintptr_t)a, 1ul << 40), 0);
	assert_int_equal(sys_munmap((uintptr_t)a + 1, PAGE_SIZE), -EINVAL);
	assert_int_equal(sys_munmap((uintptr_t)a, 0), -EINVAL);
	assert_int_equal(sys_munmap(USER_END, PAGE_SIZE), -EINVAL);
	/* Hints are honoured, where free. */
	assert_int_equal(sys_mmap(0xc000000000, 64ul << 20, PROT_NONE, anon, -1, 0), 0xc000000000);
	a = sys_mmap(0xc000000000, 64ul << 20, PROT_NONE, anon, -1, 0);
	assert_true(a > 0 && a != 0xc000000000);
	assert_int_equal(sys_munmap(0xc000000000, 64ul << 20), 0);
	assert_int_equal(sys_munmap((uintptr_t)a, 64ul << 20), 0);
	assert_int_equal(sys_madvise(BASE, PAGE_SIZE, MADV_DONTNEED), -ENOMEM);
	assert_int_equal(sys_madvise(BASE + 1, PAGE_SIZE, MADV_DONTNEED), -EINVAL);
	assert_int_equal(sys_madvise(BASE, PAGE_SIZE, 999), -EINVAL);
	assert_int_equal(sys_mremap(BASE, PAGE_SIZE, 2 * PAGE_SIZE, 0, 0), -EFAULT);
	assert_int_equal(mm_map_regions.count, 0);
}

static void test_grow(void **state)
{
	const int anon = MAP_PRIVATE | MAP_ANONYMOUS, rw = PROT_READ | PROT_WRITE;
	uint64_t *p;
	enum fault_result r;
	long a;

	(void)state;
	/* mremap in place, and away when something is in the way. */
	assert_int_equal(sys_mmap(BASE, 4 * PAGE_SIZE, rw, anon | MAP_FIXED, -1, 0), BASE);
	p = cpu_access(BASE, true, &r);
	*p = 77;
	assert_int_equal(sys_mremap(BASE, 4 * PAGE_SIZE, 8 * PAGE_SIZE, 0, 0), BASE);
	assert_int_equal(
	    sys_mmap(BASE + 8 * PAGE_SIZE, PAGE_SIZE, PROT_READ, anon | MAP_FIXED, -1, 0),
	    BASE + 8 * PAGE_SIZE);
	assert_int_equal(sys_mremap(BASE, 8 * PAGE_SIZE, 9 * PAGE_SIZE, 0, 0), -ENOMEM);
	a = sys_mremap(BASE, 8 * PAGE_SIZE, 9 * PAGE_SIZE, MREMAP_MAYMOVE, 0);
	assert_true(a > 0 && (uintptr_t)a != BASE);
	assert_int_equal(*(uint64_t *)phys_to_virt(pt_translate((uintptr_t)a)), 77);
	assert_int_equal(mm_fault(BASE, 0), FAULT_MAPERR);
	assert_int_equal(sys_munmap((uintptr_t)a, 9 * PAGE_SIZE), 0);
	assert_int_equal(sys_munmap(BASE, 16 * PAGE_SIZE), 0);
	/* A stack. */
	a = sys_mmap(BASE, 4 * PAGE_SIZE, rw, anon | MAP_FIXED | MAP_GROWSDOWN, -1, 0);
	assert_int_equal(mm_fault(BASE - 1, FAULT_WRITE), FAULT_OK);
	assert_int_equal(mm_fault(BASE - 100 * PAGE_SIZE, FAULT_WRITE), FAULT_OK);
	assert_int_equal(mm_fault(BASE - (8ul << 20), FAULT_WRITE), FAULT_MAPERR);
	assert_int_equal(sys_munmap(BASE - (8ul << 20), 2 * (8ul << 20)), 0);
	/* brk. */
	mm_brk_start = mm_brk = BASE + 16;
	assert_int_equal(sys_brk(0), BASE + 16);
	assert_int_equal(sys_brk(BASE + 10 * PAGE_SIZE), BASE + 10 * PAGE_SIZE);
	assert_int_equal(mm_fault(BASE + 9 * PAGE_SIZE, FAULT_WRITE), FAULT_OK);
	assert_int_equal(sys_brk(BASE + 5 * PAGE_SIZE + 1), BASE + 5 * PAGE_SIZE + 1);
	assert_int_equal(mm_fault(BASE + 9 * PAGE_SIZE, FAULT_WRITE), FAULT_MAPERR);
	assert_int_equal(mm_fault(BASE + 5 * PAGE_SIZE, FAULT_WRITE), FAULT_OK);
	assert_int_equal(sys_brk(BASE + (1ul << 40)), BASE + 5 * PAGE_SIZE + 1);
	assert_int_equal(sys_brk(BASE + 16), BASE + 16);
	assert_int_equal(mm_map_regions.count, 0);
	assert_int_equal(mm_resident, 0);
}

static void test_residency(void **state)
{
	unsigned char vec[600];
	const int anon = MAP_PRIVATE | MAP_ANONYMOUS, rw = PROT_READ | PROT_WRITE;

	(void)state;
	sys_mmap(BASE, 600 * PAGE_SIZE, rw, anon | MAP_FIXED, -1, 0);
	mm_fault(BASE + 5 * PAGE_SIZE, FAULT_WRITE);
	assert_int_equal(sys_mincore(BASE, 600 * PAGE_SIZE, (uintptr_t)vec), 0);
	for (size_t i = 0; i < 600; i++)
		assert_int_equal(vec[i], i == 5);
	assert_int_equal(sys_mlock(BASE + 100 * PAGE_SIZE + 1, PAGE_SIZE), 0);
	assert_int_equal(sys_mincore(BASE, 600 * PAGE_SIZE, (uintptr_t)vec), 0);
	for (size_t i = 0; i < 600; i++)
		assert_int_equal(vec[i], i == 5 || i == 100 || i == 101);
	assert_int_equal(sys_madvise(BASE, 200 * PAGE_SIZE, MADV_DONTNEED), -EINVAL);
	assert_int_equal(sys_msync(BASE, 600 * PAGE_SIZE, MS_SYNC | MS_INVALIDATE), -EBUSY);
	assert_int_equal(sys_munlock(BASE, 600 * PAGE_SIZE), 0);
	assert_int_equal(mm_map_regions.count, 1);
	assert_int_equal(sys_msync(BASE, 601 * PAGE_SIZE, MS_SYNC), -ENOMEM);
	assert_int_equal(sys_mincore(BASE, 601 * PAGE_SIZE, (uintptr_t)vec), -ENOMEM);
	assert_int_equal(sys_mlockall(MCL_CURRENT | MCL_FUTURE), 0);
	assert_int_equal(mm_resident, 600);
	sys_mmap(BASE + 600 * PAGE_SIZE, PAGE_SIZE, rw, anon | MAP_FIXED, -1, 0);
	assert_int_equal(mm_resident, 601);
	assert_int_equal(sys_munlockall(), 0);
	assert_int_equal(sys_munmap(BASE, 601 * PAGE_SIZE), 0);
	assert_int_equal(mm_resident, 0);
}

/* All free memory but a few pages. */
static struct {
	paddr_t p;
	unsigned order;
} held[4096];
static size_t nheld;
static void **held_nodes; /* what the kernel heap had left for regions */

static void starve(unsigned leave)
{
	paddr_t kept[4];

	for (unsigned i = 0; i < leave; i++)
		kept[i] = page_alloc(0);
	for (int order = PAGE_MAX_ORDER; order >= 0; order--) {
		paddr_t p;

		while ((p = page_alloc((unsigned)order)) != PADDR_NONE) {
			held[nheld].p = p;
			held[nheld++].order = (unsigned)order;
			assert_true(nheld < 4096);
		}
	}
	for (void **p; (p = kmalloc(sizeof(struct vma)));) {
		*p = held_nodes;
		held_nodes = p;
	}
	for (unsigned i = 0; i < leave; i++)
		page_free(kept[i], 0);
}

static void feed(void)
{
	while (held_nodes) {
		void **p = held_nodes;

		held_nodes = *p;
		kfree(p);
	}
	while (nheld) {
		nheld--;
		page_free(held[nheld].p, held[nheld].order);
	}
}

/* System calls without memory: they do all or nothing. */
static void test_starved(void **state)
{
	unsigned failed = 0;

	(void)state;
	srand(5);
	memset(model, 0, sizeof(model));
	for (int i = 0; i < 6000; i++) {
		size_t n = 1 + (size_t)rand() % (rand() % 2 ? 20 : 900);
		size_t start = (size_t)rand() % (PAGES - n), to = (size_t)rand() % (PAGES - n);
		int prot = random_prot(), op = rand() % 5;
		long r = 0;

		if (i % 40 == 0) {
			op_unmap(0, PAGES);
			assert_int_equal(
			    sys_mmap(BASE, PAGES * PAGE_SIZE, PROT_READ | PROT_WRITE,
				     MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0),
			    BASE);
			for (size_t k = 0; k < PAGES; k++) {
				model[k] =
				    (struct model){.mapped = true, .prot = PROT_READ | PROT_WRITE};
				touch(k, true);
			}
		}
		starve((unsigned)rand() % 3);
		switch (op) {
		case 0:
			r = sys_mmap(address(start), n * PAGE_SIZE, prot,
				     MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			for (size_t k = start; k < start + n && r != -ENOMEM; k++)
				model[k] = (struct model){.mapped = true, .prot = prot};
			/* The old mapping may be gone already, as on Linux. */
			for (size_t k = start; k < start + n && r == -ENOMEM; k++)
				if (vma_range_free(&mm_map_regions, address(k), address(k + 1)))
					memset(&model[k], 0, sizeof(*model));
			break;
		case 1:
			r = sys_munmap(address(start), n * PAGE_SIZE);
			if (!r)
				memset(&model[start], 0, n * sizeof(*model));
			break;
		case 2:
			if (!all_mapped(start, n))
				break;
			r = sys_mprotect(address(start), n * PAGE_SIZE, prot);
			for (size_t k = start; k < start + n && !r; k++)
				model[k].prot = prot;
			break;
		case 3:
			op_discard(start, n);
			break;
		case 4:
			if (start < to + n && to < start + n)
				break;
			r = sys_mremap(address(start), n * PAGE_SIZE, n * PAGE_SIZE,
				       MREMAP_MAYMOVE | MREMAP_FIXED, address(to));
			if (r > 0) {
				memcpy(&model[to], &model[start], n * sizeof(*model));
				memset(&model[start], 0, n * sizeof(*model));
			}
			for (size_t k = to; k < to + n && r < 0; k++)
				if (vma_range_free(&mm_map_regions, address(k), address(k + 1)))
					memset(&model[k], 0, sizeof(*model));
			break;
		}
		if (r < 0 && r != -EFAULT) {
			assert_int_equal(r, -ENOMEM);
			failed++;
		}
		feed();
		check_tlb();
		for (int k = 0; k < 60; k++)
			touch((size_t)rand() % PAGES, rand() % 2);
		if (i % 40 == 39)
			for (size_t k = 0; k < PAGES; k++)
				touch(k, false);
		assert_int_equal(mm_resident, model_resident());
	}
	assert_true(failed > 100);
	op_unmap(0, PAGES);
	assert_int_equal(mm_map_regions.count, 0);
	assert_int_equal(mm_resident, 0);
}

/* Arguments from nowhere: an errno or the truth, never a crash. */
static void test_wild_arguments(void **state)
{
	static const uint64_t edges[] = {0,
					 1,
					 PAGE_SIZE - 1,
					 PAGE_SIZE,
					 MMAP_MIN,
					 HUGE_SIZE,
					 BASE,
					 1ul << 32,
					 1ul << 46,
					 USER_END - HUGE_SIZE,
					 USER_END - PAGE_SIZE,
					 USER_END - 1,
					 USER_END,
					 1ul << 63,
					 ~0xffful,
					 ~0ul};
	uint64_t a[5];

	(void)state;
	srand(6);
	for (int i = 0; i < 300000; i++) {
		for (int k = 0; k < 5; k++) {
			a[k] = edges[rand() % 16];
			if (rand() % 2)
				a[k] += (uint64_t)(rand() % 9 - 4) * PAGE_SIZE;
			if (rand() % 16 == 0)
				a[k] += (uint64_t)rand() % 4096;
		}
		switch (rand() % 8) {
		case 0:
		case 1:
			sys_mmap(a[0], a[1], rand() % 16,
				 (int)(rand() & ~(MAP_POPULATE | MAP_LOCKED)) |
				     (rand() % 2 ? MAP_PRIVATE | MAP_ANONYMOUS : 0),
				 rand() % 5, a[2]);
			break;
		case 2:
			sys_munmap(a[0], a[1]);
			break;
		case 3:
			sys_mprotect(a[0], a[1], rand() % 2 ? rand() % 8 : rand());
			break;
		case 4:
			sys_mremap(a[0], a[1], a[2], rand() % 9, a[3]);
			break;
		case 5:
			sys_madvise(a[0], a[1], rand() % 2 ? rand() % 21 : rand());
			break;
		case 6:
			sys_msync(a[0], a[1], rand() % 8);
			break;
		case 7:
			mm_fault(a[0], (unsigned)rand() % 4);
			break;
		}
		if (i % 100 == 0) /* or everything is soon taken */
			assert_int_equal(sys_munmap(0, USER_END), 0);
	}
	assert_int_equal(sys_munmap(0, USER_END), 0);
	assert_int_equal(mm_map_regions.count, 0);
	assert_int_equal(mm_resident, 0);
	assert_int_equal(pt_pages, 1);
}

static void test_limits(void **state)
{
	const int anon = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, rw = PROT_READ | PROT_WRITE;

	(void)state;
	limit_as = 20 * PAGE_SIZE;
	limit_data = 10 * PAGE_SIZE;
	assert_int_equal(sys_mmap(BASE, 21 * PAGE_SIZE, PROT_NONE, anon, -1, 0), -ENOMEM);
	assert_int_equal(sys_mmap(BASE, 11 * PAGE_SIZE, rw, anon, -1, 0), -ENOMEM);
	assert_int_equal(sys_mmap(BASE, 10 * PAGE_SIZE, rw, anon, -1, 0), BASE);
	assert_int_equal(sys_mremap(BASE, 10 * PAGE_SIZE, 11 * PAGE_SIZE, 0, 0), -ENOMEM);
	assert_int_equal(sys_mmap(BASE + 10 * PAGE_SIZE, 10 * PAGE_SIZE, PROT_READ, anon, -1, 0),
			 BASE + 10 * PAGE_SIZE);
	assert_int_equal(sys_mmap(BASE + 20 * PAGE_SIZE, PAGE_SIZE, PROT_READ, anon, -1, 0),
			 -ENOMEM);
	limit_as = limit_data = RLIM_INFINITY;
	privileged = false;
	assert_int_equal(sys_mlock(BASE, 6 * PAGE_SIZE), -ENOMEM);
	assert_int_equal(sys_mlock(BASE, 3 * PAGE_SIZE), 0);
	assert_int_equal(sys_mlock(BASE, 4 * PAGE_SIZE), 0);
	assert_int_equal(sys_mlock(BASE + 10 * PAGE_SIZE, 2 * PAGE_SIZE), -ENOMEM);
	assert_int_equal(
	    sys_mmap(BASE + 30 * PAGE_SIZE, 2 * PAGE_SIZE, rw, anon | MAP_LOCKED, -1, 0), -EAGAIN);
	assert_int_equal(sys_mlockall(MCL_CURRENT), -ENOMEM);
	privileged = true;
	assert_int_equal(sys_munmap(BASE, 20 * PAGE_SIZE), 0);
}

static int setup(void **state)
{
	(void)state;
	ram = aligned_alloc(HUGE_SIZE, RAM);
	memset(ram, 0xa5, RAM);
	boot_info.ram[0] = (struct boot_range){1ul << 20, RAM};
	boot_info.nram = 1;
	page_init();
	pt_root = page_alloc_zero(0);
	zero_page = page_alloc_zero(0);
	pt_pages = 1;
	atomic_init(&the_file.refs, 1);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_errors),	cmocka_unit_test(test_grow),
	    cmocka_unit_test(test_residency),	cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_starved),	cmocka_unit_test(test_wild_arguments),
	    cmocka_unit_test(test_huge_policy), cmocka_unit_test(test_no_memory),
	    cmocka_unit_test(test_random),
	};
	return cmocka_run_group_tests(tests, setup, ram_free);
}
