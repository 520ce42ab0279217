/* trace_flags.h */
#include "sys/trace_flags.h"
#include <linux/fcntl.h>
#include <linux/fcntl.h>
#include <linux/mman.h>
#include <asm/resource.h>
#include <asm/signal.h>
#include <linux/eventpoll.h>
#include <linux/fs.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <linux/time.h>
#include <stdbool.h>
#include "lib/printk.h"

struct named {
	unsigned long value;
	const char *name;
};

/* Bits under mask are one number with a name each; the other entries are single flags. */
struct names {
	unsigned long mask;
	const struct named *values; /* of the number; ends with a NULL name */
	const struct named *flags;  /* likewise */
};

/* clang-format off */
#define N(constant) {(unsigned long)(constant), #constant},
#define END {0, NULL}

static const struct named open_values[] = { N(O_RDONLY) N(O_WRONLY) N(O_RDWR) END };
static const struct named open_flags[] = {
	/* O_SYNC and O_TMPFILE contain other flags: they come first. */
	N(O_SYNC) N(O_TMPFILE) N(O_CREAT) N(O_EXCL) N(O_NOCTTY) N(O_TRUNC) N(O_APPEND) N(O_NONBLOCK)
	N(O_DSYNC) N(O_DIRECT) N(O_LARGEFILE) N(O_DIRECTORY) N(O_NOFOLLOW) N(O_NOATIME)
	N(O_CLOEXEC) N(O_PATH) END
};
static const struct named prot_values[] = { N(PROT_NONE) END };
static const struct named prot_flags[] = { N(PROT_READ) N(PROT_WRITE) N(PROT_EXEC) END };
static const struct named map_values[] = {
	N(MAP_SHARED) N(MAP_PRIVATE) N(MAP_SHARED_VALIDATE) END
};
static const struct named map_flags[] = {
	N(MAP_FIXED) N(MAP_ANONYMOUS) N(MAP_32BIT) N(MAP_GROWSDOWN) N(MAP_LOCKED) N(MAP_NORESERVE)
	N(MAP_POPULATE) N(MAP_NONBLOCK) N(MAP_STACK) N(MAP_HUGETLB) N(MAP_FIXED_NOREPLACE) END
};
static const struct named clone_flags[] = {
	N(CLONE_VM) N(CLONE_FS) N(CLONE_FILES) N(CLONE_SIGHAND) N(CLONE_PIDFD) N(CLONE_PTRACE)
	N(CLONE_VFORK) N(CLONE_PARENT) N(CLONE_THREAD) N(CLONE_NEWNS) N(CLONE_SYSVSEM)
	N(CLONE_SETTLS) N(CLONE_PARENT_SETTID) N(CLONE_CHILD_CLEARTID) N(CLONE_DETACHED)
	N(CLONE_UNTRACED) N(CLONE_CHILD_SETTID) N(CLONE_NEWCGROUP) N(CLONE_NEWUTS) N(CLONE_NEWIPC)
	N(CLONE_NEWUSER) N(CLONE_NEWPID) N(CLONE_NEWNET) N(CLONE_IO) END
};
static const struct named advice_values[] = {
	N(MADV_NORMAL) N(MADV_RANDOM) N(MADV_SEQUENTIAL) N(MADV_WILLNEED) N(MADV_DONTNEED) N(MADV_FREE)
	N(MADV_REMOVE) N(MADV_DONTFORK) N(MADV_DOFORK) N(MADV_HUGEPAGE) N(MADV_NOHUGEPAGE)
	N(MADV_DONTDUMP) N(MADV_DODUMP) N(MADV_COLD) N(MADV_PAGEOUT) {25, "MADV_COLLAPSE"}, END
};
static const struct named clock_values[] = {
	N(CLOCK_REALTIME) N(CLOCK_MONOTONIC) N(CLOCK_PROCESS_CPUTIME_ID) N(CLOCK_THREAD_CPUTIME_ID)
	N(CLOCK_MONOTONIC_RAW) N(CLOCK_REALTIME_COARSE) N(CLOCK_MONOTONIC_COARSE) N(CLOCK_BOOTTIME)
	N(CLOCK_REALTIME_ALARM) N(CLOCK_BOOTTIME_ALARM) N(CLOCK_TAI) END
};
static const struct named epoll_op_values[] = {
	N(EPOLL_CTL_ADD) N(EPOLL_CTL_DEL) N(EPOLL_CTL_MOD) END
};
static const struct named epoll_event_flags[] = {
	N(EPOLLIN) N(EPOLLPRI) N(EPOLLOUT) N(EPOLLERR) N(EPOLLHUP) N(EPOLLRDNORM) N(EPOLLWRNORM)
	N(EPOLLRDHUP) {1ul << 28, "EPOLLEXCLUSIVE"}, {1ul << 30, "EPOLLONESHOT"},
	{1ul << 31, "EPOLLET"}, END
};
static const struct named futex_values[] = {
	N(FUTEX_WAIT) N(FUTEX_WAKE) N(FUTEX_REQUEUE) N(FUTEX_CMP_REQUEUE) N(FUTEX_WAKE_OP)
	N(FUTEX_LOCK_PI) N(FUTEX_UNLOCK_PI) N(FUTEX_TRYLOCK_PI) N(FUTEX_WAIT_BITSET)
	N(FUTEX_WAKE_BITSET) END
};
static const struct named futex_flags[] = {
	N(FUTEX_PRIVATE_FLAG) N(FUTEX_CLOCK_REALTIME) END
};
static const struct named whence_values[] = {
	N(SEEK_SET) N(SEEK_CUR) N(SEEK_END) N(SEEK_DATA) N(SEEK_HOLE) END
};
static const struct named fcntl_values[] = {
	N(F_DUPFD) N(F_GETFD) N(F_SETFD) N(F_GETFL) N(F_SETFL) N(F_GETLK) N(F_SETLK) N(F_SETLKW)
	N(F_SETOWN) N(F_GETOWN) {1030, "F_DUPFD_CLOEXEC"}, {1031, "F_SETPIPE_SZ"},
	{1032, "F_GETPIPE_SZ"}, {1033, "F_ADD_SEALS"}, {1034, "F_GET_SEALS"}, END
};
static const struct named how_values[] = { N(SIG_BLOCK) N(SIG_UNBLOCK) N(SIG_SETMASK) END };
static const struct named sa_flags[] = {
	N(SA_NOCLDSTOP) N(SA_NOCLDWAIT) N(SA_SIGINFO) N(SA_RESTORER) N(SA_ONSTACK) N(SA_RESTART)
	N(SA_NODEFER) N(SA_RESETHAND) END
};
static const struct named rlimit_values[] = {
	N(RLIMIT_CPU) N(RLIMIT_FSIZE) N(RLIMIT_DATA) N(RLIMIT_STACK) N(RLIMIT_CORE) N(RLIMIT_RSS)
	N(RLIMIT_NPROC) N(RLIMIT_NOFILE) N(RLIMIT_MEMLOCK) N(RLIMIT_AS) N(RLIMIT_LOCKS)
	N(RLIMIT_SIGPENDING) N(RLIMIT_MSGQUEUE) N(RLIMIT_NICE) N(RLIMIT_RTPRIO) N(RLIMIT_RTTIME) END
};
static const struct named none[] = { END };

static const struct names all[] = {
	[NAMES_OPEN] = {O_ACCMODE, open_values, open_flags},
	[NAMES_PROT] = {0, prot_values, prot_flags},
	[NAMES_MAP] = {MAP_TYPE, map_values, map_flags},
	[NAMES_CLONE] = {0, none, clone_flags},
	[NAMES_ADVICE] = {~0ul, advice_values, none},
	[NAMES_CLOCK] = {~0ul, clock_values, none},
	[NAMES_EPOLL_OP] = {~0ul, epoll_op_values, none},
	[NAMES_EPOLL_EVENT] = {0, none, epoll_event_flags},
	[NAMES_FUTEX] = {0x7f, futex_values, futex_flags},
	[NAMES_WHENCE] = {~0ul, whence_values, none},
	[NAMES_FCNTL] = {~0ul, fcntl_values, none},
	[NAMES_HOW] = {~0ul, how_values, none},
	[NAMES_SA] = {0, none, sa_flags},
	[NAMES_RLIMIT] = {~0ul, rlimit_values, none},
};
/* clang-format on */

static size_t append(char *buf, size_t size, size_t used, const char *name, unsigned long hex)
{
	char *to = used < size ? buf + used : NULL;
	size_t left = used < size ? size - used : 0;
	const char *separator = used ? "|" : "";

	return used + (size_t)(name ? ksnprintf(to, left, "%s%s", separator, name)
				    : ksnprintf(to, left, hex ? "%s0x%lx" : "%s0", separator, hex));
}

int trace_format_names(char *buf, size_t size, enum trace_names which, unsigned long value)
{
	const struct names *n = &all[which];
	unsigned long number = value & n->mask, rest = value & ~n->mask;
	size_t used = 0;
	bool named = false;

	if (n->mask || !value) {
		for (const struct named *v = n->values; v->name && !named; v++) {
			if (v->value == number) {
				used = append(buf, size, used, v->name, 0);
				named = true;
			}
		}
		if (!named && number)
			used = append(buf, size, used, NULL, number);
	}
	for (const struct named *f = n->flags; f->name; f++) {
		if ((rest & f->value) == f->value) {
			used = append(buf, size, used, f->name, 0);
			rest &= ~f->value;
		}
	}
	if (rest || !used)
		used = append(buf, size, used, NULL, rest);
	return (int)used;
}
