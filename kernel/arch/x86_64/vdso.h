/* The vDSO, vdso(7): clock_gettime, gettimeofday, time, clock_getres, getcpu without a system call.
 */
#pragma once

/* For AT_SYSINFO_EHDR. */
const void *vdso_ehdr(void);
