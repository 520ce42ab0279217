/* The order in which the kernel comes up. */
#pragma once

/* On the boot stack with early page tables and interrupts off. error: what boot.c did not like. */
void kernel_main(const char *error) __attribute__((noreturn));
