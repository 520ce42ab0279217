/* unit: kernel/signal/send.c kernel/signal/queue.c kernel/signal/deliver.c kernel/signal/sys_action.c kernel/lib/printk.c */
/* Who gets a signal, what is dropped, and what a call interrupted by one returns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <asm/errno.h>
#include <linux/signal.h>
#include "arch/x86_64/frame.h"
#include "arch/x86_64/sigframe.h"
#include "mm/uaccess.h"
#include "sched/thread.h"
#include "signal/process.h"
#include "signal/sys_signal.h"
#include "sys/trace.h"
#include "time/posix_timer.h"

/* The kernel around it. */
static struct thread a, b;
struct thread *current_thread = &a;
struct list threads_all;
spinlock_t threads_lock;
char unigornel_syscall[16];
static int woken_queue, frames, push_result, exit_code;
static struct sigframe_handler last_handler;
static uint64_t last_rax;
static jmp_buf at_exit;
static uint8_t code[16] __attribute__((aligned(16)));

void thread_notify(struct thread *t, uint32_t flag)
{
	t->flags |= flag;
}

void thread_wake(struct thread *t)
{
	t->woken = true;
}

unsigned waitqueue_wake(struct waitqueue *wq, unsigned max, uint32_t events)
{
	(void)wq;
	(void)max;
	(void)events;
	woken_queue++;
	return 1;
}

uint64_t rlimit_get(unsigned resource)
{
	(void)resource;
	return 4;
}

void posix_timer_taken(int id, int overrun)
{
	(void)id;
	(void)overrun;
}

const char *symbol_lookup(uintptr_t address, size_t *offset)
{
	(void)address;
	(void)offset;
	return NULL;
}

void trace_signal(int sig, const siginfo_t *info)
{
	(void)sig;
	(void)info;
}

int copy_from_user(void *dst, uintptr_t src, size_t n)
{
	if (src < 4096)
		return -EFAULT;
	memcpy(dst, (void *)src, n);
	return 0;
}

int copy_to_user(uintptr_t dst, const void *src, size_t n)
{
	if (dst < 4096)
		return -EFAULT;
	memcpy((void *)dst, src, n);
	return 0;
}

int sigframe_push(struct trap_frame *f, int sig, const void *siginfo,
		  const struct sigframe_handler *handler)
{
	(void)sig;
	(void)siginfo;
	if (push_result)
		return push_result;
	last_handler = *handler;
	last_rax = f->rax;
	frames++;
	return 0;
}

int sigframe_pop(struct trap_frame *f, struct sigframe_ucontext *uc)
{
	(void)f;
	memset(uc, 0, sizeof(*uc));
	return 0;
}

void machine_exit(int n)
{
	exit_code = n;
	longjmp(at_exit, 1);
}

static int setup(void **state)
{
	(void)state;
	memset(&a, 0, sizeof(a));
	memset(&b, 0, sizeof(b));
	a.tid = 1;
	b.tid = 2;
	list_init(&threads_all);
	list_add_tail(&threads_all, &a.all_link);
	list_add_tail(&threads_all, &b.all_link);
	signal_thread_init(&a, NULL);
	signal_thread_init(&b, &a);
	pending_flush(&signal_process.pending, ~0ul);
	memset(signal_process.action, 0, sizeof(signal_process.action));
	current_thread = &a;
	woken_queue = frames = push_result = exit_code = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	pending_flush(&a.sig.pending, ~0ul);
	pending_flush(&b.sig.pending, ~0ul);
	pending_flush(&signal_process.pending, ~0ul);
	return pending_count() ? -1 : 0;
}

static void handle(int sig, unsigned long flags)
{
	signal_process.action[sig - 1] = (struct sigaction){
	    .sa_handler = (__sighandler_t)0x400000,
	    .sa_flags = flags | SA_RESTORER,
	    .sa_mask = sigbit(SIGHUP),
	};
}

static void test_ignored_is_dropped(void **state)
{
	(void)state;
	assert_int_equal(signal_send_thread(&a, SIGURG, NULL), 0);
	assert_int_equal(signal_send_process(SIGCHLD, NULL), 0);
	assert_int_equal(signal_pending_for(&a), 0);
	/* Blocked, it waits: there may be a handler before it is unblocked. */
	a.sig.blocked = sigbit(SIGURG);
	assert_int_equal(signal_send_thread(&a, SIGURG, NULL), 0);
	assert_int_equal(signal_pending_for(&a), sigbit(SIGURG));
	assert_false(signal_deliverable(&a));
	/* Setting it to be ignored drops it. */
	struct sigaction ign = {.sa_handler = SIG_IGN};
	assert_int_equal(sys_rt_sigaction(SIGURG, (uintptr_t)&ign, 0, 8), 0);
	assert_int_equal(signal_pending_for(&a), 0);
}

static void test_bad_numbers(void **state)
{
	(void)state;
	assert_int_equal(signal_send_thread(&a, 0, NULL), -EINVAL);
	assert_int_equal(signal_send_process(65, NULL), -EINVAL);
	struct sigaction act = {.sa_handler = SIG_IGN};
	assert_int_equal(sys_rt_sigaction(SIGKILL, (uintptr_t)&act, 0, 8), -EINVAL);
	assert_int_equal(sys_rt_sigaction(SIGKILL, 0, (uintptr_t)&act, 8), 0);
	assert_int_equal(sys_rt_sigaction(65, 0, 0, 8), -EINVAL);
	assert_int_equal(sys_rt_sigaction(1, 0, 0, 16), -EINVAL);
	assert_int_equal(sys_rt_sigaction(1, 8, 0, 8), -EFAULT);
}

static void test_choice_of_thread(void **state)
{
	(void)state;
	handle(SIGUSR1, 0);
	a.sig.blocked = sigbit(SIGUSR1);
	assert_int_equal(signal_send_process(SIGUSR1, NULL), 0);
	assert_true(b.woken && b.flags & THREAD_SIGPENDING);
	assert_false(a.woken);
	/* When that one blocks it too, it is offered to the other as soon as it unblocks. */
	b.sig.blocked = sigbit(SIGUSR1);
	signal_set_blocked(0);
	assert_true(a.flags & THREAD_SIGPENDING);
	/* And what a blocks anew goes to b again. */
	b = (struct thread){.tid = 2, .all_link = b.all_link};
	signal_thread_init(&b, NULL);
	signal_set_blocked(sigbit(SIGUSR1));
	assert_true(b.flags & THREAD_SIGPENDING);
	b.flags = 0;
	signal_set_blocked(0);
	signal_thread_exit(&a);
	assert_true(b.flags & THREAD_SIGPENDING);
	assert_false(signal_deliverable(&a));
}

static void test_waiter_is_woken(void **state)
{
	(void)state;
	handle(SIGUSR1, 0);
	a.sig.blocked = b.sig.blocked = sigbit(SIGUSR1);
	b.sig.waiting_for = sigbit(SIGUSR1);
	assert_int_equal(signal_send_process(SIGUSR1, NULL), 0);
	assert_int_equal(woken_queue, 1);
	assert_int_equal(b.flags & THREAD_SIGPENDING, 0);
}

static void test_handler_and_mask(void **state)
{
	(void)state;
	struct trap_frame f = {.rip = 0x1234};
	handle(SIGUSR1, SA_RESETHAND);
	a.sig.blocked = sigbit(SIGINT);
	signal_send_thread(&a, SIGUSR1, NULL);
	signal_deliver(&f, -1);
	assert_int_equal(frames, 1);
	assert_int_equal(last_handler.mask, sigbit(SIGINT));
	assert_int_equal(a.sig.blocked, sigbit(SIGINT) | sigbit(SIGUSR1) | sigbit(SIGHUP));
	assert_ptr_equal(signal_process.action[SIGUSR1 - 1].sa_handler, SIG_DFL);
	assert_int_equal(a.flags & THREAD_SIGPENDING, 0);
	/* SA_NODEFER leaves the signal itself open. */
	a.sig.blocked = 0;
	handle(SIGUSR2, SA_NODEFER);
	signal_send_thread(&a, SIGUSR2, NULL);
	signal_deliver(&f, -1);
	assert_int_equal(a.sig.blocked, sigbit(SIGHUP));
}

static void test_saved_mask(void **state)
{
	(void)state;
	struct trap_frame f = {.rip = 0x1234};
	handle(SIGUSR1, 0);
	a.sig = (struct signal_state){.has_saved_mask = true, .saved_mask = sigbit(SIGUSR1)};
	pending_init(&a.sig.pending);
	signal_send_thread(&a, SIGUSR1, NULL);
	signal_deliver(&f, -1);
	assert_int_equal(last_handler.mask, sigbit(SIGUSR1)); /* comes back after the handler */
	assert_false(a.sig.has_saved_mask);
	/* Without a handler it comes back at once, and may let another signal through. */
	frames = 0;
	a.sig.blocked = sigbit(SIGUSR1);
	signal_send_thread(&a, SIGUSR1, NULL);
	a.sig.saved_mask = 0;
	a.sig.has_saved_mask = true;
	signal_deliver(&f, -1);
	assert_int_equal(frames, 1);
}

/* The call at code[5..] returned result; afterwards rax and how far rip moved back. */
static long after_call(long result, const uint8_t *bytes, long *back)
{
	memcpy(code, bytes, 5);
	struct trap_frame f = {.rip = (uintptr_t)code + 5, .rax = (uint64_t)result};
	uintptr_t rip = f.rip;
	signal_deliver(&f, 35);
	*back = (long)(rip - f.rip);
	return (long)(frames ? last_rax : f.rax);
}

static void test_restart(void **state)
{
	(void)state;
	uint8_t call[5] = {0xe8}, instruction[5] = {0, 0, 0, 0x0f, 0x05}, other[5] = {0};
	int64_t distance = unigornel_syscall - (char *)(code + 5);
	int32_t rel = (int32_t)distance;
	long back;
	memcpy(call + 1, &rel, 4);

	/* No handler: made again. */
	assert_int_equal(after_call(-ERESTARTSYS, instruction, &back), 35);
	assert_int_equal(back, 2);
	if (distance == rel) {
		assert_int_equal(after_call(-ERESTARTSYS, call, &back), 35);
		assert_int_equal(back, 5);
	}
	assert_int_equal(after_call(-ERESTARTNOHAND, instruction, &back), 35);
	assert_int_equal(after_call(-EINTR, instruction, &back), -EINTR);
	assert_int_equal(after_call(7, instruction, &back), 7);
	assert_int_equal(after_call(-ERESTARTSYS, other, &back), -EINTR);

	/* A handler without SA_RESTART. */
	handle(SIGUSR1, 0);
	signal_send_thread(&a, SIGUSR1, NULL);
	assert_int_equal(after_call(-ERESTARTSYS, instruction, &back), -EINTR);
	assert_int_equal(back, 0);
	/* With it. */
	frames = 0;
	a.sig.blocked = 0;
	handle(SIGUSR1, SA_RESTART);
	signal_send_thread(&a, SIGUSR1, NULL);
	assert_int_equal(after_call(-ERESTARTSYS, instruction, &back), 35);
	frames = 0;
	a.sig.blocked = 0;
	signal_send_thread(&a, SIGUSR1, NULL);
	assert_int_equal(after_call(-ERESTARTNOHAND, instruction, &back), -EINTR);
	frames = 0;
	a.sig.blocked = 0;
	handle(SIGUSR1, 0);
	signal_send_thread(&a, SIGUSR1, NULL);
	assert_int_equal(after_call(-ERESTARTNOINTR, instruction, &back), 35);
}

static void test_default_actions(void **state)
{
	(void)state;
	struct trap_frame f = {.rip = 0x1234};
	signal_send_thread(&a, SIGTERM, NULL);
	if (!setjmp(at_exit)) {
		signal_deliver(&f, -1);
		fail();
	}
	assert_int_equal(exit_code, 128 + SIGTERM);
	/* Nobody could continue a stopped process. */
	exit_code = 0;
	signal_send_process(SIGSTOP, NULL);
	signal_deliver(&f, -1);
	assert_int_equal(exit_code, 0);
}

static void test_faults(void **state)
{
	(void)state;
	struct trap_frame f = {.rip = 0x1234, .vector = 14, .error = 2};
	/* A fault cannot be blocked or ignored. */
	handle(SIGSEGV, 0);
	a.sig.blocked = sigbit(SIGSEGV);
	signal_fault(&f, SIGSEGV, SEGV_MAPERR, 0x10);
	assert_int_equal(a.sig.trap_number, 14);
	assert_int_equal(a.sig.trap_error, 6);
	assert_int_equal(a.sig.trap_cr2, 0x10);
	if (!setjmp(at_exit)) {
		signal_deliver(&f, -1);
		fail();
	}
	assert_int_equal(exit_code, 128 + SIGSEGV);
	/* A handler that cannot be given a frame: SIGSEGV, and then the end. */
	exit_code = 0;
	handle(SIGSEGV, 0);
	handle(SIGUSR1, 0);
	signal_send_thread(&a, SIGUSR1, NULL);
	push_result = -EFAULT;
	if (!setjmp(at_exit)) {
		signal_deliver(&f, -1);
		fail();
	}
	assert_int_equal(exit_code, 128 + SIGSEGV);
}

static void test_altstack(void **state)
{
	(void)state;
	kernel_stack_t old, ss = {.ss_sp = (void *)0x10000, .ss_size = 8192};
	a.user_rsp = 0x8000;
	assert_int_equal(sys_sigaltstack(0, (uintptr_t)&old), 0);
	assert_int_equal(old.ss_flags, SS_DISABLE);
	assert_int_equal(sys_sigaltstack((uintptr_t)&ss, 0), 0);
	assert_int_equal(sys_sigaltstack(0, (uintptr_t)&old), 0);
	assert_int_equal(old.ss_flags, 0);
	assert_int_equal(old.ss_size, 8192);
	a.user_rsp = 0x11000; /* on it */
	assert_int_equal(sys_sigaltstack((uintptr_t)&ss, 0), -EPERM);
	assert_int_equal(sys_sigaltstack(0, (uintptr_t)&old), 0);
	assert_int_equal(old.ss_flags, SS_ONSTACK);
	a.user_rsp = 0x8000;
	ss.ss_size = MINSIGSTKSZ - 1;
	assert_int_equal(sys_sigaltstack((uintptr_t)&ss, 0), -ENOMEM);
	ss.ss_flags = 4;
	assert_int_equal(sys_sigaltstack((uintptr_t)&ss, 0), -EINVAL);
	ss.ss_flags = SS_DISABLE;
	assert_int_equal(sys_sigaltstack((uintptr_t)&ss, 0), 0);
	assert_int_equal(a.sig.altstack_size, 0);
	assert_int_equal(sys_sigaltstack(8, 0), -EFAULT);
}

static void test_masks(void **state)
{
	(void)state;
	uint64_t set = ~0ul, old = 1;
	assert_int_equal(sys_rt_sigprocmask(SIG_BLOCK, (uintptr_t)&set, (uintptr_t)&old, 8), 0);
	assert_int_equal(old, 0);
	assert_int_equal(a.sig.blocked, ~SIGNALS_UNBLOCKABLE);
	set = sigbit(SIGINT);
	assert_int_equal(sys_rt_sigprocmask(SIG_UNBLOCK, (uintptr_t)&set, 0, 8), 0);
	assert_int_equal(a.sig.blocked, ~(SIGNALS_UNBLOCKABLE | sigbit(SIGINT)));
	assert_int_equal(sys_rt_sigprocmask(SIG_SETMASK, (uintptr_t)&set, 0, 8), 0);
	assert_int_equal(a.sig.blocked, sigbit(SIGINT));
	assert_int_equal(sys_rt_sigprocmask(9, (uintptr_t)&set, 0, 8), -EINVAL);
	assert_int_equal(sys_rt_sigprocmask(9, 0, (uintptr_t)&old, 8), 0);
	assert_int_equal(sys_rt_sigprocmask(0, (uintptr_t)&set, 0, 4), -EINVAL);
	assert_int_equal(sys_rt_sigprocmask(0, 8, 0, 8), -EFAULT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_ignored_is_dropped),
	    TEST(test_bad_numbers),
	    TEST(test_choice_of_thread),
	    TEST(test_waiter_is_woken),
	    TEST(test_handler_and_mask),
	    TEST(test_saved_mask),
	    TEST(test_restart),
	    TEST(test_default_actions),
	    TEST(test_faults),
	    TEST(test_altstack),
	    TEST(test_masks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
