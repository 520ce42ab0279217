/* Delivery at the border to the program: handlers, default actions, restarted calls. */
#include <asm/errno.h>
#include "arch/x86_64/frame.h"
#include "arch/x86_64/sigframe.h"
#include "lib/printk.h"
#include "lib/string.h"
#include "lib/symbols.h"
#include "mm/uaccess.h"
#include "sched/thread.h"
#include "signal/process.h"
#include "sys/trace.h"

#define ERESTART_RESTARTBLOCK 516 /* with a relative timeout: as ERESTARTNOHAND here */

#define TRAP_PAGE_FAULT 14

extern char unigornel_syscall[]; /* entry.S */

static const char *const names[] = {
    [SIGHUP] = "HUP",	[SIGINT] = "INT",	[SIGQUIT] = "QUIT", [SIGILL] = "ILL",
    [SIGTRAP] = "TRAP", [SIGABRT] = "ABRT",	[SIGBUS] = "BUS",   [SIGFPE] = "FPE",
    [SIGKILL] = "KILL", [SIGUSR1] = "USR1",	[SIGSEGV] = "SEGV", [SIGUSR2] = "USR2",
    [SIGPIPE] = "PIPE", [SIGALRM] = "ALRM",	[SIGTERM] = "TERM", [SIGSTKFLT] = "STKFLT",
    [SIGCHLD] = "CHLD", [SIGCONT] = "CONT",	[SIGSTOP] = "STOP", [SIGTSTP] = "TSTP",
    [SIGTTIN] = "TTIN", [SIGTTOU] = "TTOU",	[SIGURG] = "URG",   [SIGXCPU] = "XCPU",
    [SIGXFSZ] = "XFSZ", [SIGVTALRM] = "VTALRM", [SIGPROF] = "PROF", [SIGWINCH] = "WINCH",
    [SIGIO] = "IO",	[SIGPWR] = "PWR",	[SIGSYS] = "SYS",
};

const char *signal_name(int sig, char buf[12])
{
	if (sig >= 1 && sig < SIGRTMIN)
		ksnprintf(buf, 12, "SIG%s", names[sig]);
	else
		ksnprintf(buf, 12, sig >= SIGRTMIN ? "SIGRT_%d" : "%d", sig - SIGRTMIN);
	return buf;
}

static __attribute__((noreturn)) void terminate(const struct trap_frame *f, int sig,
						const siginfo_t *info)
{
	char name[12];
	size_t offset;
	const char *function = symbol_lookup(f->rip, &offset);

	signal_name(sig, name);
	if (!(sigbit(sig) & SIGNALS_SYNCHRONOUS) || info->si_code <= 0)
		printk("unigornel: killed by %s\n", name);
	else if (function)
		printk("unigornel: killed by %s (address %p, in %s+0x%zx, code %d)\n", name,
		       info->si_addr, function, offset, info->si_code);
	else
		printk("unigornel: killed by %s (address %p, at 0x%lx, code %d)\n", name,
		       info->si_addr, f->rip, info->si_code);
	machine_exit(128 + sig);
}

/*
 * Points f back at the call it came from, so that it is made again: a CALL of unigornel_syscall
 * (E8 rel32) or a SYSCALL instruction (0F 05). False if there is neither.
 */
static bool restart_call(struct trap_frame *f, long nr)
{
	uint8_t code[5];
	int32_t rel;

	if (copy_from_user(code, f->rip - sizeof(code), sizeof(code)))
		return false;
	memcpy(&rel, code + 1, sizeof(rel));
	if (code[0] == 0xe8 && f->rip + (uint64_t)(int64_t)rel == (uintptr_t)unigornel_syscall)
		f->rip -= 5;
	else if (code[3] == 0x0f && code[4] == 0x05)
		f->rip -= 2;
	else
		return false;
	f->rax = (uint64_t)nr;
	return true;
}

/* The result of a call that a signal interrupted. handler: flags of the one that runs now. */
static void settle_call(struct trap_frame *f, long nr, bool handler, uint64_t flags)
{
	bool restart;

	switch (-(int64_t)f->rax) {
	case ERESTARTNOINTR:
		restart = true;
		break;
	case ERESTARTSYS:
		restart = !handler || flags & SA_RESTART;
		break;
	case ERESTARTNOHAND:
	case ERESTART_RESTARTBLOCK:
		restart = !handler;
		break;
	default:
		return;
	}
	if (!restart || !restart_call(f, nr))
		f->rax = (uint64_t)-EINTR;
}

/* Takes the next signal that a handler or a fatal default action is for. 0: none. */
static int next_signal(struct thread *t, siginfo_t *info, struct sigaction *act)
{
	int sig;

	spin_lock(&signal_lock);
	atomic_fetch_and(&t->flags, ~THREAD_SIGPENDING);
	do {
		sig = signal_dequeue(t, ~t->sig.blocked, info);
	} while (sig && signal_ignored(sig));
	if (sig) {
		struct sigaction *a = &signal_process.action[sig - 1];
		*act = *a;
		if (a->sa_handler != SIG_DFL && a->sa_flags & SA_RESETHAND)
			a->sa_handler = SIG_DFL;
	}
	spin_unlock(&signal_lock);
	return sig;
}

static void run_handler(struct trap_frame *f, int sig, const siginfo_t *info,
			const struct sigaction *act)
{
	struct thread *t = current;
	struct sigframe_handler handler = {
	    .entry = (uintptr_t)act->sa_handler,
	    .restorer = (uintptr_t)act->sa_restorer,
	    .flags = act->sa_flags,
	    .mask = t->sig.has_saved_mask ? t->sig.saved_mask : t->sig.blocked,
	};

	if (sigframe_push(f, sig, info, &handler)) {
		signal_force_segv(sig);
		return;
	}
	t->sig.has_saved_mask = false;
	signal_set_blocked(t->sig.blocked | act->sa_mask |
			   (act->sa_flags & SA_NODEFER ? 0 : sigbit(sig)));
}

void signal_deliver(struct trap_frame *f, long nr)
{
	struct thread *t = current;
	siginfo_t info;
	struct sigaction act;
	bool in_call = nr >= 0;

	for (;;) {
		int sig = next_signal(t, &info, &act);
		if (!sig) {
			if (in_call)
				settle_call(f, nr, false, 0);
			in_call = false;
			if (!t->sig.has_saved_mask)
				return;
			/* The old mask may let more signals through. */
			t->sig.has_saved_mask = false;
			signal_set_blocked(t->sig.saved_mask);
			continue;
		}
		if (!t->syscall_limit) /* traced */
			trace_signal(sig, &info);
		if (act.sa_handler == SIG_DFL)
			terminate(f, sig, &info);
		if (in_call)
			settle_call(f, nr, true, act.sa_flags);
		in_call = false;
		run_handler(f, sig, &info, &act);
	}
}

void signal_fault(struct trap_frame *f, int sig, int code, uintptr_t addr)
{
	struct signal_state *s = &current->sig;
	siginfo_t info;

	memset(&info, 0, sizeof(info));
	info.si_signo = sig;
	info.si_code = code;
	info.si_addr = (void *)addr;
	s->trap_number = f->vector;
	s->trap_error = f->error;
	if (f->vector == TRAP_PAGE_FAULT) {
		s->trap_cr2 = addr;
		s->trap_error |= 4; /* of user mode, which a program takes itself to run in */
	}
	signal_force(sig, &info);
}

void signal_return(struct trap_frame *f)
{
	struct sigframe_ucontext uc;

	if (sigframe_pop(f, &uc)) {
		signal_force_segv(0);
		return;
	}
	/* As on Linux, refusal is no error. */
	(void)signal_set_altstack(current, uc.stack.sp, uc.stack.size, uc.stack.flags, f->rsp);
	signal_set_blocked(uc.mask);
}
