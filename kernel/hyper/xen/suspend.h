/* Suspend, as xl save, restore and live migration ask for it (docs/xen.md, "Suspend"). */
#pragma once

/* Worker thread: stops the devices' buses, hands the machine to Xen (SCHEDOP_shutdown,
 * SHUTDOWN_suspend), and after the resume sets everything up again: shared pages, clock, event
 * channels, console, grants, store, devices. 0, or -errno when Xen refused (everything goes on). */
int xen_suspend(void);
/* Before the first, and before the toolstack is told of the feature. */
void xen_suspend_init(void);
