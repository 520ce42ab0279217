/* Kernel messages and the end of the world. */
#pragma once
#include <stdarg.h>
#include <stddef.h>

/*
 * Prints to the console, a line at a time, prefixed by nothing: what the kernel says it says
 * as "unigornel: ...". Conversions: d i u x X p s c % with flags 0 - width .precision(s) l ll z h.
 * May be called from anywhere after console setup; takes only the console lock.
 */
void printk(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Writes bytes as they are, not torn by messages of other CPUs (the tty's output). */
void console_write(const char *s, size_t n);

/* As C's snprintf with the conversions of printk. Returns the length it would have had. */
int ksnprintf(char *buf, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int kvsnprintf(char *buf, size_t size, const char *fmt, va_list ap)
    __attribute__((format(printf, 3, 0)));

/*
 * Ends the machine: message, registers where known, symbolised backtrace, exit code
 * EXIT_KERNEL_PANIC. Never returns, never hangs, takes no lock.
 */
void panic(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

#define assert(cond)                                                                               \
	do {                                                                                       \
		if (__builtin_expect(!(cond), 0))                                                  \
			panic("assertion failed: %s at %s:%d", #cond, __FILE__, __LINE__);         \
	} while (0)
