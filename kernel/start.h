/* From the kernel's last step of boot to the program's first instruction, and the program's end. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* The auxiliary vector the program was given, AT_NULL included, and its bytes: /proc/self/auxv. */
extern uint64_t program_auxv[40];
extern size_t program_auxv_size;

/* Parses the command line: the loader's, then the boot module's .unigornel/cmdline. Errors end the
 * machine with a message. */
void options_init(void);

/* Makes the program's stack (arguments, environment, auxiliary vector as Linux's execve leaves
 * them) and its first thread; runs it. */
void program_start(void) __attribute__((noreturn));
