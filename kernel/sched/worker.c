/* The kernel's own thread, which runs what others queue. */
#include "sched/worker.h"
#include "lib/spinlock.h"
#include "mm/oom.h"
#include "sched/sched.h"
#include "sched/wait.h"

static spinlock_t lock = SPINLOCK_INIT; /* guards queue, queued of all work, worker */
static struct list queue = LIST_INIT(queue);
static struct waitqueue wq = WAITQUEUE_INIT(wq);
static struct thread *worker;

static struct work *take(void)
{
	struct work *w = NULL;

	spin_lock(&lock);
	if (!list_empty(&queue)) {
		w = list_entry(queue.next, struct work, link);
		list_remove(&w->link);
		w->queued = false;
	}
	spin_unlock(&lock);
	return w;
}

static void run(void)
{
	for (;;) {
		struct work *w = NULL;

		wait_event(&wq, (w = take()) != NULL, WAIT_FOREVER);
		w->func(w);
	}
}

void work_setup(struct work *w, void (*func)(struct work *w))
{
	list_init(&w->link);
	w->func = func;
	w->queued = false;
}

void work_queue(struct work *w)
{
	bool create;

	spin_lock(&lock);
	if (!w->queued) {
		w->queued = true;
		list_add_tail(&queue, &w->link);
	}
	create = !worker;
	if (create)
		worker = thread_create_kernel("worker", run);
	spin_unlock(&lock);
	if (!worker)
		oom_end("the kernel's worker", 0);
	if (create)
		thread_launch_kernel(worker);
	else
		waitqueue_wake(&wq, 1, 0);
}

bool work_cancel(struct work *w)
{
	bool was;

	spin_lock(&lock);
	was = w->queued;
	list_remove(&w->link);
	w->queued = false;
	spin_unlock(&lock);
	return was;
}

bool on_worker(void)
{
	return worker && current == worker;
}
