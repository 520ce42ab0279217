/* Linux's header beside libc's: where libc's types are there already (in tests, not in the kernel's
 * own sources), those that both define get other names. */
#pragma once
#if defined(__sigset_t_defined) || defined(__timeval_defined)
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
#else
#include_next <asm/signal.h>
#endif
