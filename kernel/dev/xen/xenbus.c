/* The list of devices: what is in "device" at boot, what comes and goes later. */
#include "dev/xen/xenbus_internal.h"
#include "lib/printk.h"
#include "lib/string.h"
#include "mm/kmalloc.h"
#include "sched/wait.h"
#include "time/clock.h"

#define BOOT_WAIT_NS 10000000000ull

/* Weak: an image can be linked without a driver. */
extern const struct xenbus_driver xen_netfront __attribute__((weak));
extern const struct xenbus_driver xen_blkfront __attribute__((weak));

static const struct xenbus_driver *const drivers[] = {&xen_netfront, &xen_blkfront};

static struct list devices = LIST_INIT(devices); /* the worker's */
static struct waitqueue changes = WAITQUEUE_INIT(changes);
static bool scanned;

void xenbus_changed(void)
{
	waitqueue_wake_all(&changes, 0);
}

static struct xenbus_device *find(const struct xenbus_driver *driver, unsigned id)
{
	list_for_each_entry (d, &devices, struct xenbus_device, link)
		if (d->bus_driver == driver && d->id == id)
			return d;
	return NULL;
}

/* A directory's name: a number without signs and leading zeroes. */
static bool parse_id(const char *name, unsigned *id)
{
	unsigned v = 0;

	if (!*name || (*name == '0' && name[1]))
		return false;
	for (; *name; name++) {
		unsigned digit = (unsigned)(*name - '0');

		if (digit > 9 || v > 0x0fffffff)
			return false;
		v = v * 10 + digit;
	}
	*id = v;
	return true;
}

static void drop(struct xenbus_device *d)
{
	list_remove(&d->link);
	xenbus_device_remove(d);
}

static void scan_type(const struct xenbus_driver *driver)
{
	char **names;
	unsigned n, id;

	if (xs_directory(XS_NONE, "device", driver->type, &names, &n))
		return;
	for (unsigned i = 0; i < n; i++) {
		struct xenbus_device *d;

		if (!parse_id(names[i], &id) || find(driver, id))
			continue;
		d = xenbus_device_create(driver, id);
		if (d)
			list_add_tail(&devices, &d->link);
	}
	kfree(names);
}

static void scan(struct xs_watch *w, const char *changed)
{
	char **types;
	unsigned n;

	(void)w;
	(void)changed;
	list_for_each_entry_safe (d, &devices, struct xenbus_device, link)
		if (!xenbus_device_current(d))
			drop(d);
	if (!xs_directory(XS_NONE, "device", NULL, &types, &n)) {
		for (unsigned i = 0; i < n; i++)
			for (unsigned k = 0; k < sizeof drivers / sizeof *drivers; k++)
				if (drivers[k] && strcmp(types[i], drivers[k]->type) == 0)
					scan_type(drivers[k]);
		kfree(types);
	}
	scanned = true;
	xenbus_changed();
}

/* Devices that come and go: "device", "device/vif", "device/vif/0", and a backend that is given to
 * a directory. Not what we write there ourselves. */
static bool wanted(const struct xs_watch *w, const char *changed)
{
	const char *last = strrchr(changed, '/');
	unsigned slashes = 0;

	(void)w;
	for (const char *c = changed; *c; c++)
		slashes += *c == '/';
	return slashes < 3 || strcmp(last, "/backend") == 0;
}

static struct xs_watch device_watch = {.path = "device", .func = scan, .wanted = wanted};

static bool settled(void)
{
	if (!scanned)
		return false;
	list_for_each_entry (d, &devices, struct xenbus_device, link)
		if (!xenbus_device_settled(d))
			return false;
	return true;
}

void xenbus_init(void)
{
	int err = xs_watch_add(&device_watch);

	if (err) {
		printk("unigornel: xenbus: no devices (%d)\n", err);
		return;
	}
	if (wait_event(&changes, settled(), clock_monotonic() + BOOT_WAIT_NS))
		list_for_each_entry (d, &devices, struct xenbus_device, link)
			if (!xenbus_device_settled(d))
				printk("unigornel: %s: its backend (state %u) does not connect\n",
				       d->dir, (unsigned)d->backend_state);
}

void xenbus_suspend(void)
{
	/* Nothing: rings are left as they are, and the worker that would follow backends is here.
	 */
}

void xenbus_resume(void)
{
	/* All let go before the first begins anew: ports and references of the new world would
	 * otherwise be taken for those of the old. */
	evtchn_stale(true);
	list_for_each_entry (d, &devices, struct xenbus_device, link)
		xenbus_device_forget(d);
	evtchn_stale(false);
	list_for_each_entry (d, &devices, struct xenbus_device, link)
		xenbus_device_restart(d);
}
