/* The system calls that entry.S does not make itself: unknown ones, and those of traced threads. */
#include <asm/errno.h>
#include <asm/unistd.h>
#include "sys/syscall.h"
#include "sys/syscall_regs.h"

long special_syscall(const struct kept_regs *kept);

static long unknown(void)
{
	return -ENOSYS;
}

/* clone is written in assembly to get at the kept registers, which lie elsewhere when traced:
 * right below the registers of the call. */
static long traced_clone(void)
{
	return clone_with_regs((const struct kept_regs *)syscall_regs(current) - 1);
}

long special_syscall(const struct kept_regs *kept)
{
	const struct syscall_regs *r = (const struct syscall_regs *)(kept + 1);
	const long args[6] = {(long)r->rdi, (long)r->rsi, (long)r->rdx,
			      (long)r->r10, (long)r->r8,  (long)r->r9};
	syscall_fn fn;

	if (current->syscall_limit) /* not traced */
		return -ENOSYS;
	if (r->nr >= SYSCALL_MAX)
		fn = (syscall_fn)(void (*)(void))unknown;
	else if (r->nr == __NR_clone)
		fn = (syscall_fn)(void (*)(void))traced_clone;
	else
		fn = syscall_table[r->nr];
	return syscall_trace((long)r->nr, args, fn);
}
