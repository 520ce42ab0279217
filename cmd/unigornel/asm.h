/* Go assembly in which the system call instruction becomes a call of the kernel. */
#pragma once
#include "util.h"

/* Writes the file with SYSCALL replaced by CALL unigornel_syscall(SB) to out; lines keep their
 * numbers. False if there is none. */
bool asm_replace_syscalls(const struct buffer *in, struct buffer *out);
