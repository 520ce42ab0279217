/* --trace: system calls and signals on the console, as strace prints them. */
#pragma once
#include <asm/siginfo.h>

/* A signal is about to be delivered to the current thread. */
void trace_signal(int sig, const siginfo_t *info);
