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
