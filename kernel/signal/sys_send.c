/* The calls that send signals. There is one process, and it is 1, root, and its own group. */
#include <asm/errno.h>
#include <stddef.h>
#include "lib/string.h"
#include "mm/uaccess.h"
#include "sched/thread.h"
#include "signal/process.h"
#include "signal/sys_signal.h"
#include "sys/process_ids.h"

static siginfo_t from_program(int sig, int code)
{
	siginfo_t info;

	memset(&info, 0, sizeof(info));
	info.si_signo = sig;
	info.si_code = code;
	info.si_pid = PROCESS_ID;
	info.si_uid = process_ids.uid;
	return info;
}

/* As the thread ids of a process stand for it in kill(2) on Linux. */
static bool is_this_process(int pid)
{
	if (pid == PROCESS_ID)
		return true;
	struct thread *t = pid > 0 ? thread_find(pid) : NULL;
	if (!t)
		return false;
	thread_put(t);
	return true;
}

/* kill(2). -1 means every process but this one and init: there is none. */
long sys_kill(int pid, int sig)
{
	bool here;

	if (pid > 0)
		here = is_this_process(pid);
	else
		here = pid == 0 || (pid != -1 && pid != INT32_MIN && -pid == PROCESS_ID);
	if (!here)
		return -ESRCH;
	if (sig < 0 || sig > SIGNAL_COUNT)
		return -EINVAL;
	if (sig == 0)
		return 0;
	siginfo_t info = from_program(sig, SI_USER);
	return signal_send_process(sig, &info);
}

/* tgid 0: any. */
static long send_to_thread(int tgid, int tid, int sig, const siginfo_t *info)
{
	if (tid <= 0 || (tgid != 0 && tgid != PROCESS_ID))
		return -ESRCH;
	struct thread *t = thread_find(tid);
	if (!t)
		return -ESRCH;
	long r = 0;
	if (sig < 0 || sig > SIGNAL_COUNT)
		r = -EINVAL;
	else if (sig)
		r = signal_send_thread(t, sig, info);
	thread_put(t);
	return r;
}

/* tgkill(2) */
long sys_tgkill(int tgid, int tid, int sig)
{
	siginfo_t info = from_program(sig, SI_TKILL);

	if (tgid <= 0 || tid <= 0)
		return -EINVAL;
	return send_to_thread(tgid, tid, sig, &info);
}

long sys_tkill(int tid, int sig)
{
	siginfo_t info = from_program(sig, SI_TKILL);

	if (tid <= 0)
		return -EINVAL;
	return send_to_thread(0, tid, sig, &info);
}

/* Reads the info of a program; only to itself may it claim to be the kernel or kill(2). */
static int read_info(siginfo_t *info, uintptr_t from, int sig, int to)
{
	if (copy_from_user(info, from, sizeof(*info)))
		return -EFAULT;
	info->si_signo = sig;
	if ((info->si_code >= 0 || info->si_code == SI_TKILL) && to != current->tid)
		return -EPERM;
	return 0;
}

/* rt_sigqueueinfo(2) */
long sys_rt_sigqueueinfo(int pid, int sig, uintptr_t from)
{
	siginfo_t info;
	int r = read_info(&info, from, sig, pid);

	if (r)
		return r;
	if (!is_this_process(pid))
		return -ESRCH;
	if (sig < 0 || sig > SIGNAL_COUNT)
		return -EINVAL;
	return sig ? signal_send_process(sig, &info) : 0;
}

/* rt_tgsigqueueinfo(2) */
long sys_rt_tgsigqueueinfo(int tgid, int tid, int sig, uintptr_t from)
{
	siginfo_t info;
	int r = read_info(&info, from, sig, tid);

	if (r)
		return r;
	if (tgid <= 0 || tid <= 0)
		return -EINVAL;
	return send_to_thread(tgid, tid, sig, &info);
}
