/* The CPU's translation cache, on this CPU. Intel SDM volume 3 section 4.10.4. */
#pragma once
#include <stdint.h>

#ifdef HOST_TEST
void tlb_flush_page(uintptr_t va);
void tlb_flush_all(void);
#else
#include "arch/x86_64/cpu.h"

static inline void tlb_flush_page(uintptr_t va)
{
	invlpg(va);
}

/* All but global translations, which are the kernel's and do not change. */
static inline void tlb_flush_all(void)
{
	write_cr3(read_cr3());
}
#endif
