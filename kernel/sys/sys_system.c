/* What the program learns about the machine and itself, and how it ends the machine. */
#include <asm/errno.h>
#include <linux/personality.h>
#include <linux/reboot.h>
#include <linux/resource.h>
#include <linux/sysinfo.h>
#include <linux/utsname.h>
#include "arch/x86_64/percpu.h"
#include "cmdline.h"
#include "lib/string.h"
#include "mm/mm.h"
#include "mm/uaccess.h"
#include "sched/thread.h"
#include "sys/capability.h"
#include "sys/power.h"
#include "sys/sys_misc.h"
#include "sys/utsname.h"
#include "time/clock.h"

#define NS_PER_SECOND 1000000000ul

/* The domain name, and the two buffers that host names set by the program take turns in: readers
 * take no lock. */
static char domain[__NEW_UTS_LEN + 1] = "(none)";
static char host[2][__NEW_UTS_LEN + 1];
static spinlock_t names_lock = SPINLOCK_INIT;

/* uname(2) */
long sys_uname(uintptr_t to)
{
	struct new_utsname u;

	memset(&u, 0, sizeof(u));
	strlcpy(u.sysname, UTS_SYSNAME, sizeof(u.sysname));
	strlcpy(u.nodename, cmdline.hostname, sizeof(u.nodename));
	strlcpy(u.release, UTS_RELEASE, sizeof(u.release));
	strlcpy(u.version, UTS_VERSION, sizeof(u.version));
	strlcpy(u.machine, UTS_MACHINE, sizeof(u.machine));
	strlcpy(u.domainname, domain, sizeof(u.domainname));
	return copy_to_user(to, &u, sizeof(u));
}

static int read_name(char name[__NEW_UTS_LEN + 1], uintptr_t from, int length)
{
	if (!process_capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (length < 0 || length > __NEW_UTS_LEN)
		return -EINVAL;
	memset(name, 0, __NEW_UTS_LEN + 1);
	return copy_from_user(name, from, (size_t)length);
}

/* sethostname(2) */
long sys_sethostname(uintptr_t from, int length)
{
	char name[__NEW_UTS_LEN + 1];
	int r = read_name(name, from, length);

	if (r)
		return r;
	spin_lock(&names_lock);
	char *next = cmdline.hostname == host[0] ? host[1] : host[0];
	memcpy(next, name, sizeof(name));
	__atomic_store_n(&cmdline.hostname, next, __ATOMIC_RELEASE);
	spin_unlock(&names_lock);
	return 0;
}

long sys_setdomainname(uintptr_t from, int length)
{
	char name[__NEW_UTS_LEN + 1];
	int r = read_name(name, from, length);

	if (r)
		return r;
	spin_lock(&names_lock);
	memcpy(domain, name, sizeof(name));
	spin_unlock(&names_lock);
	return 0;
}

/* sysinfo(2) */
long sys_sysinfo(uintptr_t to)
{
	struct mm_stats mm;
	struct sysinfo s;

	mm_get_stats(&mm);
	memset(&s, 0, sizeof(s));
	s.uptime = (long)((clock_monotonic() + NS_PER_SECOND - 1) / NS_PER_SECOND);
	s.totalram = mm.total;
	s.freeram = mm.free;
	s.procs = (uint16_t)thread_count;
	s.mem_unit = 1;
	return copy_to_user(to, &s, sizeof(s));
}

static void set_time(struct __kernel_old_timeval *tv, uint64_t ns)
{
	tv->tv_sec = (long)(ns / NS_PER_SECOND);
	tv->tv_usec = (long)(ns % NS_PER_SECOND / 1000);
}

/* getrusage(2). All time counts as user time: a system call is a function call. */
long sys_getrusage(int who, uintptr_t to)
{
	struct rusage u;
	struct mm_stats mm;

	memset(&u, 0, sizeof(u));
	switch (who) {
	case RUSAGE_SELF:
		mm_get_stats(&mm);
		set_time(&u.ru_utime, process_cputime());
		u.ru_maxrss = (long)(mm.peak_resident / 1024);
		u.ru_minflt = (long)mm.minor_faults;
		spin_lock(&threads_lock);
		list_for_each_entry (t, &threads_all, struct thread, all_link) {
			u.ru_nvcsw += (long)t->voluntary_switches;
			u.ru_nivcsw += (long)t->involuntary_switches;
		}
		spin_unlock(&threads_lock);
		break;
	case RUSAGE_THREAD:
		mm_get_stats(&mm);
		set_time(&u.ru_utime, thread_cputime(current));
		u.ru_maxrss = (long)(mm.peak_resident / 1024);
		u.ru_nvcsw = (long)current->voluntary_switches;
		u.ru_nivcsw = (long)current->involuntary_switches;
		break;
	case RUSAGE_CHILDREN:
		break;
	default:
		return -EINVAL;
	}
	return copy_to_user(to, &u, sizeof(u));
}

/* getcpu(2): one NUMA node. */
long sys_getcpu(uintptr_t cpu, uintptr_t node, uintptr_t unused)
{
	(void)unused;
	if ((cpu && put_user_u32(cpu, this_cpu()->id)) || (node && put_user_u32(node, 0)))
		return -EFAULT;
	return 0;
}

/* personality(2): ours is Linux. What would take effect at the next execve can be kept, as there is
 * none. */
long sys_personality(unsigned persona)
{
	static unsigned now = PER_LINUX;
	unsigned before = now;

	if (persona == 0xffffffff)
		return before;
	if (persona & ~(unsigned)ADDR_NO_RANDOMIZE)
		return -EINVAL;
	now = persona;
	return before;
}

/* reboot(2): every end is the end of the machine, in order. */
long sys_reboot(unsigned magic1, unsigned magic2, unsigned command, uintptr_t arg)
{
	(void)arg;
	if (!process_capable(CAP_SYS_BOOT))
		return -EPERM;
	if (magic1 != LINUX_REBOOT_MAGIC1 ||
	    (magic2 != LINUX_REBOOT_MAGIC2 && magic2 != LINUX_REBOOT_MAGIC2A &&
	     magic2 != LINUX_REBOOT_MAGIC2B && magic2 != LINUX_REBOOT_MAGIC2C))
		return -EINVAL;
	switch (command) {
	case LINUX_REBOOT_CMD_RESTART:
	case LINUX_REBOOT_CMD_RESTART2:
		power_want_reboot();
		machine_exit(0);
	case LINUX_REBOOT_CMD_HALT:
	case LINUX_REBOOT_CMD_POWER_OFF:
		machine_exit(0);
	case LINUX_REBOOT_CMD_CAD_OFF: /* there are no such keys */
		return 0;
	default:
		return -EINVAL;
	}
}
