/* sigframe.h */
#include "arch/x86_64/sigframe.h"
#include <asm/errno.h>
#include <asm/sigcontext.h>
#include <linux/signal.h>
#include "arch/x86_64/fpu.h"
#include "arch/x86_64/frame.h"
#include "lib/string.h"
#include "mm/uaccess.h"
#include "sched/thread.h"
#include "signal/process.h"

#define RED_ZONE     128u /* System V ABI 3.2.2: below the stack pointer, in use */
#define FXSAVE_SIZE  512u
#define MAGIC2_SIZE  sizeof(uint32_t)
#define XSTATE_ALIGN 64u

#define UC_FP_XSTATE	     1ul
#define UC_SIGCONTEXT_SS     2ul
#define UC_STRICT_RESTORE_SS 4ul

/* What a program finds in its selectors under Linux. Ours are the kernel's, and are never loaded
 * from a frame. */
#define LINUX_USER_CS 0x33
#define LINUX_USER_SS 0x2b

#define FLAG_TF 0x100ul
#define FLAG_DF 0x400ul
#define FLAG_RF 0x10000ul
#define FLAG_AC 0x40000ul
/* CF PF AF ZF SF TF DF OF RF AC: what sigreturn may change (FIX_EFLAGS of Linux). */
#define FLAGS_OF_PROGRAM (0x8d5ul | FLAG_TF | FLAG_DF | FLAG_RF | FLAG_AC)

/* The bytes that the vector state takes in a frame. */
static size_t fpstate_size(void)
{
	return fpu_state_size + (fpu_xcr0 ? MAGIC2_SIZE : 0);
}

/* Stores the vector state that is in the CPU. */
static int write_fpstate(uintptr_t to)
{
	char *area = current->xsave;

	fpu_save(area);
	if (!fpu_xcr0)
		return copy_to_user(to, area, FXSAVE_SIZE);
	struct sigframe_fpx fpx = {
	    .magic1 = FP_XSTATE_MAGIC1,
	    .extended_size = (uint32_t)(fpu_state_size + MAGIC2_SIZE),
	    .xfeatures = fpu_xcr0,
	    .xstate_size = (uint32_t)fpu_state_size,
	};
	uint32_t magic2 = FP_XSTATE_MAGIC2;
	memcpy(area + SIGFRAME_FPX_OFFSET, &fpx, sizeof(fpx));
	int r = copy_to_user(to, area, fpu_state_size);
	return r ? r : copy_to_user(to + fpu_state_size, &magic2, sizeof(magic2));
}

/* Loads the vector state at from; 0 stands for the initial state. */
static int read_fpstate(uintptr_t from)
{
	char *area = current->xsave;
	struct sigframe_fpx fpx;
	uint32_t magic2 = 0;

	fpu_init_area(area);
	if (!from) {
		fpu_restore(area);
		return 0;
	}
	if (copy_from_user(area, from, FXSAVE_SIZE))
		return -EFAULT;
	if (fpu_xcr0) {
		/* A frame without our marks has only the legacy region, as on Linux. */
		memcpy(&fpx, area + SIGFRAME_FPX_OFFSET, sizeof(fpx));
		if (fpx.magic1 == FP_XSTATE_MAGIC1 && fpx.xstate_size == fpu_state_size &&
		    copy_from_user(&magic2, from + fpu_state_size, sizeof(magic2)) == 0 &&
		    magic2 == FP_XSTATE_MAGIC2) {
			if (copy_from_user(area, from, fpu_state_size))
				return -EFAULT;
		} else {
			uint64_t x87_and_sse = 3;
			memcpy(area + FXSAVE_SIZE, &x87_and_sse, sizeof(x87_and_sse));
		}
	}
	if (!fpu_sanitize(area))
		return -EFAULT;
	fpu_restore(area);
	return 0;
}

static void save_registers(struct sigframe_registers *r, const struct trap_frame *f)
{
	const struct signal_state *s = &current->sig;

	*r = (struct sigframe_registers){
	    .r8 = f->r8,
	    .r9 = f->r9,
	    .r10 = f->r10,
	    .r11 = f->r11,
	    .r12 = f->r12,
	    .r13 = f->r13,
	    .r14 = f->r14,
	    .r15 = f->r15,
	    .rdi = f->rdi,
	    .rsi = f->rsi,
	    .rbp = f->rbp,
	    .rbx = f->rbx,
	    .rdx = f->rdx,
	    .rax = f->rax,
	    .rcx = f->rcx,
	    .rsp = f->rsp,
	    .rip = f->rip,
	    .rflags = f->rflags,
	    .cs = LINUX_USER_CS,
	    .ss = LINUX_USER_SS,
	    .error = s->trap_error,
	    .trap_number = s->trap_number,
	    .cr2 = s->trap_cr2,
	};
}

/* Where the program may continue: anything else would fault in the kernel on the way there. */
static bool valid_rip(uintptr_t rip)
{
	return rip < USER_END && !in_kernel_text(rip);
}

int sigframe_push(struct trap_frame *f, int sig, const void *siginfo,
		  const struct sigframe_handler *handler)
{
	struct thread *t = current;
	struct signal_state *s = &t->sig;
	uintptr_t sp = f->rsp - RED_ZONE;
	bool was_on_altstack = signal_on_altstack(t, f->rsp), entering = false;

	if (!(handler->flags & SA_RESTORER) || !valid_rip(handler->entry))
		return -EFAULT;
	if (handler->flags & SA_ONSTACK && s->altstack_size && !was_on_altstack) {
		sp = s->altstack_sp + s->altstack_size;
		entering = true;
	}
	uintptr_t fpstate = (sp - fpstate_size()) & ~(uintptr_t)(XSTATE_ALIGN - 1);
	/* At the handler's entry, as after a call: RSP + 8 is a multiple of 16. */
	uintptr_t frame = ((fpstate - sizeof(struct sigframe)) & ~15ul) - 8;
	/* An overflow of the alternate stack must not write below it. */
	if ((was_on_altstack || entering) && s->altstack_size &&
	    (frame < s->altstack_sp || frame - s->altstack_sp >= s->altstack_size))
		return -EFAULT;

	struct sigframe fr = {
	    .return_address = handler->restorer,
	    .uc =
		{
		    .flags =
			UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS | (fpu_xcr0 ? UC_FP_XSTATE : 0),
		    .stack =
			{
			    .sp = s->altstack_sp,
			    .flags = s->altstack_flags,
			    .size = s->altstack_size,
			},
		    .mask = handler->mask,
		},
	};
	save_registers(&fr.uc.registers, f);
	fr.uc.registers.old_mask = handler->mask;
	fr.uc.registers.fpstate = fpstate;
	memcpy(fr.info, siginfo, sizeof(fr.info));
	if (write_fpstate(fpstate) || copy_to_user(frame, &fr, sizeof(fr)))
		return -EFAULT;

	if (s->altstack_flags & SS_AUTODISARM) {
		s->altstack_sp = 0;
		s->altstack_size = 0;
		s->altstack_flags = SS_DISABLE;
	}
	f->rdi = (uint64_t)sig;
	f->rsi = frame + offsetof(struct sigframe, info);
	f->rdx = frame + offsetof(struct sigframe, uc);
	f->rax = 0;
	f->rsp = frame;
	f->rip = handler->entry;
	f->rflags &= ~(FLAG_DF | FLAG_TF | FLAG_RF | FLAG_AC);
	return 0;
}

int sigframe_pop(struct trap_frame *f, struct sigframe_ucontext *uc)
{
	const struct sigframe_registers *r = &uc->registers;
	uintptr_t frame = f->rsp - sizeof(uint64_t);

	if (copy_from_user(uc, frame + offsetof(struct sigframe, uc), sizeof(*uc)))
		return -EFAULT;
	f->r8 = r->r8;
	f->r9 = r->r9;
	f->r10 = r->r10;
	f->r11 = r->r11;
	f->r12 = r->r12;
	f->r13 = r->r13;
	f->r14 = r->r14;
	f->r15 = r->r15;
	f->rdi = r->rdi;
	f->rsi = r->rsi;
	f->rbp = r->rbp;
	f->rbx = r->rbx;
	f->rdx = r->rdx;
	f->rax = r->rax;
	f->rcx = r->rcx;
	f->rsp = r->rsp;
	f->rip = r->rip;
	f->rflags = (f->rflags & ~FLAGS_OF_PROGRAM) | (r->rflags & FLAGS_OF_PROGRAM);
	if (read_fpstate(r->fpstate) || !valid_rip(r->rip))
		return -EFAULT;
	return 0;
}
