/*
 * What even root may not do here, because there is nothing to do it to: other file systems, swap,
 * kernel modules, the kernel's log, a terminal to hang up. EPERM, as in a container.
 */
#include <asm/errno.h>

#define REFUSED(name)                                                                              \
	long sys_##name(void);                                                                     \
	long sys_##name(void)                                                                      \
	{                                                                                          \
		return -EPERM;                                                                     \
	}

/* clang-format off */
REFUSED(mount) REFUSED(umount2) REFUSED(pivot_root) REFUSED(swapon) REFUSED(swapoff)
REFUSED(acct) REFUSED(quotactl) REFUSED(vhangup) REFUSED(syslog) REFUSED(setns)
REFUSED(init_module) REFUSED(finit_module) REFUSED(delete_module) REFUSED(kexec_load)
REFUSED(kexec_file_load)
    /* clang-format on */
