/* The end of the world. */
#include <stdatomic.h>
#include "hyper/hyper.h"
#include "lib/crash.h"
#include "lib/exitcode.h"
#include "lib/printk.h"
#include "lib/printk_internal.h"

static atomic_int panics;

void panic(const char *fmt, ...)
{
	printk_break_lock();
	if (atomic_fetch_add(&panics, 1) == 0) {
		va_list ap;
		va_start(ap, fmt);
		printk("unigornel: kernel panic: ");
		vprintk(fmt, ap);
		printk("\n");
		va_end(ap);
	}
	hyper->shutdown(EXIT_KERNEL_PANIC);
}

void crash_report(const struct trap_frame *f, const char *why)
{
	(void)f;
	panic("%s", why);
}
