/*
 * The console of a domain: the PV console's ring and event channel of a domU, the hypervisor's own
 * console (CONSOLEIO) of a dom0.
 *
 * Output waits while the ring is full, for as long as the backend goes on reading. A backend that
 * takes nothing for STALL_NS counts as gone, and what does not fit is dropped until it is back. No
 * locks: callers serialise output (printk and the tty have the console lock).
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

/* Finds the console; output works from here on, through the early page tables. */
void xen_console_init(bool dom0);
/* The final page tables stand: maps the ring in them. */
void xen_console_map(void);
void xen_console_write(const char *s, size_t n);
/* True in the middle of a line of output. */
bool xen_console_in_line(void);
/* Waits until the backend has everything, or is gone. */
void xen_console_drain(void);
/* Bytes typed go to tty_input from now on; needs evtchn.h. */
void xen_console_start_input(void);
/* In a new domain (suspend.h): the ring is where it was, and has another event channel. */
void xen_console_resume(void);
