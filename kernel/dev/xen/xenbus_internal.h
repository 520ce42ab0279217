/* Of xenbus: the list of devices (xenbus.c) and the life of one (xenbus_device.c). Everything here
 * runs on the worker thread. */
#pragma once
#include "dev/xen/xenbus.h"

/* A device whose directory has appeared; NULL if it cannot be used (which is said). */
struct xenbus_device *xenbus_device_create(const struct xenbus_driver *driver, unsigned id);
/* Its directory has gone: disconnects, tells the driver, frees d. */
void xenbus_device_remove(struct xenbus_device *d);
/* True if the directory is still the one that was found: it is there, with the state that we gave
 * it. */
bool xenbus_device_current(struct xenbus_device *d);
/* Looks at the backend's state and does what it asks for. */
void xenbus_device_follow(struct xenbus_device *d);
/* After a resume: the driver lets go of what there was (first all devices, then the next). */
void xenbus_device_forget(struct xenbus_device *d);
/* After a resume: finds the new backend and begins anew. */
void xenbus_device_restart(struct xenbus_device *d);
/* Nothing is to be expected of d at the moment: it runs, or its backend does not want it. */
bool xenbus_device_settled(const struct xenbus_device *d);
/* Tells whoever waits that some device's state has changed. */
void xenbus_changed(void);
