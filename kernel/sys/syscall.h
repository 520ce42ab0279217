/*
 * System calls: the Linux x86-64 ABI as function calls. Each sys_NAME takes the arguments of the
 * man page, pointers as uintptr_t (they are the program's: use mm/uaccess.h), and returns a result
 * or -errno. They run on the thread's kernel stack and may block.
 */
#pragma once
#include <stdint.h>
#include <stddef.h>

typedef long (*syscall_fn)(long, long, long, long, long, long);

#define SYSCALL_MAX 470
extern const syscall_fn syscall_table[SYSCALL_MAX];

/* Traced calls (thread.syscall_limit) pass through here: prints name, arguments and result. */
long syscall_trace(long nr, const long args[6], syscall_fn fn);
