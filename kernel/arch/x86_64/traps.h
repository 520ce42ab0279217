/*
 * Traps: descriptor tables, and what happens after entry.S has saved the registers.
 * See docs/architecture.md, "Interrupts".
 */
#pragma once
#include "arch/x86_64/frame.h"

/* GDT, TSS with IST stacks, IDT, GS and the SYSCALL MSRs of the boot CPU. No allocation. */
void traps_init_cpu(void);

/*
 * From now on the vector's gate is marked as not present, and its interrupt taken where the
 * exception of that arrives (segment not present, SDM volume 3, 6.15). For one vector, 32 to 255,
 * and QEMU's emulation of a hypervisor's guest, which delivers an injected interrupt twice now and
 * then: VMRUN (helper_vmrun in its svm_helper.c) leaves the vector in exception_index, and a device
 * that asks for the emulator's attention just then makes it an exception as well, on the first
 * instruction of the handler, over the frame on the stack of traps. Exceptions that arise from an
 * injection are delivered once.
 */
void trap_by_absent_gate(unsigned vector);

/* Does what current->flags asks for until nothing is left; returns with interrupts off.
 * nr: number of the system call that f comes from, or -1. */
void exit_work(struct trap_frame *f, long nr);
