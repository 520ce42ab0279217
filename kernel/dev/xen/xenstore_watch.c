/*
 * Watches. An event only marks its watch; functions run on the worker thread, which alone adds and
 * removes watches after the start. Events that nobody has looked at yet count as one, so a store
 * that sends many costs us no memory.
 */
#include "dev/xen/xenstore.h"
#include "dev/xen/xenstore_wire.h"
#include "lib/printk.h"
#include "lib/string.h"
#include "mm/kmalloc.h"
#include "sched/worker.h"

#define TOKEN_SIZE 12

static struct list watches = LIST_INIT(watches); /* guarded by xs_lock */
static unsigned last_token;			 /* likewise */
static void run_watches(struct work *w);
static struct work watch_work = {.link = LIST_INIT(watch_work.link), .func = run_watches};

/* xs_lock is held. */
static void mark(struct xs_watch *w, char *body)
{
	if (w->fired) {
		kfree(w->changed);
		kfree(body);
		w->changed = NULL; /* both, so all below the watch's path */
	} else {
		w->changed = body;
	}
	w->fired = true;
	work_queue(&watch_work);
}

void xs_watch_event(char *body, const char *path, const char *token)
{
	char own[TOKEN_SIZE];

	list_for_each_entry (w, &watches, struct xs_watch, link) {
		if (!body) {
			mark(w, NULL);
			continue;
		}
		ksnprintf(own, sizeof own, "%x", w->token);
		if (strcmp(token, own) != 0)
			continue;
		if (w->wanted && !w->wanted(w, path))
			break;
		mark(w, body);
		return;
	}
	kfree(body); /* of a watch that was removed a moment ago */
}

/* Takes a watch that has fired; its event's path in *changed, the caller's. NULL: none has. */
static struct xs_watch *take_fired(char **changed)
{
	struct xs_watch *found = NULL;

	spin_lock(&xs_lock);
	list_for_each_entry (w, &watches, struct xs_watch, link) {
		if (!w->fired)
			continue;
		found = w;
		w->fired = false;
		*changed = w->changed;
		w->changed = NULL;
		break;
	}
	if (found) { /* fair to the others */
		list_remove(&found->link);
		list_add_tail(&watches, &found->link);
	}
	spin_unlock(&xs_lock);
	return found;
}

static void run_watches(struct work *work)
{
	struct xs_watch *w;
	char *changed;

	(void)work;
	while ((w = take_fired(&changed)) != NULL) {
		w->func(w, changed ? changed : w->path);
		kfree(changed);
	}
}

static int tell_store(uint32_t type, const struct xs_watch *w)
{
	char token[TOKEN_SIZE];
	struct xs_piece pieces[2] = {{w->path, strlen(w->path) + 1}, {token, 0}};
	struct xs_call c;
	int err;

	pieces[1].len = (size_t)ksnprintf(token, sizeof token, "%x", w->token) + 1;
	err = xs_wire_start(&c, type, XS_NONE, pieces, 2);
	if (!err)
		err = xs_wire_finish(&c);
	if (!err)
		kfree(c.body);
	return err;
}

int xs_watch_add(struct xs_watch *w)
{
	int err;

	w->fired = false;
	w->changed = NULL;
	spin_lock(&xs_lock);
	w->token = ++last_token;
	list_add_tail(&watches, &w->link); /* the first event may come before the answer */
	spin_unlock(&xs_lock);
	err = tell_store(XS_WATCH, w);
	if (err) {
		spin_lock(&xs_lock);
		list_remove(&w->link);
		kfree(w->changed);
		w->changed = NULL;
		spin_unlock(&xs_lock);
	}
	return err;
}

void xs_watch_remove(struct xs_watch *w)
{
	tell_store(XS_UNWATCH, w); /* if it fails, events for an unknown token are dropped */
	spin_lock(&xs_lock);
	list_remove(&w->link);
	w->fired = false;
	kfree(w->changed);
	w->changed = NULL;
	spin_unlock(&xs_lock);
}

/* The watch after w, NULL at the end; the first after NULL. */
static struct xs_watch *next_watch(const struct xs_watch *w)
{
	struct list *next;

	spin_lock(&xs_lock);
	next = w ? w->link.next : watches.next;
	spin_unlock(&xs_lock);
	return next == &watches ? NULL : list_entry(next, struct xs_watch, link);
}

void xs_watches_renew(void)
{
	for (struct xs_watch *w = next_watch(NULL); w; w = next_watch(w)) {
		int err = tell_store(XS_WATCH, w);

		if (err && err != -EEXIST)
			printk("unigornel: xenstore: no watch on %s (%d)\n", w->path, err);
	}
}
