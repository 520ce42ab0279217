/*
 * Work that must be able to block and belongs to no system call: bringing devices up, suspending
 * the machine. It runs on one kernel thread of its own, a piece after the other, in the order
 * queued.
 *
 * That thread is none of the program's: no tid, not on threads_all, in no count, never signalled
 * (an interrupted wait does not happen to it). It exists from the first work_queue on.
 */
#pragma once
#include <stdbool.h>
#include "lib/list.h"

struct work {
	struct list link;
	void (*func)(struct work *w);
	bool queued;
};

void work_setup(struct work *w, void (*func)(struct work *w));
/* Has func called soon. From anywhere, interrupt handlers included. Nothing happens if w is queued
 * already; once func has begun it may be queued anew. w stays the caller's. */
void work_queue(struct work *w);
/* Takes w off the queue. False: it was not on it; its func may be running. */
bool work_cancel(struct work *w);
/* True in a func. */
bool on_worker(void);
