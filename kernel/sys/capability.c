/* capability.h */
#include "sys/capability.h"
#include <asm/errno.h>
#include <linux/prctl.h>
#include "lib/spinlock.h"
#include "lib/string.h"
#include "mm/uaccess.h"
#include "sched/thread.h"
#include "sys/process_ids.h"
#include "sys/sys_misc.h"

#define ALL_CAPS	((1ul << (CAP_LAST_CAP + 1)) - 1)
#define capbit(cap)	(1ul << (cap))
#define VERSION_1_WORDS 1
#define VERSION_3_WORDS 2

struct capability_sets process_caps = {ALL_CAPS, ALL_CAPS, 0, ALL_CAPS};
bool capability_keep, capability_no_new;
/* Guards changes of process_caps; reading one word needs none. */
static spinlock_t caps_lock = SPINLOCK_INIT;

bool process_capable(int cap)
{
	return process_caps.effective & capbit(cap);
}

void capability_after_setuid(bool had_root, bool was_root)
{
	const struct process_ids *p = &process_ids;
	bool has_root = p->uid == 0 || p->euid == 0 || p->suid == 0;

	spin_lock(&caps_lock);
	if (had_root && !has_root) {
		process_caps.effective = 0;
		if (!capability_keep)
			process_caps.permitted = 0;
	}
	if (was_root && p->euid != 0)
		process_caps.effective = 0;
	if (!was_root && p->euid == 0)
		process_caps.effective = process_caps.permitted;
	spin_unlock(&caps_lock);
}

long capability_bound(unsigned long cap, bool drop)
{
	if (cap > CAP_LAST_CAP)
		return -EINVAL;
	if (!drop)
		return !!(process_caps.bounding & capbit(cap));
	if (!process_capable(CAP_SETPCAP))
		return -EPERM;
	spin_lock(&caps_lock);
	process_caps.bounding &= ~capbit(cap);
	spin_unlock(&caps_lock);
	return 0;
}

/* There is no execve(2) that ambient capabilities could outlive, so the set stays empty. */
long capability_ambient(unsigned long op, unsigned long cap)
{
	if (op == PR_CAP_AMBIENT_CLEAR_ALL)
		return cap ? -EINVAL : 0;
	if (cap > CAP_LAST_CAP)
		return -EINVAL;
	switch (op) {
	case PR_CAP_AMBIENT_IS_SET:
	case PR_CAP_AMBIENT_LOWER:
		return 0;
	case PR_CAP_AMBIENT_RAISE:
		return -EPERM;
	default:
		return -EINVAL;
	}
}

/* Reads the header; the number of data words, or -errno. An unknown version is answered with ours.
 */
static int read_header(uintptr_t header, struct __user_cap_header_struct *h)
{
	if (copy_from_user(h, header, sizeof(*h)))
		return -EFAULT;
	switch (h->version) {
	case _LINUX_CAPABILITY_VERSION_1:
		return VERSION_1_WORDS;
	case _LINUX_CAPABILITY_VERSION_2:
	case _LINUX_CAPABILITY_VERSION_3:
		return VERSION_3_WORDS;
	default:
		h->version = _LINUX_CAPABILITY_VERSION_3;
		return copy_to_user(header, h, sizeof(*h)) ? -EFAULT : -EINVAL;
	}
}

/* pid 0 and each thread's id stand for the process. */
static int check_pid(int pid)
{
	if (pid < 0)
		return -EINVAL;
	if (pid == 0 || pid == PROCESS_ID)
		return 0;
	struct thread *t = thread_find(pid);
	if (!t)
		return -ESRCH;
	thread_put(t);
	return 0;
}

/* capget(2) */
long sys_capget(uintptr_t header, uintptr_t data)
{
	struct __user_cap_header_struct h;
	struct __user_cap_data_struct d[VERSION_3_WORDS];
	int words = read_header(header, &h);

	if (words < 0)
		return words == -EINVAL && !data ? 0 : words; /* a probe for the version */
	int r = check_pid(h.pid);
	if (r)
		return r;
	spin_lock(&caps_lock);
	for (int i = 0; i < words; i++) {
		d[i].effective = (uint32_t)(process_caps.effective >> (32 * i));
		d[i].permitted = (uint32_t)(process_caps.permitted >> (32 * i));
		d[i].inheritable = (uint32_t)(process_caps.inheritable >> (32 * i));
	}
	spin_unlock(&caps_lock);
	return copy_to_user(data, d, (size_t)words * sizeof(d[0]));
}

/* capset(2): of the process itself only. */
long sys_capset(uintptr_t header, uintptr_t data)
{
	struct __user_cap_header_struct h;
	struct __user_cap_data_struct d[VERSION_3_WORDS];
	uint64_t effective, permitted, inheritable;
	int words = read_header(header, &h), r = 0;

	if (words < 0)
		return words;
	if (h.pid != 0 && h.pid != current->tid && h.pid != PROCESS_ID)
		return -EPERM;
	memset(d, 0, sizeof(d));
	if (copy_from_user(d, data, (size_t)words * sizeof(d[0])))
		return -EFAULT;
	effective = (d[0].effective | (uint64_t)d[1].effective << 32) & ALL_CAPS;
	permitted = (d[0].permitted | (uint64_t)d[1].permitted << 32) & ALL_CAPS;
	inheritable = (d[0].inheritable | (uint64_t)d[1].inheritable << 32) & ALL_CAPS;

	spin_lock(&caps_lock);
	if ((permitted & ~process_caps.permitted) || (effective & ~permitted) ||
	    (inheritable & ~(process_caps.inheritable | process_caps.bounding)) ||
	    (!(process_caps.effective & capbit(CAP_SETPCAP)) &&
	     (inheritable & ~(process_caps.inheritable | process_caps.permitted)))) {
		r = -EPERM;
	} else {
		process_caps.effective = effective;
		process_caps.permitted = permitted;
		process_caps.inheritable = inheritable;
	}
	spin_unlock(&caps_lock);
	return r;
}
