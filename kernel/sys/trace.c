/* trace.h */
#include "sys/trace.h"
#include "lib/printk.h"
#include "sched/thread.h"
#include "signal/process.h"

void trace_signal(int sig, const siginfo_t *info)
{
	char name[12];

	printk("[%d] --- %s {si_code=%d} ---\n", current->tid, signal_name(sig, name),
	       info->si_code);
}
