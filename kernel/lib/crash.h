/* The crash report of an exception in the kernel; panic() is in lib/printk.h. */
#pragma once

struct trap_frame;

/*
 * Prints why, the registers in f, a symbolised backtrace through kernel and program, and ends the
 * machine with EXIT_KERNEL_PANIC. Takes no lock; every memory access of it survives a fault; a
 * crash within it ends the machine at once. Runs on any stack with some 2 KiB left.
 */
void crash_report(const struct trap_frame *f, const char *why) __attribute__((noreturn));
