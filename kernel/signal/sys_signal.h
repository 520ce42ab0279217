/* The system calls of kernel/signal, as signal(7)'s man pages state them. */
#pragma once
#include <stddef.h>
#include <stdint.h>

long sys_rt_sigaction(int sig, uintptr_t new, uintptr_t old, size_t size);
long sys_rt_sigprocmask(int how, uintptr_t set, uintptr_t old, size_t size);
long sys_sigaltstack(uintptr_t new, uintptr_t old);
long sys_rt_sigpending(uintptr_t set, size_t size);
long sys_pause(void);
long sys_rt_sigsuspend(uintptr_t set, size_t size);
long sys_rt_sigtimedwait(uintptr_t set, uintptr_t info, uintptr_t timeout, size_t size);
long sys_kill(int pid, int sig);
long sys_tgkill(int tgid, int tid, int sig);
long sys_tkill(int tid, int sig);
long sys_rt_sigqueueinfo(int pid, int sig, uintptr_t info);
long sys_rt_tgsigqueueinfo(int tgid, int tid, int sig, uintptr_t info);
long sys_signalfd4(int fd, uintptr_t mask, size_t size, int flags);
long sys_signalfd(int fd, uintptr_t mask, size_t size);
