/* clone(2) for threads, and what a thread tells the kernel about itself. */
#include <asm/errno.h>
#include <asm/prctl.h>
#include <linux/sched.h>
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/fpu.h"
#include "mm/uaccess.h"
#include "sched/futex.h"
#include "sched/sched.h"
#include "sys/syscall_regs.h"

/* What makes a thread of this program rather than a process. */
#define THREAD_FLAGS_NEEDED (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD)
#define THREAD_FLAGS_KNOWN                                                                         \
	(THREAD_FLAGS_NEEDED | CLONE_SYSVSEM | CLONE_SETTLS | CLONE_PARENT_SETTID |                \
	 CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | CLONE_DETACHED)

long clone_with_regs(const struct kept_regs *kept)
{
	const struct syscall_regs *r = syscall_regs(current);
	uint64_t flags = r->rdi;
	struct thread *t;

	/* There is no second process on this machine. */
	if ((flags & THREAD_FLAGS_NEEDED) != THREAD_FLAGS_NEEDED)
		return -ENOSYS;
	if ((flags & ~(uint64_t)THREAD_FLAGS_KNOWN) != 0)
		return -EINVAL;
	if ((flags & CLONE_SETTLS) && r->r8 >= USER_END)
		return -EPERM;
	t = thread_create();
	if (!t)
		return -EAGAIN;
	int tid = t->tid;
	if ((flags & CLONE_PARENT_SETTID) && put_user_u32(r->rdx, (uint32_t)tid) < 0) {
		thread_discard(t);
		return -EFAULT;
	}
	if (flags & CLONE_CHILD_SETTID)
		put_user_u32(r->r10, (uint32_t)tid);
	if (flags & CLONE_CHILD_CLEARTID)
		t->clear_child_tid = r->r10;
	t->fs_base = flags & CLONE_SETTLS ? r->r8 : rdmsr(MSR_FS_BASE);
	fpu_save(t->xsave); /* control words are inherited */

	struct trap_frame *f = thread_frame(t);
	f->rip = r->rip;
	f->rcx = r->rip;
	f->rsp = r->rsi ? r->rsi : current->user_rsp;
	f->rdi = r->rdi;
	f->rsi = r->rsi;
	f->rdx = r->rdx;
	f->r10 = r->r10;
	f->r8 = r->r8;
	f->r9 = r->r9;
	f->rbx = kept->rbx;
	f->rbp = kept->rbp;
	f->r12 = kept->r12;
	f->r13 = kept->r13;
	f->r14 = kept->r14;
	f->r15 = kept->r15;
	f->rax = 0;
	thread_launch(t);
	return tid;
}

long sys_set_tid_address(uintptr_t addr)
{
	current->clear_child_tid = addr;
	return current->tid;
}

long sys_gettid(void)
{
	return current->tid;
}

long sys_exit(int code)
{
	struct thread *t = current;

	if (t->clear_child_tid && put_user_u32(t->clear_child_tid, 0) == 0)
		futex_wake_address(t->clear_child_tid, 1);
	if (thread_count == 1)
		machine_exit(code & 0xff);
	thread_end_self();
}

long sys_exit_group(int code)
{
	machine_exit(code & 0xff);
}

long sys_arch_prctl(int op, uintptr_t addr)
{
	switch (op) {
	case ARCH_SET_FS:
		if (addr >= USER_END)
			return -EPERM;
		current->fs_base = addr;
		wrmsr(MSR_FS_BASE, addr);
		return 0;
	case ARCH_GET_FS: {
		uint64_t base = rdmsr(MSR_FS_BASE);
		return copy_to_user(addr, &base, sizeof base);
	}
	case ARCH_SET_GS: /* the kernel's own here */
		return -EPERM;
	default:
		return -EINVAL;
	}
}
