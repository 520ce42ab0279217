/*
 * The program's address space: one, for the one program. See vma.h for the region map.
 *
 * Lock: one address-space spin lock inside mm. Page faults take it too.
 */
#pragma once
#include <stdint.h>
#include <stddef.h>
#include <stdbool.h>

struct file;

/* After page_init: builds the final page tables (image with W^X, direct map, nothing at 0). */
void mm_init(void);
/* Frees what only boot needed (early page tables). */
void mm_free_boot_memory(void);

enum fault_result {
	FAULT_OK,     /* resolved, retry */
	FAULT_MAPERR, /* SIGSEGV, SEGV_MAPERR: no mapping there */
	FAULT_ACCERR, /* SIGSEGV, SEGV_ACCERR: mapping does not allow it */
	FAULT_BUS,    /* SIGBUS, BUS_ADRERR: past the end of a mapped file */
};

#define FAULT_WRITE 1u
#define FAULT_EXEC  2u
/* Resolves a page fault at addr. Runs with interrupts off, on an IST stack. Does not block.
 * When memory is out it ends the machine (mm/oom.h). */
enum fault_result mm_fault(uintptr_t addr, unsigned flags);

/* Kernel-side mapping calls; addresses and errors as in mmap(2): an address or -errno. */
long mm_map(uintptr_t addr, size_t len, int prot, int flags, struct file *file, uint64_t offset);
long mm_unmap(uintptr_t addr, size_t len);

/* For /proc/self/maps, /proc/meminfo, sysinfo(2), getrusage(2). Bytes. */
struct mm_stats {
	uint64_t total, free, mapped, resident, peak_resident, page_tables, kernel_heap;
	uint64_t minor_faults;
};
void mm_get_stats(struct mm_stats *s);

/* Calls f for each region in address order with Linux PROT_ and MAP_ flags; stops on non-zero.
 * The address-space lock is held: f must not map, fault or block. name may be NULL. */
int mm_for_each_region(int (*f)(void *arg, uintptr_t start, uintptr_t end, int prot, int flags,
				uint64_t offset, const char *name),
		       void *arg);
