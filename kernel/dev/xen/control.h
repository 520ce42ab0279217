/*
 * What the toolstack asks of the domain as a whole, by the nodes of "control" in xenstore
 * (docs/misc/xenstore-paths.pandoc of Xen): control/shutdown and control/sysrq.
 */
#pragma once

/* Says which requests are understood, and follows them from here on. After xs_init; does not wait.
 */
void control_init(void);
