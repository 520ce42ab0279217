/*
 * Bytes, messages and answers. Calls wait on xs_wait; the event handler takes messages off the ring
 * and gives each to the call with its id.
 *
 * A store that breaks the protocol, or is silent for XS_TIMEOUT_NS while somebody waits, is given
 * up: every call ends with -EIO. If it knows how to reconnect, the next call tries that.
 */
#include "dev/xen/xenstore_wire.h"
#include "lib/printk.h"
#include "lib/string.h"
#include "mm/kmalloc.h"
#include "time/clock.h"

spinlock_t xs_lock = SPINLOCK_INIT;
struct waitqueue xs_wait = WAITQUEUE_INIT(xs_wait);

static struct {
	struct xenstore_domain_interface *page;
	void (*notify)(void);
	uint32_t req_prod, rsp_cons; /* ours; the page has copies */
	const char *broken;	     /* why */
	bool sending;		     /* somebody is in the middle of a message */
	uint32_t last_id;
	struct list calls; /* that wait for an answer */

	/* The message that is coming in. */
	struct xsd_sockmsg header;
	size_t got; /* bytes of header and body */
	char *body; /* NULL while the header is incomplete, or if memory is out */
} xs = {.calls = LIST_INIT(xs.calls)};

static uint32_t load(const uint32_t *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static void store(uint32_t *p, uint32_t value)
{
	__atomic_store_n(p, value, __ATOMIC_SEQ_CST);
}

static void finish(struct xs_call *c, int error, char *body, size_t len)
{
	list_remove(&c->link);
	c->error = error;
	c->body = body;
	c->len = len;
	c->done = true;
}

/* xs_lock is held. */
static void give_up(const char *why)
{
	if (xs.broken)
		return;
	xs.broken = why;
	printk("unigornel: xenstore: %s\n", why);
	list_for_each_entry_safe (c, &xs.calls, struct xs_call, link)
		finish(c, -EIO, NULL, 0);
	kfree(xs.body);
	xs.body = NULL;
	xs.got = 0;
}

/* True if the ring may be used: the store is not about to reset it. */
static bool connected(void)
{
	return load(&xs.page->connection) == XENSTORE_CONNECTED;
}

static void check_error_field(void)
{
	if (load(&xs.page->server_features) & XENSTORE_SERVER_FEATURE_ERROR &&
	    load(&xs.page->error) != XENSTORE_ERROR_NONE)
		give_up("the store reports a broken connection");
}

void xs_wire_connect(struct xenstore_domain_interface *page, void (*notify)(void))
{
	spin_lock(&xs_lock);
	if (page)
		xs.page = page;
	page = xs.page;
	xs.notify = notify;
	xs.broken = NULL;
	xs.req_prod = load(&page->req_prod);
	xs.rsp_cons = load(&page->rsp_prod);
	store(&page->rsp_cons, xs.rsp_cons);
	kfree(xs.body);
	xs.body = NULL;
	xs.got = 0;
	spin_unlock(&xs_lock);
}

/* The errno of an XS_ERROR's text. */
static int error_of(const char *text)
{
	for (size_t i = 0; i < sizeof xsd_errors / sizeof *xsd_errors; i++)
		if (strcmp(text, xsd_errors[i].errstring) == 0)
			return -xsd_errors[i].errnum;
	return -EIO;
}

static void take_answer(const struct xsd_sockmsg *h, char *body)
{
	list_for_each_entry (c, &xs.calls, struct xs_call, link) {
		if (c->id != h->req_id)
			continue;
		if (!body) {
			finish(c, -ENOMEM, NULL, 0);
		} else if (h->type == XS_ERROR) {
			finish(c, error_of(body), NULL, 0);
			kfree(body);
		} else if (h->type == c->type) {
			finish(c, 0, body, h->len);
		} else {
			kfree(body);
			give_up("an answer is of another type than its call");
		}
		return;
	}
	kfree(body);
	give_up("an answer belongs to no call");
}

static void take_watch_event(const struct xsd_sockmsg *h, char *body)
{
	size_t path;

	if (!body) {
		/* Nobody knows what has changed, so everything may have. */
		xs_watch_event(NULL, NULL, NULL);
		return;
	}
	path = strlen(body) + 1;
	/* Two strings; body has a NUL behind its end. */
	if (path >= h->len) {
		kfree(body);
		give_up("a watch's event lacks its token");
		return;
	}
	xs_watch_event(body, body, body + path);
}

/* Takes at most max bytes of n that are there; to NULL: drops them. */
static size_t take_bytes(char *to, size_t max, size_t n)
{
	if (n > max)
		n = max;
	for (size_t i = 0; to && i < n; i++)
		to[i] = xs.page->rsp[MASK_XENSTORE_IDX(xs.rsp_cons + (uint32_t)i)];
	xs.rsp_cons += (uint32_t)n;
	xs.got += n;
	return n;
}

/* Goes on with the message that is coming in. False if all that is there has been used. */
static bool take_some(size_t *there)
{
	size_t in_body;

	if (xs.got < sizeof xs.header) {
		*there -=
		    take_bytes((char *)&xs.header + xs.got, sizeof xs.header - xs.got, *there);
		if (xs.got < sizeof xs.header)
			return false;
		if (xs.header.len > XENSTORE_PAYLOAD_MAX) {
			give_up("a message is too long");
			return false;
		}
		xs.body = kmalloc(xs.header.len + 1);
	}
	in_body = xs.got - sizeof xs.header;
	*there -= take_bytes(xs.body ? xs.body + in_body : NULL, xs.header.len - in_body, *there);
	if (xs.got < sizeof xs.header + xs.header.len)
		return false;
	if (xs.body)
		xs.body[xs.header.len] = '\0';
	char *body = xs.body;
	xs.body = NULL;
	xs.got = 0;
	if (xs.header.type == XS_WATCH_EVENT)
		take_watch_event(&xs.header, body);
	else
		take_answer(&xs.header, body);
	return !xs.broken;
}

/* xs_lock is held. */
static void receive(void)
{
	while (!xs.broken && connected()) {
		uint32_t start = xs.rsp_cons, prod = load(&xs.page->rsp_prod);
		size_t there = prod - start;

		if (!there)
			return;
		if (there > XENSTORE_RING_SIZE) {
			give_up("the ring's index makes no sense");
			return;
		}
		while (take_some(&there))
			;
		store(&xs.page->rsp_cons, xs.rsp_cons);
		/* The store waits for room only if it has filled the ring. */
		if (load(&xs.page->rsp_prod) - start >= XENSTORE_RING_SIZE)
			xs.notify();
	}
}

void xs_wire_event(void)
{
	spin_lock(&xs_lock);
	if (xs.page) {
		receive();
		check_error_field();
	}
	spin_unlock(&xs_lock);
	waitqueue_wake_all(&xs_wait, 0);
}

/* Room in the ring of requests. xs_lock is held. */
static size_t room(void)
{
	uint32_t used = xs.req_prod - load(&xs.page->req_cons);

	if (used > XENSTORE_RING_SIZE) {
		give_up("the ring's index makes no sense");
		return 0;
	}
	return connected() ? XENSTORE_RING_SIZE - used : 0;
}

static bool room_or_broken(void)
{
	bool yes;

	spin_lock(&xs_lock);
	yes = room() || xs.broken;
	spin_unlock(&xs_lock);
	return yes;
}

static int put_bytes(const char *p, size_t n)
{
	uint64_t deadline = clock_monotonic() + XS_TIMEOUT_NS;

	while (n) {
		size_t chunk;

		spin_lock(&xs_lock);
		chunk = room();
		if (xs.broken) {
			spin_unlock(&xs_lock);
			return -EIO;
		}
		if (chunk > n)
			chunk = n;
		for (size_t i = 0; i < chunk; i++)
			xs.page->req[MASK_XENSTORE_IDX(xs.req_prod + (uint32_t)i)] = p[i];
		xs.req_prod += (uint32_t)chunk;
		store(&xs.page->req_prod, xs.req_prod);
		spin_unlock(&xs_lock);
		p += chunk;
		n -= chunk;
		if (!n)
			break;
		xs.notify();
		if (wait_event(&xs_wait, room_or_broken(), deadline)) {
			spin_lock(&xs_lock);
			give_up("the store takes no requests");
			spin_unlock(&xs_lock);
			return -EIO;
		}
	}
	return 0;
}

static bool begin_sending(void)
{
	bool yes;

	spin_lock(&xs_lock);
	yes = !xs.sending;
	xs.sending = true;
	spin_unlock(&xs_lock);
	return yes;
}

/* Asks a store that is given up to begin anew (docs/misc/xenstore-ring.txt of Xen). The sender
 * alone. */
static bool reconnect(void)
{
	if (!(load(&xs.page->server_features) & XENSTORE_SERVER_FEATURE_RECONNECTION))
		return false;
	store(&xs.page->connection, XENSTORE_RECONNECT);
	xs.notify();
	if (wait_event(&xs_wait, connected(), clock_monotonic() + XS_TIMEOUT_NS))
		return false;
	printk("unigornel: xenstore: connected again\n");
	xs_wire_connect(NULL, xs.notify);
	return true;
}

int xs_wire_start(struct xs_call *c, uint32_t type, uint32_t transaction,
		  const struct xs_piece *pieces, unsigned n)
{
	struct xsd_sockmsg h = {.type = type, .tx_id = transaction};
	bool renewed = false;
	int err = 0;

	memset(c, 0, sizeof *c);
	list_init(&c->link);
	c->type = type;
	for (unsigned i = 0; i < n; i++)
		h.len += (uint32_t)pieces[i].len;
	if (h.len > XENSTORE_PAYLOAD_MAX)
		return -E2BIG;
	if (!xs.page)
		return -EIO;
	wait_event(&xs_wait, begin_sending(), WAIT_FOREVER);
	if (xs.broken) {
		renewed = reconnect();
		err = renewed ? 0 : -EIO;
	}
	if (!err) {
		spin_lock(&xs_lock);
		h.req_id = c->id = ++xs.last_id;
		list_add_tail(&xs.calls, &c->link);
		spin_unlock(&xs_lock);
		err = put_bytes((const char *)&h, sizeof h);
	}
	for (unsigned i = 0; i < n && !err; i++)
		err = put_bytes(pieces[i].data, pieces[i].len);
	if (!err)
		xs.notify();
	spin_lock(&xs_lock);
	xs.sending = false;
	if (err) {
		list_remove(&c->link);
		kfree(c->body); /* of an answer that came before the request was complete */
		c->body = NULL;
	}
	spin_unlock(&xs_lock);
	waitqueue_wake_all(&xs_wait, 0);
	if (renewed)
		xs_watches_renew();
	return err;
}

int xs_wire_finish(struct xs_call *c)
{
	uint64_t deadline = clock_monotonic() + XS_TIMEOUT_NS;

	if (wait_event(&xs_wait, __atomic_load_n(&c->done, __ATOMIC_ACQUIRE), deadline)) {
		spin_lock(&xs_lock);
		if (!c->done)
			give_up("no answer");
		spin_unlock(&xs_lock);
		waitqueue_wake_all(&xs_wait, 0);
	}
	return c->error;
}

bool xs_wire_idle(void)
{
	bool idle;

	spin_lock(&xs_lock);
	idle = list_empty(&xs.calls) && !xs.sending;
	spin_unlock(&xs_lock);
	return idle;
}
