/* The system calls of kernel/sys, as their man pages state them. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* rlimit.c */
long sys_prlimit64(int pid, unsigned resource, uintptr_t new, uintptr_t old);
long sys_getrlimit(unsigned resource, uintptr_t to);
long sys_setrlimit(unsigned resource, uintptr_t from);

/* sys_ids.c */
long sys_getpid(void);
long sys_getppid(void);
long sys_getuid(void);
long sys_geteuid(void);
long sys_getgid(void);
long sys_getegid(void);
long sys_getpgid(int pid);
long sys_getpgrp(void);
long sys_getsid(int pid);
long sys_setsid(void);
long sys_setpgid(int pid, int group);
long sys_setuid(unsigned id);
long sys_setgid(unsigned id);
long sys_setreuid(unsigned r, unsigned e);
long sys_setregid(unsigned r, unsigned e);
long sys_setresuid(unsigned r, unsigned e, unsigned s);
long sys_setresgid(unsigned r, unsigned e, unsigned s);
long sys_getresuid(uintptr_t r, uintptr_t e, uintptr_t s);
long sys_getresgid(uintptr_t r, uintptr_t e, uintptr_t s);
long sys_setfsuid(unsigned id);
long sys_setfsgid(unsigned id);
long sys_getgroups(int size, uintptr_t list);
long sys_setgroups(int size, uintptr_t list);

/* capability.c */
long sys_capget(uintptr_t header, uintptr_t data);
long sys_capset(uintptr_t header, uintptr_t data);

/* sys_prctl.c */
long sys_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d);

/* sys_priority.c */
long sys_getpriority(int which, int who);
long sys_setpriority(int which, int who, int nice);
long sys_sched_setscheduler(int tid, int policy, uintptr_t param);
long sys_sched_setparam(int tid, uintptr_t param);
long sys_sched_getscheduler(int tid);
long sys_sched_getparam(int tid, uintptr_t param);
long sys_sched_get_priority_max(int policy);
long sys_sched_get_priority_min(int policy);
long sys_sched_rr_get_interval(int tid, uintptr_t to);
long sys_sched_getattr(int tid, uintptr_t to, unsigned size, unsigned flags);
long sys_sched_setattr(int tid, uintptr_t from, unsigned flags);

/* sys_system.c */
long sys_uname(uintptr_t to);
long sys_sethostname(uintptr_t from, int length);
long sys_setdomainname(uintptr_t from, int length);
long sys_sysinfo(uintptr_t to);
long sys_getrusage(int who, uintptr_t to);
long sys_getcpu(uintptr_t cpu, uintptr_t node, uintptr_t unused);
long sys_personality(unsigned persona);
long sys_reboot(unsigned magic1, unsigned magic2, unsigned command, uintptr_t arg);

/* sys_process.c */
long sys_wait4(int pid, uintptr_t status, int options, uintptr_t usage);
long sys_waitid(int which, int id, uintptr_t info, int options, uintptr_t usage);
long sys_ptrace(long request, int pid, uintptr_t addr, uintptr_t data);
long sys_unshare(unsigned long flags);
long sys_seccomp(unsigned operation, unsigned flags, uintptr_t args);

/* sys_exec.c */
long sys_execve(uintptr_t path, uintptr_t argv, uintptr_t envp);
long sys_execveat(int dirfd, uintptr_t path, uintptr_t argv, uintptr_t envp, int flags);
