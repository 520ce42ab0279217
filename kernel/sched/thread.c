/* Making, finding and burying threads. */
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/fpu.h"
#include "arch/x86_64/percpu.h"
#include "cmdline.h"
#include "lib/string.h"
#include "mm/kmalloc.h"
#include "mm/vmap.h"
#include "sched/sched.h"
#include "sys/syscall.h"
#include "time/clock.h"

#define KSTACK_SIZE 16384
#define FPU_ALIGN   64ul

struct list threads_all = LIST_INIT(threads_all);
spinlock_t threads_lock = SPINLOCK_INIT;
unsigned thread_count;
static int last_tid;
static uint64_t dead_runtime; /* CPU time of threads that are gone; threads_lock */
static void *spare_stack;     /* of the last dead thread */

void thread_reap(struct thread *t);

static void free_memory(struct thread *t)
{
	if (t->kstack) {
		if (!spare_stack)
			spare_stack = t->kstack;
		else
			vmap_free_stack(t->kstack, KSTACK_SIZE);
	}
	kfree(t->xsave_memory);
	kfree(t);
}

struct thread *thread_create(void)
{
	struct thread *t = kzalloc(sizeof *t);

	if (!t)
		return NULL;
	t->kstack = spare_stack ? spare_stack : vmap_alloc_stack(KSTACK_SIZE);
	spare_stack = NULL;
	t->xsave_memory = kmalloc(fpu_state_size + FPU_ALIGN - 1);
	if (!t->kstack || !t->xsave_memory) {
		free_memory(t);
		return NULL;
	}
	t->xsave = (void *)(((uintptr_t)t->xsave_memory + FPU_ALIGN - 1) & ~(FPU_ALIGN - 1));
	fpu_init_area(t->xsave);
	t->kstack_top = (uint64_t)t->kstack + KSTACK_SIZE;
	t->fpu_live = 1;
	t->state = THREAD_SLEEPING;
	t->refs = 1;
	t->syscall_limit = cmdline.trace ? 0 : SYSCALL_MAX;
	list_init(&t->run_link);
	strlcpy(t->name, current->name, sizeof t->name);

	struct trap_frame *f = thread_frame(t);
	memset(f, 0, sizeof *f);
	f->cs = KERNEL_CS;
	f->ss = KERNEL_DS;
	f->rflags = RFLAGS_IF | 2;

	bool first = list_empty(&threads_all);
	signal_thread_init(t, first ? NULL : current);
	spin_lock(&threads_lock);
	t->tid = ++last_tid;
	list_add_tail(&threads_all, &t->all_link);
	thread_count++;
	spin_unlock(&threads_lock);
	return t;
}

struct thread *thread_create_kernel(const char *name, void (*func)(void))
{
	struct thread *t = kzalloc(sizeof *t);

	if (!t)
		return NULL;
	t->kstack = vmap_alloc_stack(KSTACK_SIZE);
	if (!t->kstack) {
		kfree(t);
		return NULL;
	}
	t->kstack_top = (uint64_t)t->kstack + KSTACK_SIZE;
	t->kernel_func = func;
	fpu_save_control(&t->fpu_control);
	t->state = THREAD_SLEEPING;
	t->refs = 1;
	list_init(&t->run_link);
	list_init(&t->all_link);
	list_init(&t->sig.pending.queue);
	t->sig.blocked = ~0ul; /* its waits are never interrupted */
	strlcpy(t->name, name, sizeof t->name);
	return t;
}

struct trap_frame *thread_frame(struct thread *t)
{
	return (struct trap_frame *)(t->kstack_top - sizeof(struct trap_frame));
}

static void unlink_thread(struct thread *t)
{
	spin_lock(&threads_lock);
	list_remove(&t->all_link);
	thread_count--;
	dead_runtime += t->runtime;
	spin_unlock(&threads_lock);
}

void thread_discard(struct thread *t)
{
	unlink_thread(t);
	thread_put(t);
}

/* A dead thread's stack is no longer in use. */
void thread_reap(struct thread *t)
{
	thread_put(t);
}

struct thread *thread_find(int tid)
{
	struct thread *found = NULL;

	spin_lock(&threads_lock);
	list_for_each_entry (t, &threads_all, struct thread, all_link) {
		if (t->tid == tid) {
			t->refs++;
			found = t;
			break;
		}
	}
	spin_unlock(&threads_lock);
	return found;
}

void thread_put(struct thread *t)
{
	if (--t->refs == 0)
		free_memory(t);
}

uint64_t thread_cputime(const struct thread *t)
{
	uint64_t ns = t->runtime;

	if (t->state == THREAD_RUNNING)
		ns += clock_monotonic() - t->switched_in;
	return ns;
}

uint64_t process_cputime(void)
{
	spin_lock(&threads_lock);
	uint64_t ns = dead_runtime;
	list_for_each_entry (t, &threads_all, struct thread, all_link)
		ns += thread_cputime(t);
	spin_unlock(&threads_lock);
	return ns;
}

void thread_end_self(void)
{
	signal_thread_exit(current);
	unlink_thread(current);
	thread_exit();
}
