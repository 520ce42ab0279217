/*
 * One device: finding its backend, following the backend's state (io/xenbus.h), failing.
 *
 * The frontend goes to Connected as soon as it has written what it offers; backends take that for
 * Initialised as well. One whose backend was left in the middle of a connection (by a boot loader,
 * say) goes through Closing and Closed first, which makes the backend start anew.
 */
#include <asm/errno.h>
#include "dev/xen/xenbus_internal.h"
#include "lib/printk.h"
#include "lib/string.h"
#include "mm/kmalloc.h"
#include "sched/wait.h"
#include "time/clock.h"

#define CLOSE_WAIT_NS 5000000000ull
#define CLOSE_ASK_NS  2000000ull

static void set_state(struct xenbus_device *d, enum xenbus_state state)
{
	int err;

	if (d->state == state)
		return;
	d->state = state;
	err = xs_printf(XS_NONE, d->dir, "state", "%u", (unsigned)state);
	/* When the directory has been removed we are not allowed to make it again. */
	if (err && err != -ENOENT && err != -EACCES)
		printk("unigornel: %s: cannot set state %u (%d)\n", d->dir, (unsigned)state, err);
}

static enum xenbus_state read_state(const char *dir)
{
	uint64_t state = XenbusStateUnknown;

	if (xs_read_number(XS_NONE, dir, "state", XenbusStateReconfigured, &state))
		return XenbusStateUnknown;
	return (enum xenbus_state)state;
}

/* A path that a backend's can be: absolute, names of xenstore.txt's characters, short enough to add
 * to. */
static bool good_path(const char *path, size_t len)
{
	if (len < 2 || len >= XS_PATH_MAX - 64 || path[0] != '/' || path[len - 1] == '/')
		return false;
	for (size_t i = 0; i < len; i++) {
		char c = path[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      strchr("-/_@.", c)) ||
		    !c)
			return false;
	}
	return true;
}

/* Reads where the backend is. 0, -errno. */
static int find_backend(struct xenbus_device *d)
{
	uint64_t domain;
	char *path;
	size_t len;
	int err = xs_read_number(XS_NONE, d->dir, "backend-id", DOMID_FIRST_RESERVED - 1, &domain);

	if (!err)
		err = xs_read(XS_NONE, d->dir, "backend", &path, &len);
	if (err)
		return err;
	if (good_path(path, len))
		strlcpy(d->backend, path, sizeof d->backend);
	else
		err = -EINVAL;
	kfree(path);
	d->backend_domain = (domid_t)domain;
	ksnprintf(d->watch_path, sizeof d->watch_path, "%s/state", d->backend);
	return err;
}

static void disconnect(struct xenbus_device *d)
{
	if (!d->attached)
		return;
	d->bus_driver->disconnect(d);
	d->attached = d->running = false;
}

/* The backend has let go of our pages: it says so, has gone, or begins anew. */
static bool let_go(const struct xenbus_device *d)
{
	enum xenbus_state s = read_state(d->backend);

	return s != XenbusStateInitialised && s != XenbusStateConnected && s != XenbusStateClosing;
}

/* Waits for the backend to let go, within limits. It reacts to our state in some milliseconds, and
 * its own is asked for ever less often. */
static void wait_for_backend(const struct xenbus_device *d)
{
	static struct waitqueue nobody = WAITQUEUE_INIT(nobody);
	uint64_t end = clock_monotonic() + CLOSE_WAIT_NS, pause = CLOSE_ASK_NS;

	while (!let_go(d) && clock_monotonic() < end) {
		wait_event(&nobody, false, clock_monotonic() + pause);
		pause *= 2;
	}
}

/* Leaves the connection. Backends unmap our pages when we are Closed, or even Closing, and only
 * then can they be taken back. */
static void close_device(struct xenbus_device *d)
{
	if (d->attached || d->state == XenbusStateConnected)
		set_state(d, XenbusStateClosing);
	set_state(d, XenbusStateClosed);
	if (d->attached)
		wait_for_backend(d);
	disconnect(d);
}

/* Says why the device cannot be used: on the console, and where the toolstack looks (Linux's
 * xenbus has its "error" directory too). */
static void report(struct xenbus_device *d, const char *why)
{
	char dir[sizeof d->dir + 8];

	printk("unigornel: %s: %s\n", d->dir, why);
	ksnprintf(dir, sizeof dir, "error/%s", d->dir);
	xs_write(XS_NONE, dir, "error", why);
}

static void connect(struct xenbus_device *d)
{
	int err;

	set_state(d, XenbusStateInitialising);
	d->attached = true; /* so that xenbus_fail works from here on */
	err = d->bus_driver->connect(d);
	if (!err) {
		set_state(d, XenbusStateConnected);
		return;
	}
	if (!d->failed) {
		printk("unigornel: %s: cannot connect (%d)\n", d->dir, err);
		d->failed = true;
	}
	close_device(d);
}

static void run(struct xenbus_device *d)
{
	int err;

	d->running = true;
	err = d->bus_driver->ready(d);
	if (!err)
		return;
	if (!d->failed) {
		printk("unigornel: %s: cannot be used (%d)\n", d->dir, err);
		d->failed = true;
	}
	close_device(d);
}

/* The backend is Closed, or gone. */
static void backend_closed(struct xenbus_device *d)
{
	close_device(d);
	/* A backend that means to serve on waits for us to begin. One that failed us must come back
	 * by itself, or we would go round in circles with it. */
	if (!d->failed && xs_read_default(d->backend, "online", 1, 0))
		set_state(d, XenbusStateInitialising);
	d->failed = false;
}

void xenbus_device_follow(struct xenbus_device *d)
{
	enum xenbus_state before = d->backend_state, now = read_state(d->backend);

	d->backend_state = now;
	switch (now) {
	case XenbusStateUnknown:
	case XenbusStateClosed:
		if (before != now || d->attached)
			backend_closed(d);
		break;
	case XenbusStateClosing:
		close_device(d);
		break;
	case XenbusStateInitialising:
		if (d->attached && before != now)
			close_device(d);
		break;
	case XenbusStateInitWait:
		if (d->failed)
			break;
		if (d->attached && before != now) /* it has begun anew, in a hurry */
			close_device(d);
		if (!d->attached)
			connect(d);
		break;
	case XenbusStateConnected:
		if (d->failed)
			break;
		if (!d->attached) {
			set_state(d, XenbusStateClosing);
			set_state(d, XenbusStateClosed);
		} else if (!d->running) {
			run(d);
		} else if (d->bus_driver->changed) {
			d->bus_driver->changed(d);
		}
		break;
	default: /* Initialised: it waits for others; Reconfiguring is for PCI */
		break;
	}
	xenbus_changed();
}

static void backend_event(struct xs_watch *w, const char *changed)
{
	(void)changed;
	xenbus_device_follow(container_of(w, struct xenbus_device, watch));
}

static void fail_work(struct work *w)
{
	struct xenbus_device *d = container_of(w, struct xenbus_device, fail_work);

	report(d, d->why);
	close_device(d);
	xenbus_changed();
}

void xenbus_fail(struct xenbus_device *d, const char *why)
{
	if (__atomic_exchange_n(&d->failed, true, __ATOMIC_ACQ_REL))
		return;
	d->why = why;
	work_queue(&d->fail_work);
}

struct xenbus_device *xenbus_device_create(const struct xenbus_driver *driver, unsigned id)
{
	struct xenbus_device *d = kzalloc(sizeof *d);
	int err;

	if (!d)
		return NULL;
	list_init(&d->link);
	d->bus_driver = driver;
	d->id = id;
	d->backend_state = XenbusStateReconfigured; /* none that it has: the first is a change */
	work_setup(&d->fail_work, fail_work);
	ksnprintf(d->dir, sizeof d->dir, "device/%s/%u", driver->type, id);
	d->state = read_state(d->dir);
	err = find_backend(d);
	if (!err)
		err = driver->probe(d);
	if (err) {
		/* Half made, or half removed: we are called again when it is complete. */
		if (err != -ENOENT)
			printk("unigornel: %s: not usable (%d)\n", d->dir, err);
		kfree(d);
		return NULL;
	}
	d->watch = (struct xs_watch){.path = d->watch_path, .func = backend_event};
	err = xs_watch_add(&d->watch);
	if (err) {
		printk("unigornel: %s: no watch on its backend (%d)\n", d->dir, err);
		driver->removed(d);
		work_cancel(&d->fail_work);
		kfree(d);
		return NULL;
	}
	return d;
}

void xenbus_device_remove(struct xenbus_device *d)
{
	xs_watch_remove(&d->watch);
	disconnect(d);
	d->bus_driver->removed(d);
	work_cancel(&d->fail_work);
	kfree(d);
	xenbus_changed();
}

/* Its directory is there, and still of the device that we took it for. */
bool xenbus_device_current(struct xenbus_device *d)
{
	uint64_t domain;

	if (read_state(d->dir) != d->state)
		return false;
	/* No state at all is what a directory without one and a missing directory have alike. */
	return d->state != XenbusStateUnknown ||
	       !xs_read_number(XS_NONE, d->dir, "backend-id", UINT64_MAX, &domain);
}

bool xenbus_device_settled(const struct xenbus_device *d)
{
	return d->running || d->failed || d->state == XenbusStateClosed;
}

void xenbus_device_forget(struct xenbus_device *d)
{
	d->resuming = true;
	disconnect(d);
	d->resuming = false;
}

void xenbus_device_restart(struct xenbus_device *d)
{
	int err;

	work_cancel(&d->fail_work);
	d->failed = false;
	d->state = read_state(d->dir);
	d->backend_state = XenbusStateReconfigured;
	xs_watch_remove(&d->watch); /* of the old backend */
	err = find_backend(d);
	if (!err)
		err = xs_watch_add(&d->watch);
	if (err)
		printk("unigornel: %s: no backend after the resume (%d)\n", d->dir, err);
}

int xenbus_ring_alloc(struct xenbus_device *d, struct xenbus_ring *r)
{
	paddr_t p = page_alloc_zero(0);
	int ref;

	r->page = NULL;
	if (p == PADDR_NONE)
		return -ENOMEM;
	ref = grant_access(d->backend_domain, p, false);
	if (ref < 0) {
		page_free(p, 0);
		return ref;
	}
	r->page = phys_to_virt(p);
	r->ref = (grant_ref_t)ref;
	return 0;
}

void xenbus_ring_free(struct xenbus_ring *r)
{
	if (r->page)
		grant_end_or_leak(r->ref, virt_to_phys(r->page), 0);
	r->page = NULL;
}

int xenbus_channel(struct xenbus_device *d, irq_handler_t handler, void *arg)
{
	int port = evtchn_alloc(d->backend_domain);
	int err;

	if (port < 0)
		return port;
	err = evtchn_attach((evtchn_port_t)port, handler, arg);
	if (err) {
		evtchn_close((evtchn_port_t)port);
		return err;
	}
	return port;
}
