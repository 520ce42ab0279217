/* The system calls about time, as their man pages state them, and what they share. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* sys_clock.c */
long sys_clock_gettime(int id, uintptr_t to);
long sys_clock_getres(int id, uintptr_t to);
long sys_clock_settime(int id, uintptr_t from);
long sys_gettimeofday(uintptr_t tv, uintptr_t tz);
long sys_settimeofday(uintptr_t tv, uintptr_t tz);
long sys_time(uintptr_t to);
long sys_times(uintptr_t to);

/* sys_adjtime.c */
long sys_adjtimex(uintptr_t timex);
long sys_clock_adjtime(int id, uintptr_t timex);

/* sys_sleep.c */
long sys_nanosleep(uintptr_t request, uintptr_t remaining);
long sys_clock_nanosleep(int id, int flags, uintptr_t request, uintptr_t remaining);

/* posix_timer.c */
long sys_timer_create(int clock, uintptr_t event, uintptr_t id);
long sys_timer_settime(int id, int flags, uintptr_t value, uintptr_t old);
long sys_timer_gettime(int id, uintptr_t value);
long sys_timer_getoverrun(int id);
long sys_timer_delete(int id);

/* itimer.c */
long sys_setitimer(int which, uintptr_t value, uintptr_t old);
long sys_getitimer(int which, uintptr_t value);
long sys_alarm(unsigned seconds);

/* sys_random.c */
long sys_getrandom(uintptr_t to, size_t n, unsigned flags);
