/* What the crash report needs of printk beyond lib/printk.h. */
#pragma once
#include <stdarg.h>

void vprintk(const char *fmt, va_list ap) __attribute__((format(printf, 1, 0)));

/* From now on nobody takes the console lock: the kernel is failing and its holder may be dead. */
void printk_break_lock(void);
