/* Linux's header beside libc's: the types that both define get other names here. */
#pragma once
#define sigset_t    kernel_sigset_t
#define stack_t	    kernel_stack_t
#define sigaltstack kernel_sigaltstack
#define timeval	    kernel_timeval
#define timezone    kernel_timezone
#define itimerval   kernel_itimerval
#define itimerspec  kernel_itimerspec
#include_next <asm/signal.h>
#undef sigset_t
#undef stack_t
#undef sigaltstack
#undef timeval
#undef timezone
#undef itimerval
#undef itimerspec
