/*
 * A xenstore in a test's own memory: the ring of xs_wire.h on one side, a small tree on the other.
 * It runs whenever the code under test waits, and lies when it is told to. Included once, after
 * cmocka.h (or with other definitions of its assertions).
 */
#pragma once
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "dev/xen/xenstore.h"
#include "dev/xen/xenstore_wire.h"
#include "hyper/xen/evtchn.h"
#include "mm/vmap.h"
#include "sched/wait.h"
#include "sched/worker.h"
#include "time/clock.h"

#define FAKE_HOME  "/local/domain/1/"
#define FAKE_NODES 256
#define FAKE_PORT  7

struct fake_node {
	char path[128], value[4097];
	unsigned len;
	bool used;
};
struct fake_tree {
	struct fake_node nodes[FAKE_NODES];
};

static struct {
	struct xenstore_domain_interface *ring;
	struct fake_tree *tree, *transaction;
	struct {
		char path[128], token[32];
		bool used, relative;
	} watches[16];
	irq_handler_t handler;
	unsigned notified, conflicts, transactions;
	uint64_t now;
	bool in_boot; /* the worker is somebody else: it works while the caller waits */
	/* What comes in, and what waits to go out. */
	char in[8192], out[1 << 20];
	size_t nin, nout, out_at;
	bool silent;	  /* answers nothing */
	unsigned trickle; /* bytes at a time; 0: all that fits */
	/* Changes an answer before it goes out; false: it is swallowed. */
	bool (*lie)(struct xsd_sockmsg *h, char *body);
	/* Called at every sleep, for scripts. */
	bool (*script)(void);
	struct work *work[8]; /* queued */
	unsigned nwork;
} fake;

static void fake_full(char full[128], const char *path)
{
	snprintf(full, 128, "%s%s", *path == '/' ? "" : FAKE_HOME, path);
}

static struct fake_node *fake_find(struct fake_tree *t, const char *full, bool make)
{
	struct fake_node *spare = NULL;

	for (int i = 0; i < FAKE_NODES; i++) {
		if (t->nodes[i].used && !strcmp(t->nodes[i].path, full))
			return &t->nodes[i];
		if (!t->nodes[i].used && !spare)
			spare = &t->nodes[i];
	}
	if (!make || !spare)
		return NULL;
	memset(spare, 0, sizeof *spare);
	spare->used = true;
	snprintf(spare->path, sizeof spare->path, "%s", full);
	return spare;
}

static bool fake_below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return !strncmp(path, dir, n) && (path[n] == '/' || !path[n]);
}

static void fake_send(uint32_t type, uint32_t id, uint32_t tx, const char *body, size_t len)
{
	struct xsd_sockmsg h = {.type = type, .req_id = id, .tx_id = tx, .len = (uint32_t)len};
	char copy[8192];

	memcpy(copy, body, len);
	if (fake.lie && !fake.lie(&h, copy))
		return;
	memcpy(fake.out + fake.nout, &h, sizeof h);
	memcpy(fake.out + fake.nout + sizeof h, copy, h.len > 4096 ? 4096 : h.len);
	fake.nout += sizeof h + (h.len > 4096 ? 4096 : h.len);
}

static void fake_fire(const char *full)
{
	for (unsigned i = 0; i < 16; i++) {
		char body[256];
		const char *path = full;
		int n;

		if (!fake.watches[i].used || !fake_below(full, fake.watches[i].path))
			continue;
		if (fake.watches[i].relative)
			path += strlen(FAKE_HOME);
		n = snprintf(body, sizeof body, "%s%c%s", path, 0, fake.watches[i].token);
		fake_send(XS_WATCH_EVENT, 0, 0, body, (size_t)n + 1);
	}
}

static void fake_store(const char *path, const char *value)
{
	char full[128];
	struct fake_node *n;

	fake_full(full, path);
	n = fake_find(fake.tree, full, true);
	n->len = (unsigned)strlen(value);
	memcpy(n->value, value, n->len + 1);
	fake_fire(full);
}

static inline const char *fake_value(const char *path)
{
	char full[128];
	struct fake_node *n;

	fake_full(full, path);
	n = fake_find(fake.tree, full, false);
	return n ? n->value : "(none)";
}

static void fake_remove(const char *path)
{
	char full[128];

	fake_full(full, path);
	for (int i = 0; i < FAKE_NODES; i++)
		if (fake.tree->nodes[i].used && fake_below(fake.tree->nodes[i].path, full)) {
			fake.tree->nodes[i].used = false;
			fake_fire(fake.tree->nodes[i].path);
		}
	fake_fire(full);
}

static void fake_error(const struct xsd_sockmsg *h, const char *name)
{
	fake_send(XS_ERROR, h->req_id, h->tx_id, name, strlen(name) + 1);
}

static void fake_ok(const struct xsd_sockmsg *h)
{
	fake_send(h->type, h->req_id, h->tx_id, "OK", 3);
}

/* The names below full, each once: as XS_DIRECTORY has them. Length 0: nothing is there. */
static size_t fake_list(struct fake_tree *t, const char *full, char *out)
{
	size_t n = 0, dir = strlen(full);

	for (int i = 0; i < FAKE_NODES; i++) {
		char name[128];
		bool known = false;

		if (!t->nodes[i].used || !fake_below(t->nodes[i].path, full) ||
		    t->nodes[i].path[dir] != '/')
			continue;
		snprintf(name, sizeof name, "%s", t->nodes[i].path + dir + 1);
		if (strchr(name, '/'))
			*strchr(name, '/') = '\0';
		for (size_t at = 0; at < n; at += strlen(out + at) + 1)
			known |= !strcmp(out + at, name);
		if (known)
			continue;
		memcpy(out + n, name, strlen(name) + 1);
		n += strlen(name) + 1;
	}
	return n;
}

static void fake_request(const struct xsd_sockmsg *h, char *body)
{
	struct fake_tree *t = h->tx_id ? fake.transaction : fake.tree;
	char full[128], text[4096];
	struct fake_node *n;
	size_t len;

	if (h->tx_id && (h->tx_id != 77 || !t)) {
		fake_error(h, "ENOENT");
		return;
	}
	fake_full(full, body);
	switch (h->type) {
	case XS_READ:
		n = fake_find(t, full, false);
		if (n)
			fake_send(XS_READ, h->req_id, h->tx_id, n->value, n->len);
		else
			fake_error(h, "ENOENT");
		return;
	case XS_WRITE:
		n = fake_find(t, full, true);
		len = strlen(body) + 1;
		n->len = (unsigned)(h->len - len);
		memcpy(n->value, body + len, n->len);
		n->value[n->len] = '\0';
		if (!h->tx_id)
			fake_fire(full);
		fake_ok(h);
		return;
	case XS_MKDIR:
		fake_find(t, full, true);
		fake_ok(h);
		return;
	case XS_RM:
		fake_remove(full);
		fake_ok(h);
		return;
	case XS_DIRECTORY:
		len = fake_list(t, full, text);
		if (len || fake_find(t, full, false))
			fake_send(XS_DIRECTORY, h->req_id, h->tx_id, text, len);
		else
			fake_error(h, "ENOENT");
		return;
	case XS_TRANSACTION_START:
		free(fake.transaction);
		fake.transaction = malloc(sizeof *fake.transaction);
		*fake.transaction = *fake.tree;
		fake.transactions++;
		fake_send(h->type, h->req_id, 0, "77", 3);
		return;
	case XS_TRANSACTION_END:
		if (*body == 'T' && fake.conflicts) {
			fake.conflicts--;
			fake_error(h, "EAGAIN");
		} else {
			if (*body == 'T')
				*fake.tree = *fake.transaction;
			fake_ok(h);
		}
		free(fake.transaction);
		fake.transaction = NULL;
		return;
	case XS_WATCH:
		for (unsigned i = 0; i < 16; i++) {
			if (fake.watches[i].used)
				continue;
			fake.watches[i].used = true;
			fake.watches[i].relative = *body != '/';
			snprintf(fake.watches[i].path, 128, "%s", full);
			snprintf(fake.watches[i].token, 32, "%s", body + strlen(body) + 1);
			fake_ok(h);
			fake_fire(full);
			return;
		}
		fake_error(h, "E2BIG");
		return;
	case XS_UNWATCH:
		for (unsigned i = 0; i < 16; i++)
			if (fake.watches[i].used && !strcmp(fake.watches[i].path, full) &&
			    !strcmp(fake.watches[i].token, body + strlen(body) + 1)) {
				fake.watches[i].used = false;
				fake_ok(h);
				return;
			}
		fake_error(h, "ENOENT");
		return;
	default:
		fake_error(h, "ENOSYS");
	}
}

/* The store's turn. True if anything moved. */
static bool fake_run(void)
{
	struct xenstore_domain_interface *r = fake.ring;
	bool moved = false;
	size_t room, n;

	if (r->connection == XENSTORE_RECONNECT &&
	    r->server_features & XENSTORE_SERVER_FEATURE_RECONNECTION && !fake.silent) {
		r->req_cons = r->req_prod = r->rsp_cons = r->rsp_prod = 0;
		r->error = 0;
		fake.nin = fake.nout = fake.out_at = 0;
		memset(fake.watches, 0, sizeof fake.watches);
		__atomic_store_n(&r->connection, XENSTORE_CONNECTED, __ATOMIC_SEQ_CST);
		moved = true;
	}
	while (!fake.silent && r->req_cons != r->req_prod && fake.nin < sizeof fake.in) {
		fake.in[fake.nin++] = r->req[MASK_XENSTORE_IDX(r->req_cons++)];
		moved = true;
	}
	while (fake.nin >= sizeof(struct xsd_sockmsg)) {
		struct xsd_sockmsg h;

		memcpy(&h, fake.in, sizeof h);
		n = sizeof h + h.len;
		if (fake.nin < n)
			break;
		fake.in[sizeof fake.in - 1] = '\0';
		fake_request(&h, fake.in + sizeof h);
		memmove(fake.in, fake.in + n, fake.nin - n);
		fake.nin -= n;
	}
	room = XENSTORE_RING_SIZE - (r->rsp_prod - r->rsp_cons);
	n = fake.nout - fake.out_at;
	if (n > room)
		n = room;
	if (fake.trickle && n > fake.trickle)
		n = fake.trickle;
	for (size_t i = 0; i < n; i++)
		r->rsp[MASK_XENSTORE_IDX(r->rsp_prod + i)] = fake.out[fake.out_at++];
	r->rsp_prod += (uint32_t)n;
	if (fake.out_at == fake.nout)
		fake.out_at = fake.nout = 0;
	if (moved || n) {
		if (fake.handler)
			fake.handler(NULL);
		return true;
	}
	return false;
}

/* The worker's turn. */
static bool fake_work(void)
{
	if (!fake.nwork)
		return false;
	struct work *w = fake.work[0];
	memmove(fake.work, fake.work + 1, --fake.nwork * sizeof *fake.work);
	w->queued = false;
	w->func(w);
	return true;
}

/* Until nothing more happens. */
static inline void fake_settle(void)
{
	while (fake_run() || fake_work())
		;
}

static void fake_reset(void)
{
	static bool once;
	struct xenstore_domain_interface *ring = fake.ring;
	uint64_t now = fake.now;

	free(fake.tree);
	free(fake.transaction);
	if (!ring)
		ring = malloc(4096);
	memset(ring, 0, 4096);
	irq_handler_t handler = fake.handler;
	memset(&fake, 0, sizeof fake);
	fake.ring = ring;
	fake.now = now + 1;
	fake.handler = handler;
	fake.tree = calloc(1, sizeof *fake.tree);
	if (!once)
		xs_init();
	else
		xs_resume();
	once = true;
}

/* ---- what the kernel has for the code under test ---- */

uint64_t clock_monotonic(void)
{
	return fake.now;
}

void wait_prepare(struct waitqueue *wq, struct wait_entry *e)
{
	(void)wq;
	(void)e;
}

void wait_finish(struct waitqueue *wq, struct wait_entry *e)
{
	(void)wq;
	(void)e;
}

/* Somebody else's turn; when nobody has anything to do, the time goes by. */
int wait_sleep(uint64_t deadline)
{
	bool moved = fake_run();

	if (fake.script)
		moved |= fake.script();
	if (!moved && fake.in_boot)
		moved = fake_work();
	if (moved)
		return 0;
	assert_true(deadline != WAIT_FOREVER);
	if (fake.now >= deadline)
		return -ETIMEDOUT;
	fake.now = deadline;
	return 0;
}

unsigned waitqueue_wake(struct waitqueue *wq, unsigned max, uint32_t events)
{
	(void)wq;
	(void)max;
	(void)events;
	return 0;
}

void work_setup(struct work *w, void (*func)(struct work *w))
{
	list_init(&w->link);
	w->func = func;
	w->queued = false;
}

void work_queue(struct work *w)
{
	if (w->queued)
		return;
	w->queued = true;
	assert_true(fake.nwork < 8);
	fake.work[fake.nwork++] = w;
}

bool work_cancel(struct work *w)
{
	for (unsigned i = 0; i < fake.nwork; i++) {
		if (fake.work[i] != w)
			continue;
		memmove(fake.work + i, fake.work + i + 1, (--fake.nwork - i) * sizeof *fake.work);
		w->queued = false;
		return true;
	}
	return false;
}

#ifndef FAKE_OWN_CHANNELS
int evtchn_attach(evtchn_port_t port, irq_handler_t handler, void *arg)
{
	assert_int_equal(port, FAKE_PORT);
	(void)arg;
	fake.handler = handler;
	return 0;
}
#endif

void evtchn_notify(evtchn_port_t port)
{
	assert_int_equal(port, FAKE_PORT);
	fake.notified++;
}

long xen_hvm_param(unsigned index, uint64_t *value)
{
	*value = index == HVM_PARAM_STORE_PFN ? 0xfeffc : FAKE_PORT;
	return 0;
}

void *vmap_rw(paddr_t phys, size_t size)
{
	assert_int_equal(phys, 0xfeffc000);
	assert_int_equal(size, 4096);
	return fake.ring;
}
