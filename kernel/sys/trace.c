/*
 * trace.h. A line is printed when the call returns, so lines of threads do not mix; what the
 * program passed in is read before the call, what it gets out afterwards.
 */
#include "sys/trace.h"
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <asm/unistd.h>
#include <linux/resource.h>
#include <linux/time_types.h>
#include <stdbool.h>
#include "lib/errno_names.h"
#include "lib/printk.h"
#include "lib/string.h"
#include "mm/uaccess.h"
#include "sched/thread.h"
#include "sched/wait.h"
#include "signal/process.h"
#include "sys/syscall.h"
#include "sys/trace_flags.h"
#include "sys/trace_table.h"

#define MAX_BYTES  32 /* of a buffer or string that are shown, as strace does */
#define MAX_EVENTS 4

struct line {
	char text[512];
	size_t used;
};

static void __attribute__((format(printf, 2, 3))) add(struct line *l, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	l->used += (size_t)kvsnprintf(l->text + l->used, sizeof(l->text) - l->used, fmt, ap);
	va_end(ap);
	if (l->used >= sizeof(l->text))
		l->used = sizeof(l->text) - 1;
}

static void add_names(struct line *l, enum trace_names which, unsigned long value)
{
	char buf[128];

	(void)trace_format_names(buf, sizeof(buf), which, value);
	add(l, "%s", buf);
}

static void add_quoted(struct line *l, const char *s, size_t n, bool more)
{
	add(l, "\"");
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];
		if (c == '\n')
			add(l, "\\n");
		else if (c == '\t')
			add(l, "\\t");
		else if (c == '\r')
			add(l, "\\r");
		else if (c == '"' || c == '\\')
			add(l, "\\%c", c);
		else if (c < ' ' || c > '~')
			add(l, "\\%o", c);
		else
			add(l, "%c", c);
	}
	add(l, more ? "\"..." : "\"");
}

static void add_string(struct line *l, uintptr_t at)
{
	char s[128];
	long n = strncpy_from_user(s, at, sizeof(s));

	if (n == -EFAULT)
		add(l, at ? "0x%lx" : "NULL", at);
	else
		add_quoted(l, s, n < 0 ? sizeof(s) - 1 : (size_t)n, n < 0);
}

static void add_bytes(struct line *l, uintptr_t at, long length)
{
	char s[MAX_BYTES];
	size_t n = length < 0 ? 0 : (size_t)length;
	bool more = n > sizeof(s);

	if (more)
		n = sizeof(s);
	if (length < 0 || copy_from_user(s, at, n))
		add(l, at ? "0x%lx" : "NULL", at);
	else
		add_quoted(l, s, n, more);
}

static void add_pointer(struct line *l, uintptr_t at)
{
	add(l, at ? "0x%lx" : "NULL", at);
}

static void add_sigset(struct line *l, uintptr_t at)
{
	uint64_t set;
	char name[12];
	bool first = true, inverted;

	if (!at || copy_from_user(&set, at, sizeof(set))) {
		add_pointer(l, at);
		return;
	}
	/* As strace: a set of nearly all is shown by what is missing. */
	unsigned members = 0;
	for (uint64_t rest = set; rest; rest &= rest - 1)
		members++;
	inverted = members > SIGNAL_COUNT / 2;
	if (inverted)
		set = ~set;
	add(l, inverted ? "~[" : "[");
	for (int sig = 1; sig <= SIGNAL_COUNT; sig++) {
		if (!(set & sigbit(sig)))
			continue;
		signal_name(sig, name);
		add(l, "%s%s", first ? "" : " ", name + 3);
		first = false;
	}
	add(l, "]");
}

static void add_sigaction(struct line *l, uintptr_t at)
{
	struct sigaction a;

	if (!at || copy_from_user(&a, at, sizeof(a))) {
		add_pointer(l, at);
		return;
	}
	if (a.sa_handler == SIG_DFL)
		add(l, "{sa_handler=SIG_DFL");
	else if (a.sa_handler == SIG_IGN)
		add(l, "{sa_handler=SIG_IGN");
	else
		add(l, "{sa_handler=0x%lx", (uintptr_t)a.sa_handler);
	add(l, ", sa_mask=");
	add_sigset(l, at + offsetof(struct sigaction, sa_mask));
	add(l, ", sa_flags=");
	add_names(l, NAMES_SA, a.sa_flags);
	add(l, "}");
}

static void add_timespec(struct line *l, uintptr_t at)
{
	struct __kernel_timespec ts;

	if (!at || copy_from_user(&ts, at, sizeof(ts)))
		add_pointer(l, at);
	else
		add(l, "{tv_sec=%lld, tv_nsec=%lld}", ts.tv_sec, ts.tv_nsec);
}

static void add_limit(struct line *l, const char *name, uint64_t value)
{
	if (value == RLIM64_INFINITY)
		add(l, "%s=RLIM_INFINITY", name);
	else
		add(l, "%s=%lu", name, value);
}

static void add_rlimit(struct line *l, uintptr_t at)
{
	struct rlimit64 r;

	if (!at || copy_from_user(&r, at, sizeof(r))) {
		add_pointer(l, at);
		return;
	}
	add_limit(l, "{rlim_cur", r.rlim_cur);
	add_limit(l, ", rlim_max", r.rlim_max);
	add(l, "}");
}

static bool add_epoll_event(struct line *l, uintptr_t at)
{
	struct {
		uint32_t events;
		uint64_t data;
	} __attribute__((packed)) e;

	if (!at || copy_from_user(&e, at, sizeof(e))) {
		add_pointer(l, at);
		return false;
	}
	add(l, "{");
	add_names(l, NAMES_EPOLL_EVENT, e.events);
	add(l, ", 0x%lx}", e.data);
	return true;
}

static void add_epoll_events(struct line *l, uintptr_t at, long count)
{
	if (count < 0) {
		add_pointer(l, at);
		return;
	}
	add(l, "[");
	for (long i = 0; i < count && i < MAX_EVENTS; i++) {
		add(l, i ? ", " : "");
		if (!add_epoll_event(l, at + (uintptr_t)i * 12))
			break;
	}
	add(l, count > MAX_EVENTS ? ", ...]" : "]");
}

static void add_two_descriptors(struct line *l, uintptr_t at, long result)
{
	int fd[2];

	if (result < 0 || copy_from_user(fd, at, sizeof(fd)))
		add_pointer(l, at);
	else
		add(l, "[%d, %d]", fd[0], fd[1]);
}

/* Kinds whose value is known only after the call. */
static bool is_output(char kind)
{
	return kind && strchr("BTZyVlR", kind);
}

static void add_argument(struct line *l, char kind, long arg, long next, long result)
{
	uintptr_t at = (uintptr_t)arg;
	char name[12];

	switch (kind) {
	case 'd':
		/* Lengths and offsets may need all 64 bits; plain ints come with junk above them.
		 */
		add(l, "%ld", arg == (uint32_t)arg ? (long)(int)arg : arg);
		break;
	case 'i':
		add(l, "%d", (int)arg);
		break;
	case 'u':
		add(l, "%u", (unsigned)arg);
		break;
	case 'q':
		add(l, "%lu", arg);
		break;
	case 'x':
		add(l, arg ? "0x%lx" : "0", arg);
		break;
	case 'm':
		add(l, "0%o", (unsigned)arg);
		break;
	case 'I':
		if ((int)arg == AT_FDCWD)
			add(l, "AT_FDCWD");
		else
			add(l, "%d", (int)arg);
		break;
	case 's':
		add_string(l, at);
		break;
	case 'b':
		add_bytes(l, at, next);
		break;
	case 'B':
		add_bytes(l, at, result);
		break;
	case 'o':
		add_names(l, NAMES_OPEN, (unsigned)arg);
		break;
	case 'P':
		add_names(l, NAMES_PROT, at);
		break;
	case 'M':
		add_names(l, NAMES_MAP, at);
		break;
	case 'A':
		add_names(l, NAMES_ADVICE, (unsigned)arg);
		break;
	case 'C':
		add_names(l, NAMES_CLONE, at);
		break;
	case 'k':
		add_names(l, NAMES_CLOCK, (unsigned)arg);
		break;
	case 'e':
		add_names(l, NAMES_EPOLL_OP, (unsigned)arg);
		break;
	case 'f':
		add_names(l, NAMES_FUTEX, (unsigned)arg);
		break;
	case 'w':
		add_names(l, NAMES_WHENCE, (unsigned)arg);
		break;
	case 'F':
		add_names(l, NAMES_FCNTL, (unsigned)arg);
		break;
	case 'h':
		add_names(l, NAMES_HOW, (unsigned)arg);
		break;
	case 'r':
		add_names(l, NAMES_RLIMIT, (unsigned)arg);
		break;
	case 'g':
		add(l, "%s", (int)arg > 0 ? signal_name((int)arg, name) : "0");
		break;
	case 'z':
	case 'Z':
		add_sigset(l, at);
		break;
	case 'a':
	case 'y':
		add_sigaction(l, at);
		break;
	case 't':
	case 'T':
		add_timespec(l, at);
		break;
	case 'L':
	case 'l':
		add_rlimit(l, at);
		break;
	case 'E':
		add_epoll_event(l, at);
		break;
	case 'V':
		add_epoll_events(l, at, result);
		break;
	case 'R':
		add_two_descriptors(l, at, result);
		break;
	default:
		add_pointer(l, at);
	}
}

/* Adds arguments from *i on; before the call (done false) it stops at the first output. */
static void add_arguments(struct line *l, const char *kinds, const long args[6], unsigned *i,
			  bool done, long result)
{
	for (; *i < 6 && kinds[*i]; (*i)++) {
		char kind = kinds[*i];
		if (!done && is_output(kind))
			return;
		/* The mode of open(2) is an argument only where a file may be made. */
		if (kind == 'm' && *i > 0 && kinds[*i - 1] == 'o' &&
		    !(args[*i - 1] & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))))
			continue;
		add(l, *i ? ", " : "");
		add_argument(l, kind, args[*i], *i < 5 ? args[*i + 1] : 0, result);
	}
}

static void add_result(struct line *l, bool address, long result)
{
	const char *name = errno_name((int)-result);

	if (result < 0 && result >= -4095) {
		if (result <= -ERESTARTSYS)
			add(l, ") = ? (interrupted by a signal)");
		else if (name)
			add(l, ") = -1 %s (%s)", name, errno_text((int)-result));
		else
			add(l, ") = -1 (error %ld)", -result);
	} else {
		add(l, address ? ") = 0x%lx" : ") = %ld", result);
	}
}

static bool never_returns(long nr)
{
	return nr == __NR_exit || nr == __NR_exit_group || nr == __NR_rt_sigreturn;
}

long syscall_trace(long nr, const long args[6], syscall_fn fn)
{
	const char *call = trace_call((unsigned long)nr), *kinds = "xxxxxx";
	bool address = false;
	struct line l;
	unsigned i = 0;

	l.used = 0;
	add(&l, "[%d] ", current->tid);
	if (call) {
		kinds = strchr(call, ':') + 1;
		add(&l, "%.*s(", (int)(kinds - call) - 1, call);
		address = *kinds == '=';
		kinds += address;
	} else {
		add(&l, "syscall_%ld(", nr);
	}
	add_arguments(&l, kinds, args, &i, false, 0);
	if (never_returns(nr)) {
		printk("%s) = ?\n", l.text);
		return fn(args[0], args[1], args[2], args[3], args[4], args[5]);
	}
	long result = fn(args[0], args[1], args[2], args[3], args[4], args[5]);
	add_arguments(&l, kinds, args, &i, true, result);
	add_result(&l, address, result);
	printk("%s\n", l.text);
	return result;
}

void trace_signal(int sig, const siginfo_t *info)
{
	char name[12];

	signal_name(sig, name);
	switch (info->si_code) {
	case SI_USER:
		printk("[%d] --- %s {si_code=SI_USER, si_pid=%d, si_uid=%u} ---\n", current->tid,
		       name, info->si_pid, info->si_uid);
		break;
	case SI_TKILL:
		printk("[%d] --- %s {si_code=SI_TKILL, si_pid=%d, si_uid=%u} ---\n", current->tid,
		       name, info->si_pid, info->si_uid);
		break;
	case SI_TIMER:
		printk("[%d] --- %s {si_code=SI_TIMER, si_timerid=%d, si_overrun=%d} ---\n",
		       current->tid, name, info->si_tid, info->si_overrun);
		break;
	default:
		if (sigbit(sig) & SIGNALS_SYNCHRONOUS && info->si_code > 0)
			printk("[%d] --- %s {si_code=%d, si_addr=%p} ---\n", current->tid, name,
			       info->si_code, info->si_addr);
		else
			printk("[%d] --- %s {si_code=%d} ---\n", current->tid, name, info->si_code);
	}
}
