/*
 * Descriptors in flight, and the collector of AF_UNIX sockets that nobody can reach.
 *
 * A socket whose file is in a message of a queue lives on when the program has closed it. If the
 * only way to that queue is through the socket itself (or through others that are so placed), it
 * would live for ever. The collector looks at the sockets in flight: those whose file has no
 * references but from messages are candidates. A candidate that is referred to from outside of the
 * candidates' queues is alive, and so is all that is in the queue of one alive. The messages in the
 * queues of the rest are dropped.
 */
#include "net/unix.h"
#include "net/unix_internal.h"
#include "vfs/file.h"

#define GC_MIN 256 /* descriptors in flight below which sending does not collect */

unsigned unix_files_in_flight;
static unsigned next_gc = GC_MIN;
struct list unix_flying = LIST_INIT(unix_flying);

struct unix_sock *unix_of_file(struct file *f)
{
	struct socket *so = socket_of(f);
	return so && so->family == AF_UNIX ? unix_of(so) : NULL;
}

void unix_fly(struct unix_scm *s)
{
	unix_files_in_flight += s->count;
	for (unsigned i = 0; i < s->count; i++) {
		struct unix_sock *u = unix_of_file(s->files[i]);
		if (u && !u->in_flight++)
			list_add_tail(&unix_flying, &u->flight_link);
	}
}

void unix_land(struct unix_scm *s)
{
	unix_files_in_flight -= s->count;
	for (unsigned i = 0; i < s->count; i++) {
		struct unix_sock *u = unix_of_file(s->files[i]);
		if (u && !--u->in_flight)
			list_remove(&u->flight_link);
	}
}

static void visit_messages(struct unix_sock *u, void (*visit)(struct unix_sock *, struct list *),
			   struct list *work)
{
	list_for_each_entry (m, &u->queue, struct unix_msg, link)
		for (unsigned i = 0; m->scm && i < m->scm->count; i++) {
			struct unix_sock *v = unix_of_file(m->scm->files[i]);
			if (v && v->gc_candidate)
				visit(v, work);
		}
}

/* Calls visit for each candidate in u's messages, and in those sent to connections that u has not
 * accepted yet. */
static void visit_queue(struct unix_sock *u, void (*visit)(struct unix_sock *, struct list *),
			struct list *work)
{
	visit_messages(u, visit, work);
	list_for_each_entry (e, &u->accepting, struct unix_sock, embryo_link)
		visit_messages(e, visit, work);
}

static void discount(struct unix_sock *v, struct list *work)
{
	(void)work;
	v->gc_refs--;
}

static void reach(struct unix_sock *v, struct list *work)
{
	if (v->gc_reached)
		return;
	v->gc_reached = true;
	list_add_tail(work, &v->gc_work);
}

static void drop_messages(struct unix_sock *u)
{
	list_for_each_entry (m, &u->queue, struct unix_msg, link)
		unix_scm_drop(unix_scm_detach(m));
}

void unix_gc(void)
{
	struct list work = LIST_INIT(work), garbage = LIST_INIT(garbage);
	list_for_each_entry (u, &unix_flying, struct unix_sock, flight_link) {
		u->gc_refs = u->in_flight;
		u->gc_candidate =
		    u->so.file && (unsigned)atomic_load(&u->so.file->refs) == u->in_flight;
		u->gc_reached = false;
	}
	list_for_each_entry (u, &unix_flying, struct unix_sock, flight_link)
		if (u->gc_candidate)
			visit_queue(u, discount, NULL);
	list_for_each_entry (u, &unix_flying, struct unix_sock, flight_link)
		if (u->gc_candidate && u->gc_refs)
			reach(u, &work);
	while (!list_empty(&work)) {
		struct unix_sock *u = list_entry(work.next, struct unix_sock, gc_work);
		list_remove(&u->gc_work);
		visit_queue(u, reach, &work);
	}
	/* Emptying a queue takes sockets off unix_flying: first see which. */
	list_for_each_entry (u, &unix_flying, struct unix_sock, flight_link)
		if (u->gc_candidate && !u->gc_reached)
			list_add_tail(&garbage, &u->gc_work);
	while (!list_empty(&garbage)) {
		struct unix_sock *u = list_entry(garbage.next, struct unix_sock, gc_work);
		list_remove(&u->gc_work);
		drop_messages(u);
		list_for_each_entry (e, &u->accepting, struct unix_sock, embryo_link)
			drop_messages(e);
	}
}

void unix_gc_if_due(void)
{
	if (unix_files_in_flight < next_gc)
		return;
	unix_gc();
	next_gc = unix_files_in_flight < GC_MIN / 2 ? GC_MIN : unix_files_in_flight * 2;
}
