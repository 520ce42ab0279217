/* /proc/self: the one process, which is also /proc/1. */
#include <asm/errno.h>
#include <linux/mman.h>
#include <linux/resource.h>
#include "cmdline.h"
#include "lib/printk.h"
#include "lib/string.h"
#include "mm/mm.h"
#include "mm/page.h"
#include "sched/thread.h"
#include "signal/process.h"
#include "start.h"
#include "sys/capability.h"
#include "sys/process_ids.h"
#include "sys/rlimit.h"
#include "time/clock.h"
#include "vfs/fdtable.h"
#include "vfs/path.h"
#include "vfs/procfs.h"
#include "vfs/sys_files.h"
#include "vfs/textbuf.h"
#include "vfs/tree.h"

#define TICK_NS 10000000u
#define KIB(x)	((unsigned long)(x) >> 10)

static int show_strings(struct textbuf *t, long environment)
{
	char **v = environment ? cmdline.envp : cmdline.argv;
	for (; v && *v; v++)
		text_append(t, *v, strlen(*v) + 1);
	return 0;
}

static int show_auxv(struct textbuf *t, long arg)
{
	(void)arg;
	text_append(t, program_auxv, program_auxv_size);
	return 0;
}

static int show_region(void *arg, uintptr_t start, uintptr_t end, int prot, int flags,
		       uint64_t offset, const char *name)
{
	struct textbuf *t = arg;
	size_t before = t->length;
	text_printf(t, "%08lx-%08lx %c%c%c%c %08lx 00:00 0 ", start, end,
		    prot & PROT_READ ? 'r' : '-', prot & PROT_WRITE ? 'w' : '-',
		    prot & PROT_EXEC ? 'x' : '-', flags & MAP_SHARED ? 's' : 'p',
		    (unsigned long)offset);
	size_t width = t->length - before;
	if (name && *name)
		text_printf(t, "%*s%s", width < 73 ? (int)(73 - width) : 0, "", name);
	text_printf(t, "\n");
	return t->failed ? -ENOMEM : 0;
}

static int show_maps(struct textbuf *t, long arg)
{
	(void)arg;
	return mm_for_each_region(show_region, t);
}

static int show_statm(struct textbuf *t, long arg)
{
	struct mm_stats s;
	(void)arg;
	mm_get_stats(&s);
	text_printf(t, "%lu %lu 0 0 0 %lu 0\n", s.mapped / PAGE_SIZE, s.resident / PAGE_SIZE,
		    s.mapped / PAGE_SIZE);
	return 0;
}

/* Texts of one thread. */

static const char *short_name(const struct thread *t)
{
	if (t->name[0])
		return t->name;
	const char *slash = cmdline.argv[0] ? strrchr(cmdline.argv[0], '/') : NULL;
	return slash ? slash + 1 : cmdline.argv[0] ? cmdline.argv[0] : "app";
}

static char state_of(const struct thread *t)
{
	return t->state == THREAD_SLEEPING ? 'S' : t->state == THREAD_DEAD ? 'Z' : 'R';
}

/* The first thread may have ended while others go on; the process is what is asked then. */
static struct thread *find_thread(long tid)
{
	struct thread *t = thread_find((int)tid);
	if (!t && tid == PROCESS_ID)
		t = thread_find(current->tid);
	return t;
}

static int show_comm(struct textbuf *t, long tid)
{
	struct thread *th = find_thread(tid);
	if (!th)
		return -ESRCH;
	text_printf(t, "%.15s\n", short_name(th));
	thread_put(th);
	return 0;
}

static int store_comm(const char *text, size_t n, long tid)
{
	struct thread *th = find_thread(tid);
	if (!th)
		return -ESRCH;
	if (n && text[n - 1] == '\n')
		n--;
	if (n >= sizeof th->name)
		n = sizeof th->name - 1;
	memcpy(th->name, text, n);
	memset(th->name + n, 0, sizeof th->name - n);
	thread_put(th);
	return 0;
}

/* proc(5), /proc/pid/stat. What this kernel does not count is 0. */
static int show_stat(struct textbuf *t, long tid)
{
	struct mm_stats s;
	struct thread *th = find_thread(tid);
	if (!th)
		return -ESRCH;
	mm_get_stats(&s);
	bool process = tid == PROCESS_ID;
	uint64_t used = (process ? process_cputime() : thread_cputime(th)) / TICK_NS;
	text_printf(t, "%ld (%.15s) %c 0 1 1 0 -1 4194560 %lu 0 0 0 %lu 0 0 0 20 0 %u 0 0 ", tid,
		    short_name(th), state_of(th), (unsigned long)s.minor_faults,
		    (unsigned long)used, thread_count);
	text_printf(t, "%lu %lu %lu 0 0 0 0 0 ", (unsigned long)s.mapped,
		    (unsigned long)(s.resident / PAGE_SIZE), (unsigned long)RLIM_INFINITY);
	text_printf(t, "%lu %lu 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n",
		    (unsigned long)th->sig.pending.set, (unsigned long)th->sig.blocked);
	thread_put(th);
	return 0;
}

static void show_memory(struct textbuf *t)
{
	struct mm_stats s;
	mm_get_stats(&s);
	text_printf(t, "VmPeak:\t%8lu kB\nVmSize:\t%8lu kB\nVmLck:\t%8u kB\nVmPin:\t%8u kB\n",
		    KIB(s.mapped), KIB(s.mapped), 0, 0);
	text_printf(t, "VmHWM:\t%8lu kB\nVmRSS:\t%8lu kB\nRssAnon:\t%8lu kB\nRssFile:\t%8u kB\n",
		    KIB(s.peak_resident), KIB(s.resident), KIB(s.resident), 0);
	text_printf(t, "RssShmem:\t%8u kB\nVmData:\t%8lu kB\nVmPTE:\t%8lu kB\nVmSwap:\t%8u kB\n", 0,
		    KIB(s.mapped), KIB(s.page_tables), 0);
}

static void show_signals(struct textbuf *t, const struct thread *th)
{
	uint64_t ignored = 0, caught = 0;
	for (int sig = 1; sig <= 64; sig++) {
		uint64_t bit = 1ull << (sig - 1);
		__sighandler_t h = signal_process.action[sig - 1].sa_handler;
		if (h == SIG_IGN)
			ignored |= bit;
		else if (h != SIG_DFL)
			caught |= bit;
	}
	text_printf(t, "SigQ:\t%u/%lu\nSigPnd:\t%016lx\nShdPnd:\t%016lx\nSigBlk:\t%016lx\n",
		    pending_count(), (unsigned long)rlimit_get(RLIMIT_SIGPENDING),
		    (unsigned long)th->sig.pending.set, (unsigned long)signal_process.pending.set,
		    (unsigned long)th->sig.blocked);
	text_printf(t, "SigIgn:\t%016lx\nSigCgt:\t%016lx\n", (unsigned long)ignored,
		    (unsigned long)caught);
}

static int show_status(struct textbuf *t, long tid)
{
	struct thread *th = find_thread(tid);
	const struct process_ids *id = &process_ids;
	if (!th)
		return -ESRCH;
	const char *state = state_of(th) == 'S' ? "S (sleeping)" : "R (running)";
	text_printf(t, "Name:\t%.15s\nUmask:\t%04o\nState:\t%s\nTgid:\t%d\nNgid:\t0\nPid:\t%ld\n",
		    short_name(th), (unsigned)process_umask, state, PROCESS_ID, tid);
	text_printf(t, "PPid:\t0\nTracerPid:\t0\nUid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\n",
		    id->uid, id->euid, id->suid, id->fsuid, id->gid, id->egid, id->sgid, id->fsgid);
	text_printf(t, "FDSize:\t%u\nGroups:\t", fd_table_size());
	for (unsigned i = 0, group; process_group_at(i, &group); i++)
		text_printf(t, "%u ", group);
	text_printf(t, "\nNStgid:\t%d\nNSpid:\t%ld\n", PROCESS_ID, tid);
	show_memory(t);
	text_printf(t, "CoreDumping:\t0\nThreads:\t%u\n", thread_count);
	show_signals(t, th);
	const struct capability_sets *caps = &process_caps;
	text_printf(t,
		    "CapInh:\t%016lx\nCapPrm:\t%016lx\nCapEff:\t%016lx\nCapBnd:\t%016lx\n"
		    "CapAmb:\t%016lx\n",
		    caps->inheritable, caps->permitted, caps->effective, caps->bounding, 0ul);
	text_printf(t,
		    "NoNewPrivs:\t%d\nSeccomp:\t0\nCpus_allowed:\t1\nCpus_allowed_list:\t0\n"
		    "Mems_allowed:\t1\nMems_allowed_list:\t0\n",
		    capability_no_new);
	text_printf(t, "voluntary_ctxt_switches:\t%lu\nnonvoluntary_ctxt_switches:\t%lu\n",
		    (unsigned long)th->voluntary_switches, (unsigned long)th->involuntary_switches);
	thread_put(th);
	return 0;
}

static void show_limit(struct textbuf *t, uint64_t v)
{
	char text[24];
	if (v == RLIM64_INFINITY)
		strlcpy(text, "unlimited", sizeof text);
	else
		ksnprintf(text, sizeof text, "%lu", (unsigned long)v);
	text_printf(t, " %-20s", text);
}

static int show_limits(struct textbuf *t, long arg)
{
	static const struct {
		const char *name, *unit;
	} names[RLIM_NLIMITS] = {
	    [RLIMIT_CPU] = {"Max cpu time", "seconds"},
	    [RLIMIT_FSIZE] = {"Max file size", "bytes"},
	    [RLIMIT_DATA] = {"Max data size", "bytes"},
	    [RLIMIT_STACK] = {"Max stack size", "bytes"},
	    [RLIMIT_CORE] = {"Max core file size", "bytes"},
	    [RLIMIT_RSS] = {"Max resident set", "bytes"},
	    [RLIMIT_NPROC] = {"Max processes", "processes"},
	    [RLIMIT_NOFILE] = {"Max open files", "files"},
	    [RLIMIT_MEMLOCK] = {"Max locked memory", "bytes"},
	    [RLIMIT_AS] = {"Max address space", "bytes"},
	    [RLIMIT_LOCKS] = {"Max file locks", "locks"},
	    [RLIMIT_SIGPENDING] = {"Max pending signals", "signals"},
	    [RLIMIT_MSGQUEUE] = {"Max msgqueue size", "bytes"},
	    [RLIMIT_NICE] = {"Max nice priority", ""},
	    [RLIMIT_RTPRIO] = {"Max realtime priority", ""},
	    [RLIMIT_RTTIME] = {"Max realtime timeout", "us"},
	};
	(void)arg;
	text_printf(t, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
	for (unsigned i = 0; i < RLIM_NLIMITS; i++) {
		text_printf(t, "%-25s", names[i].name);
		show_limit(t, rlimit_get(i));
		show_limit(t, rlimit_get_max(i));
		text_printf(t, " %-10s\n", names[i].unit);
	}
	return 0;
}

/* What is mounted where. */
static const struct {
	const char *path;
	const struct super *super;
	const char *options;
} mounts[] = {
    {"/", &super_tmpfs, "rw,relatime"},
    {"/dev", &super_devtmpfs, "rw,nosuid,relatime"},
    {"/dev/shm", &super_shm, "rw,nosuid,nodev,relatime"},
    {"/proc", &super_proc, "rw,nosuid,nodev,noexec,relatime"},
    {"/sys", &super_sysfs, "rw,nosuid,nodev,noexec,relatime"},
};

static int show_mounts(struct textbuf *t, long info)
{
	for (unsigned i = 0; i < sizeof mounts / sizeof mounts[0]; i++) {
		const char *name = mounts[i].super->name;
		if (info)
			text_printf(t, "%u %u 0:%u / %s %s - %s %s rw\n", 20 + i,
				    i == 2 ? 21u
				    : i	   ? 20u
					   : 1u,
				    mounts[i].super->dev, mounts[i].path, mounts[i].options, name,
				    name);
		else
			text_printf(t, "%s %s %s %s 0 0\n", name, mounts[i].path, name,
				    mounts[i].options);
	}
	return 0;
}

static int show_cgroup(struct textbuf *t, long arg)
{
	(void)arg;
	text_printf(t, "0::/\n");
	return 0;
}

static int show_id_map(struct textbuf *t, long arg)
{
	(void)arg;
	text_printf(t, "%10u %10u %10u\n", 0, 0, ~0u);
	return 0;
}

static int show_zero(struct textbuf *t, long arg)
{
	(void)arg;
	text_printf(t, "0\n");
	return 0;
}

/* The program's path: argv[0], made absolute. */
static long exe_text(struct inode *link, char *buf, size_t size)
{
	char path[512];
	const char *name = cmdline.argv[0] ? cmdline.argv[0] : "app";
	const char *dir = *name == '/' || !cmdline.cwd[1] ? "" : cmdline.cwd;
	(void)link;
	size_t n =
	    (size_t)ksnprintf(path, sizeof path, "%s%s%s", dir, *name == '/' ? "" : "/", name);
	if (n >= sizeof path)
		n = sizeof path - 1;
	if (n > size)
		n = size;
	memcpy(buf, path, n);
	return (long)n;
}

static long place_text(struct dentry *d, char *buf, size_t size)
{
	char path[PATH_MAX];
	spin_lock(&tree_lock);
	long n = dentry_path(d, path, sizeof path);
	spin_unlock(&tree_lock);
	dentry_put(d);
	if (n < 0)
		return n;
	if ((size_t)n > size)
		n = (long)size;
	memcpy(buf, path, (size_t)n);
	return n;
}

static long cwd_text(struct inode *link, char *buf, size_t size)
{
	(void)link;
	return place_text(cwd_get(), buf, size);
}

static long root_text(struct inode *link, char *buf, size_t size)
{
	(void)link;
	return place_text(root_get(), buf, size);
}

static struct dentry *cwd_follow(struct inode *link)
{
	(void)link;
	return cwd_get();
}

static struct dentry *root_follow(struct inode *link)
{
	(void)link;
	return root_get();
}

static long thread_text(struct inode *link, char *buf, size_t size)
{
	char text[40];
	(void)link;
	int n = ksnprintf(text, sizeof text, "%d/task/%d", PROCESS_ID, current->tid);
	if ((size_t)n > size)
		n = (int)size;
	memcpy(buf, text, (size_t)n);
	return n;
}

static const struct dynlink exe_link = {.text = exe_text},
			    cwd_link = {.text = cwd_text, .follow = cwd_follow},
			    root_link = {.text = root_text, .follow = root_follow},
			    thread_link = {.text = thread_text};

const struct textfile proc_status_text = {.show = show_status},
		      proc_stat_text = {.show = show_stat},
		      proc_comm_text = {.show = show_comm, .store = store_comm};

static const struct textfile strings_text = {.show = show_strings}, auxv_text = {.show = show_auxv},
			     maps_text = {.show = show_maps}, statm_text = {.show = show_statm},
			     limits_text = {.show = show_limits},
			     mounts_text = {.show = show_mounts},
			     cgroup_text = {.show = show_cgroup},
			     id_map_text = {.show = show_id_map}, zero_text = {.show = show_zero};

static const struct {
	const char *path;
	uint32_t mode;
	const struct textfile *text;
	long arg;
} files[] = {
    {"/proc/1/cmdline", 0444, &strings_text, 0},
    {"/proc/1/environ", 0400, &strings_text, 1},
    {"/proc/1/auxv", 0400, &auxv_text, 0},
    {"/proc/1/maps", 0444, &maps_text, 0},
    {"/proc/1/statm", 0444, &statm_text, 0},
    {"/proc/1/stat", 0444, &proc_stat_text, PROCESS_ID},
    {"/proc/1/status", 0444, &proc_status_text, PROCESS_ID},
    {"/proc/1/comm", 0644, &proc_comm_text, PROCESS_ID},
    {"/proc/1/limits", 0444, &limits_text, 0},
    {"/proc/1/mounts", 0444, &mounts_text, 0},
    {"/proc/1/mountinfo", 0444, &mounts_text, 1},
    {"/proc/1/cgroup", 0444, &cgroup_text, 0},
    {"/proc/1/uid_map", 0444, &id_map_text, 0},
    {"/proc/1/gid_map", 0444, &id_map_text, 0},
    {"/proc/1/oom_score", 0444, &zero_text, 0},
    {"/proc/1/oom_score_adj", 0444, &zero_text, 0},
};

static void add_link(const char *path, const struct dynlink *link)
{
	tree_add(&super_proc, path, S_IFLNK | 0777)->dynlink = link;
}

void proc_self_init(void)
{
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
		tree_text(&super_proc, files[i].path, files[i].mode, files[i].text, files[i].arg);
	add_link("/proc/1/exe", &exe_link);
	add_link("/proc/1/cwd", &cwd_link);
	add_link("/proc/1/root", &root_link);
	tree_symlink(&super_proc, "/proc/self", "1");
	add_link("/proc/thread-self", &thread_link);
}
