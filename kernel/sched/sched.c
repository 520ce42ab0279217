/* Run queues, the switch between threads, the idle loop. */
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/fpu.h"
#include "arch/x86_64/percpu.h"
#include "arch/x86_64/traps.h"
#include "lib/printk.h"
#include "sched/sched.h"
#include "sched/timer.h"
#include "signal/signal.h"
#include "time/clock.h"
#include "vfs/epoll.h"

void switch_stacks(uint64_t *save_sp, uint64_t load_sp);
void thread_started(struct trap_frame *f); /* called from entry.S */
void thread_first_return(void);
void thread_reap(struct thread *t); /* thread.c */

static struct timer slice_timer;
static bool idle; /* the CPU looks for work */

static void slice_over(struct timer *t)
{
	struct percpu *cpu = this_cpu();

	if (!cpu->rq.nready)
		return; /* armed again when somebody waits */
	atomic_fetch_or(&cpu->thread->flags, THREAD_NEED_RESCHED);
	timer_arm(t, clock_monotonic() + SLICE_NS);
}

/* Somebody waits for the CPU. When it idles, who was woken first gets it at once, and only those
 * after him wait (schedule()). */
static void arm_slice_timer(void)
{
	if (idle)
		return;
	if (!slice_timer.func)
		timer_setup(&slice_timer, slice_over);
	if (!timer_armed(&slice_timer))
		timer_arm(&slice_timer, clock_monotonic() + SLICE_NS);
}

/* Called with rq->lock held. */
static void enqueue(struct runqueue *rq, struct thread *t, bool first)
{
	assert(t->state != THREAD_READY && t->state != THREAD_DEAD);
	t->state = THREAD_READY;
	if (first)
		list_add_head(&rq->ready, &t->run_link);
	else
		list_add_tail(&rq->ready, &t->run_link);
	rq->nready++;
}

static struct thread *dequeue(struct runqueue *rq)
{
	struct thread *t = NULL;

	spin_lock(&rq->lock);
	if (!list_empty(&rq->ready)) {
		t = list_entry(rq->ready.next, struct thread, run_link);
		list_remove(&t->run_link);
		rq->nready--;
		t->state = THREAD_RUNNING;
	}
	spin_unlock(&rq->lock);
	return t;
}

void thread_wake(struct thread *t)
{
	struct percpu *cpu = this_cpu();
	bool queued = false;

	spin_lock(&cpu->rq.lock);
	t->woken = true;
	if (t->state == THREAD_SLEEPING) {
		enqueue(&cpu->rq, t, cpu->in_irq);
		queued = true;
	}
	spin_unlock(&cpu->rq.lock);
	if (!queued)
		return;
	if (cpu->in_irq)
		atomic_fetch_or(&cpu->thread->flags, THREAD_NEED_RESCHED);
	arm_slice_timer();
}

void thread_notify(struct thread *t, uint32_t flag)
{
	atomic_fetch_or(&t->flags, flag);
}

/* What must be done first by whoever comes out of a switch, on the new stack. */
static void finish_switch(void)
{
	struct percpu *cpu = this_cpu();
	struct thread *t = cpu->thread;

	if (cpu->reap) {
		thread_reap(cpu->reap);
		cpu->reap = NULL;
	}
	if (t->fpu_live)
		fpu_restore(t->xsave);
	else
		fpu_load_control(&t->fpu_control);
	/* An interrupt between the last look and the switch was noted on the thread before. */
	if (irq_pending())
		atomic_fetch_or(&t->flags, THREAD_IRQ_WORK);
}

/* The program may change its FS base itself where the CPU lets it (WRFSBASE), so what counts is in
 * the CPU, not in the thread. */
static void switch_fs_base(struct thread *prev, struct thread *next)
{
	if (cpu_has_fsgsbase) {
		prev->fs_base = rdfsbase();
		if (next->fs_base != prev->fs_base)
			wrfsbase(next->fs_base);
	} else if (next->fs_base != prev->fs_base) {
		wrmsr(MSR_FS_BASE, next->fs_base);
	}
}

static void switch_to(struct thread *next)
{
	struct percpu *cpu = this_cpu();
	struct thread *prev = cpu->thread;

	if (!prev->fpu_live)
		fpu_save_control(&prev->fpu_control);
	else if (prev->state != THREAD_DEAD)
		fpu_save(prev->xsave);
	if (prev->state == THREAD_DEAD)
		cpu->reap = prev;
	switch_fs_base(prev, next);
	cpu->thread = next;
	switch_stacks(&prev->ksp, next->ksp);
	finish_switch();
}

/* Waits for an interrupt, if none is pending, and runs its handler. The idle loop needs no thread
 * of its own: it runs on the stack of the thread that went to sleep last. */
static void idle_once(void)
{
	interrupts_off();
	if (irq_pending()) {
		interrupts_on();
		irq_run_pending();
		return;
	}
	timer_before_halt();
	idle_wait();
}

void sched_serve_interrupt(void)
{
	idle_once();
	if (irq_pending())
		irq_run_pending();
}

/* Before the CPU idles: what was held back while the program was busy, which may wake someone.
 * False: there was nothing. */
static bool catch_up(void)
{
	if (!epoll_busy || !epoll_back)
		return false;
	epoll_back();
	if (irq_pending())
		irq_run_pending();
	return true;
}

/* Gives the CPU to the next ready thread. The caller has set the state of the current one. */
static void schedule(void)
{
	struct percpu *cpu = this_cpu();
	struct thread *prev = cpu->thread, *next;
	uint64_t now = clock_monotonic();

	prev->runtime += now - prev->switched_in;
	if (irq_pending())
		irq_run_pending();
	timer_run_due(now);
	next = dequeue(&cpu->rq);
	if (!next) {
		uint64_t idle_since = now;

		idle = true;
		timer_idle(true);
		while (!(next = dequeue(&cpu->rq)))
			if (!catch_up())
				idle_once();
		idle = false;
		if (cpu->rq.nready)
			arm_slice_timer();
		timer_idle(false);
		now = clock_monotonic();
		cpu->idle_ns += now - idle_since;
	}
	next->switched_in = now;
	atomic_fetch_and(&next->flags, ~THREAD_NEED_RESCHED);
	if (next != prev)
		switch_to(next);
}

void thread_preempt(void)
{
	struct percpu *cpu = this_cpu();
	struct thread *t = cpu->thread;

	atomic_fetch_and(&t->flags, ~THREAD_NEED_RESCHED);
	if (!cpu->rq.nready)
		return;
	t->involuntary_switches++;
	spin_lock(&cpu->rq.lock);
	enqueue(&cpu->rq, t, false);
	spin_unlock(&cpu->rq.lock);
	schedule();
}

void thread_yield(void)
{
	thread_preempt();
}

void sched_sleep(void)
{
	struct percpu *cpu = this_cpu();
	struct thread *t = cpu->thread;

	spin_lock(&cpu->rq.lock);
	if (t->woken) {
		spin_unlock(&cpu->rq.lock);
		return;
	}
	t->state = THREAD_SLEEPING;
	spin_unlock(&cpu->rq.lock);
	t->voluntary_switches++;
	schedule();
}

void thread_exit(void)
{
	current->state = THREAD_DEAD;
	schedule();
	panic("a dead thread was scheduled");
}

void thread_started(struct trap_frame *f)
{
	finish_switch();
	exit_work(f, -1);
}

/* Leaves at sp what switch_stacks pops: six registers and the return address. */
static void set_start(struct thread *t, uint64_t *sp, void (*start)(void))
{
	*--sp = (uint64_t)start;
	for (int i = 0; i < 6; i++)
		*--sp = 0;
	t->ksp = (uint64_t)sp;
}

/* Where a kernel thread comes out of its first switch. */
static void kernel_thread_start(void)
{
	finish_switch();
	current->kernel_func();
	panic("%s has ended", current->name);
}

void thread_launch_kernel(struct thread *t)
{
	struct percpu *cpu = this_cpu();

	/* The empty word makes the stack what a function finds when it has been called. */
	set_start(t, (uint64_t *)t->kstack_top - 1, kernel_thread_start);
	spin_lock(&cpu->rq.lock);
	enqueue(&cpu->rq, t, false);
	spin_unlock(&cpu->rq.lock);
	arm_slice_timer();
}

void thread_launch(struct thread *t)
{
	struct percpu *cpu = this_cpu();

	set_start(t, (uint64_t *)(void *)thread_frame(t), thread_first_return);
	spin_lock(&cpu->rq.lock);
	t->state = THREAD_SLEEPING;
	enqueue(&cpu->rq, t, false);
	spin_unlock(&cpu->rq.lock);
	arm_slice_timer();
}

void sched_start(uintptr_t entry, uintptr_t stack, uint64_t argc, uint64_t argv)
{
	struct percpu *cpu = this_cpu();
	struct thread *t = thread_create();

	if (!t)
		panic("no memory for the first thread");
	struct trap_frame *f = thread_frame(t);
	f->rip = entry;
	f->rsp = stack;
	f->rdi = argc;
	f->rsi = argv;
	(void)signal_deliverable(t); /* one may have come before the program */
	thread_launch(t);
	cpu->thread->state = THREAD_SLEEPING; /* the boot stack, for good */
	interrupts_on();
	schedule();
	panic("the boot stack was scheduled");
}
