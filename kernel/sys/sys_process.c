/*
 * Calls about other processes: there is one program on this machine, and it cannot make another.
 * Those that are not here answer ENOSYS (sys/table.c): fork, vfork, and clone without
 * CLONE_THREAD among them.
 */
#include <asm/errno.h>
#include <limits.h>
#include <linux/fcntl.h>
#include <linux/ptrace.h>
#include <linux/sched.h>
#include <linux/wait.h>
#include <stdbool.h>
#include "sched/thread.h"
#include "sys/process_ids.h"
#include "sys/sys_misc.h"
#include "vfs/fdtable.h"

#define CLONE_FLAGS_UNSHARED                                                                       \
	(CLONE_THREAD | CLONE_FS | CLONE_NEWNS | CLONE_SIGHAND | CLONE_VM | CLONE_FILES |          \
	 CLONE_SYSVSEM | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWUSER |              \
	 CLONE_NEWPID | CLONE_NEWCGROUP | CLONE_NEWTIME)

/* wait4(2) */
long sys_wait4(int pid, uintptr_t status, int options, uintptr_t usage)
{
	const unsigned known =
	    WNOHANG | WUNTRACED | WCONTINUED | __WNOTHREAD | (unsigned)__WCLONE | __WALL;

	(void)status;
	(void)usage;
	if ((unsigned)options & ~known)
		return -EINVAL;
	return pid == INT_MIN ? -ESRCH : -ECHILD;
}

/* waitid(2) */
long sys_waitid(int which, int id, uintptr_t info, int options, uintptr_t usage)
{
	const unsigned known = WNOHANG | WNOWAIT | WEXITED | WSTOPPED | WCONTINUED | __WNOTHREAD |
			       (unsigned)__WCLONE | __WALL;

	(void)info;
	(void)usage;
	if ((unsigned)options & ~known || !(options & (WEXITED | WSTOPPED | WCONTINUED)))
		return -EINVAL;
	switch (which) {
	case P_ALL:
		return -ECHILD;
	case P_PID:
		return id <= 0 ? -EINVAL : -ECHILD;
	case P_PGID:
		return id < 0 ? -EINVAL : -ECHILD;
	case P_PIDFD: {
		if (id < 0)
			return -EINVAL;
		struct file *f = fd_get(id);
		if (!f)
			return -EBADF;
		file_put(f);
		return -EBADF; /* no descriptor here is a pidfd */
	}
	default:
		return -EINVAL;
	}
}

/* ptrace(2): nobody to trace, and nobody who would trace us. A thread may not trace its own
 * process. */
long sys_ptrace(long request, int pid, uintptr_t addr, uintptr_t data)
{
	(void)addr;
	(void)data;
	if (request == PTRACE_TRACEME || pid == current->tid || pid == PROCESS_ID)
		return -EPERM;
	return -ESRCH;
}

/* unshare(2): everything that a thread can have for itself, it shares here. */
long sys_unshare(unsigned long flags)
{
	if (flags & ~(unsigned long)CLONE_FLAGS_UNSHARED)
		return -EINVAL;
	return flags ? -EPERM : 0;
}

/* seccomp(2), with no operation supported. */
long sys_seccomp(unsigned operation, unsigned flags, uintptr_t args)
{
	(void)operation;
	(void)flags;
	(void)args;
	return -EINVAL;
}
