/*
 * Traps: descriptor tables, and what happens after entry.S has saved the registers.
 * See docs/architecture.md, "Interrupts".
 */
#pragma once
#include "arch/x86_64/frame.h"

/* GDT, TSS with IST stacks, IDT, GS and the SYSCALL MSRs of the boot CPU. No allocation. */
void traps_init_cpu(void);

/* Does what current->flags asks for until nothing is left; returns with interrupts off.
 * nr: number of the system call that f comes from, or -1. */
void exit_work(struct trap_frame *f, long nr);
