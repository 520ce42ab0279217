/*
 * Xenbus: devices as two directories of xenstore, ours (device/vif/0) and the backend's, each with
 * a state (io/xenbus.h). xenbus.c finds devices, at boot and later, and takes them through
 *
 *   Initialising -> (backend InitWait) connect -> Connected ... backend Closing -> disconnect ->
 *   Closed -> (backend InitWait again) connect ...
 *
 * A driver thus sees: probe once, then connect and disconnect in turn, for ever. All its functions
 * run on the worker thread, or at boot; its data path has a lock of its own. A backend that lies is
 * cut off with xenbus_fail: its device stays disconnected until the backend has gone through
 * Closed.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "dev/xen/xenstore.h"
#include "hyper/xen/evtchn.h"
#include "hyper/xen/grant.h"
#include "sched/worker.h"
#include <xen/io/xenbus.h>

struct xenbus_device;

struct xenbus_driver {
	const char *type; /* "vif", "vbd": the directory's name */
	/* A new device (device->dir is there). Allocates device->driver. 0, -errno: it is ignored.
	 */
	int (*probe)(struct xenbus_device *d);
	/*
	 * The backend waits for us: negotiate, make rings, grants and event channels and write them
	 * into our directory. The backend's directory is then complete. 0: the bus sets Connected
	 * (ready follows when the backend is Connected as well); -errno: the bus goes to Closing.
	 */
	int (*connect)(struct xenbus_device *d);
	/* Both ends are Connected: the backend's final values (sectors, ...) are there; run. */
	int (*ready)(struct xenbus_device *d);
	/* The backend is going, has gone, or has failed: stop, take back every grant and channel
	 * (what the backend will not let go is leaked). Called only after connect was. After a
	 * resume the rings' other end is already gone (d->resuming). */
	void (*disconnect)(struct xenbus_device *d);
	/* The device is gone for good (detached): interfaces lose their link, disks answer -EIO.
	 * After disconnect. */
	void (*removed)(struct xenbus_device *d);
	/* A watched node of the backend has changed while Connected (a new size). May be NULL. */
	void (*changed)(struct xenbus_device *d);
};

struct xenbus_device {
	struct list link;
	const struct xenbus_driver *bus_driver;
	unsigned id;		   /* the directory's name: 0, 51712 */
	char dir[64];		   /* "device/vif/0" */
	char backend[XS_PATH_MAX]; /* its directory, checked */
	domid_t backend_domain;
	enum xenbus_state state, backend_state;
	bool attached; /* between connect and disconnect */
	bool resuming;
	void *driver;
	/* Of xenbus.c. */
	struct xs_watch watch;
	char watch_path[XS_PATH_MAX + 8];
	bool running; /* ready was called */
	bool failed;
	const char *why;
	struct work fail_work;
};

/* The drivers; xenbus.c has the list. */
extern const struct xenbus_driver xen_netfront, xen_blkfront;

/* Finds devices and waits (at most 10 s; says so) until those that are there are connected or have
 * failed. Called once at boot. */
void xenbus_init(void);
/* The backend broke the protocol: why (a constant) is said, with the device's name, and written to
 * our error node; disconnect follows on the worker thread. From anywhere, interrupts included. */
void xenbus_fail(struct xenbus_device *d, const char *why);

/* A shared page for a ring: zeroed, granted. 0, -ENOMEM, -ENOSPC. */
struct xenbus_ring {
	void *page; /* NULL: none */
	grant_ref_t ref;
};
int xenbus_ring_alloc(struct xenbus_device *d, struct xenbus_ring *r);
void xenbus_ring_free(struct xenbus_ring *r);
/* An event channel to the backend with its handler (in interrupt context). The port, -errno. */
int xenbus_channel(struct xenbus_device *d, irq_handler_t handler, void *arg);

/* Suspend (worker thread). Before: drivers are not told, rings are just left. After: every device
 * that was attached is disconnected (resuming set) and connected again. */
void xenbus_suspend(void);
void xenbus_resume(void);
