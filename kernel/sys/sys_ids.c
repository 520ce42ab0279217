/* Process, user and group ids: credentials(7) for a process that is alone and began as root. */
#include <asm/errno.h>
#include <stdbool.h>
#include <stdint.h>
#include "lib/spinlock.h"
#include "mm/uaccess.h"
#include "sched/thread.h"
#include "sys/capability.h"
#include "sys/process_ids.h"
#include "sys/sys_misc.h"

#define KEEP	   ((unsigned)-1) /* "leave as it is" of setresuid(2) */
#define GROUPS_MAX 64 /* Linux: NGROUPS_MAX is 65536; a longer list is refused with ENOMEM */
#define NGROUPS	   65536

struct process_ids process_ids;

/* Supplementary groups; ids_lock guards these and writers of process_ids. */
static spinlock_t ids_lock = SPINLOCK_INIT;
static unsigned groups[GROUPS_MAX];
static unsigned ngroups;

bool process_privileged(void)
{
	return process_ids.euid == 0;
}

bool process_group_at(unsigned i, unsigned *group)
{
	spin_lock(&ids_lock);
	bool found = i < ngroups;
	if (found)
		*group = groups[i];
	spin_unlock(&ids_lock);
	return found;
}

long sys_getpid(void)
{
	return PROCESS_ID;
}

long sys_getppid(void)
{
	return 0; /* init's */
}

long sys_getuid(void)
{
	return process_ids.uid;
}

long sys_geteuid(void)
{
	return process_ids.euid;
}

long sys_getgid(void)
{
	return process_ids.gid;
}

long sys_getegid(void)
{
	return process_ids.egid;
}

/* pid 0 and each thread's id stand for the process. */
static bool is_self(int pid)
{
	if (pid == 0 || pid == PROCESS_ID)
		return true;
	struct thread *t = pid > 0 ? thread_find(pid) : NULL;
	if (!t)
		return false;
	thread_put(t);
	return true;
}

long sys_getpgid(int pid)
{
	return is_self(pid) ? PROCESS_ID : -ESRCH;
}

long sys_getpgrp(void)
{
	return PROCESS_ID;
}

long sys_getsid(int pid)
{
	return is_self(pid) ? PROCESS_ID : -ESRCH;
}

/* setsid(2): a group leader cannot. */
long sys_setsid(void)
{
	return -EPERM;
}

/* setpgid(2): a session leader cannot change its group. */
long sys_setpgid(int pid, int group)
{
	if (group < 0 || (group == 0 && pid < 0))
		return -EINVAL;
	return is_self(pid) ? -EPERM : -ESRCH;
}

/* One family of ids: real, effective, saved, file system. */
struct idset {
	unsigned *real, *effective, *saved, *fs;
	int cap; /* that allows any value */
};

static struct idset users(void)
{
	struct process_ids *p = &process_ids;

	return (struct idset){&p->uid, &p->euid, &p->suid, &p->fsuid, CAP_SETUID};
}

static struct idset group_ids(void)
{
	struct process_ids *p = &process_ids;

	return (struct idset){&p->gid, &p->egid, &p->sgid, &p->fsgid, CAP_SETGID};
}

static bool is_one_of(struct idset s, unsigned id)
{
	return id == *s.real || id == *s.effective || id == *s.saved;
}

/* setresuid(2), setresgid(2) */
static long set_three(struct idset s, unsigned r, unsigned e, unsigned sv)
{
	long result = 0;

	spin_lock(&ids_lock);
	if (!process_capable(s.cap) &&
	    ((r != KEEP && !is_one_of(s, r)) || (e != KEEP && !is_one_of(s, e)) ||
	     (sv != KEEP && !is_one_of(s, sv)))) {
		result = -EPERM;
	} else {
		if (r != KEEP)
			*s.real = r;
		if (e != KEEP)
			*s.effective = e;
		if (sv != KEEP)
			*s.saved = sv;
		*s.fs = *s.effective;
	}
	spin_unlock(&ids_lock);
	return result;
}

/* setuid(2), setgid(2) */
static long set_one(struct idset s, unsigned id)
{
	long result = 0;

	if (id == KEEP)
		return -EINVAL;
	spin_lock(&ids_lock);
	if (process_capable(s.cap))
		*s.real = *s.saved = id;
	else if (id != *s.real && id != *s.saved)
		result = -EPERM;
	if (!result)
		*s.effective = *s.fs = id;
	spin_unlock(&ids_lock);
	return result;
}

/* setreuid(2), setregid(2): the saved id follows when the real one is set, or the effective one to
 * something other than the real one was. */
static long set_two(struct idset s, unsigned r, unsigned e)
{
	long result = 0;

	spin_lock(&ids_lock);
	bool root = process_capable(s.cap);
	unsigned old_real = *s.real;
	if (!root &&
	    ((r != KEEP && r != *s.real && r != *s.effective) || (e != KEEP && !is_one_of(s, e)))) {
		result = -EPERM;
	} else {
		if (r != KEEP)
			*s.real = r;
		if (e != KEEP)
			*s.effective = e;
		if (r != KEEP || (e != KEEP && e != old_real))
			*s.saved = *s.effective;
		*s.fs = *s.effective;
	}
	spin_unlock(&ids_lock);
	return result;
}

/* What a change of user ids does to capabilities. Group ids do nothing. */
struct user_change {
	bool had_root, was_root;
};

static struct user_change before_change(void)
{
	const struct process_ids *p = &process_ids;

	return (struct user_change){p->uid == 0 || p->euid == 0 || p->suid == 0, p->euid == 0};
}

static long after_change(struct user_change c, long result)
{
	if (result == 0)
		capability_after_setuid(c.had_root, c.was_root);
	return result;
}

static long get_three(struct idset s, uintptr_t r, uintptr_t e, uintptr_t sv)
{
	if (put_user_u32(r, *s.real) || put_user_u32(e, *s.effective) || put_user_u32(sv, *s.saved))
		return -EFAULT;
	return 0;
}

/* setfsuid(2), setfsgid(2): no error, the previous value. */
static long set_fs(struct idset s, unsigned id)
{
	spin_lock(&ids_lock);
	unsigned before = *s.fs;
	if (id != KEEP && (process_capable(s.cap) || is_one_of(s, id) || id == *s.fs))
		*s.fs = id;
	spin_unlock(&ids_lock);
	return before;
}

long sys_setuid(unsigned id)
{
	struct user_change c = before_change();

	return after_change(c, set_one(users(), id));
}

long sys_setgid(unsigned id)
{
	return set_one(group_ids(), id);
}

long sys_setreuid(unsigned r, unsigned e)
{
	struct user_change c = before_change();

	return after_change(c, set_two(users(), r, e));
}

long sys_setregid(unsigned r, unsigned e)
{
	return set_two(group_ids(), r, e);
}

long sys_setresuid(unsigned r, unsigned e, unsigned s)
{
	struct user_change c = before_change();

	return after_change(c, set_three(users(), r, e, s));
}

long sys_setresgid(unsigned r, unsigned e, unsigned s)
{
	return set_three(group_ids(), r, e, s);
}

long sys_getresuid(uintptr_t r, uintptr_t e, uintptr_t s)
{
	return get_three(users(), r, e, s);
}

long sys_getresgid(uintptr_t r, uintptr_t e, uintptr_t s)
{
	return get_three(group_ids(), r, e, s);
}

long sys_setfsuid(unsigned id)
{
	return set_fs(users(), id);
}

long sys_setfsgid(unsigned id)
{
	return set_fs(group_ids(), id);
}

long sys_getgroups(int size, uintptr_t list)
{
	unsigned copy[GROUPS_MAX], n;

	if (size < 0)
		return -EINVAL;
	spin_lock(&ids_lock);
	n = ngroups;
	for (unsigned i = 0; i < n; i++)
		copy[i] = groups[i];
	spin_unlock(&ids_lock);
	if (size == 0)
		return n;
	if ((unsigned)size < n)
		return -EINVAL;
	return copy_to_user(list, copy, n * sizeof(copy[0])) ? -EFAULT : (long)n;
}

long sys_setgroups(int size, uintptr_t list)
{
	unsigned copy[GROUPS_MAX];

	if (!process_capable(CAP_SETGID))
		return -EPERM;
	if (size < 0 || size > NGROUPS)
		return -EINVAL;
	if (size > GROUPS_MAX)
		return -ENOMEM;
	unsigned n = (unsigned)size;
	if (copy_from_user(copy, list, n * sizeof(copy[0])))
		return -EFAULT;
	spin_lock(&ids_lock);
	ngroups = n;
	for (unsigned i = 0; i < n; i++)
		groups[i] = copy[i];
	spin_unlock(&ids_lock);
	return 0;
}
