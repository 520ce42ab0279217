/* System calls of memory management: man pages of the same names. */
#pragma once
#include <stddef.h>
#include <stdint.h>

long sys_mmap(uintptr_t addr, size_t len, int prot, int flags, int fd, uint64_t offset);
long sys_munmap(uintptr_t addr, size_t len);
long sys_mprotect(uintptr_t addr, size_t len, int prot);
long sys_madvise(uintptr_t addr, size_t len, int advice);
long sys_mremap(uintptr_t addr, size_t old_len, size_t new_len, int flags, uintptr_t new_addr);
long sys_brk(uintptr_t addr);
long sys_mincore(uintptr_t addr, size_t len, uintptr_t vec);
long sys_msync(uintptr_t addr, size_t len, int flags);
long sys_mlock(uintptr_t addr, size_t len);
long sys_mlock2(uintptr_t addr, size_t len, unsigned flags);
long sys_munlock(uintptr_t addr, size_t len);
long sys_mlockall(int flags);
long sys_munlockall(void);
