/*
 * The network stack: its one lock, its clock, its start.
 *
 * net_lock guards everything under kernel/net and the rings of network drivers. Unless its comment
 * says otherwise, every function declared under kernel/net is called with it held. It is taken at
 * the border only: by system calls (net_enter ... net_leave), by a driver's receive work, by timer
 * callbacks.
 *
 * Lock order: file.lock -> net_lock -> tree_lock (AF_UNIX), mm_lock (a page fault) -> wait queue.
 * The program's memory may be touched while it is held; blocking is forbidden, as under any spin
 * lock. Reading or writing other files (sendfile) happens outside of it.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Takes net_lock. */
void net_enter(void);
/*
 * Sends what was put into transmit rings meanwhile (one notification for all of it, netif_flush)
 * and releases net_lock. Drivers and protocols therefore never notify a device packet by packet.
 */
void net_leave(void);

/* Monotonic nanoseconds; the host tests' virtual clock. Any context. */
uint64_t net_now(void);

/* Brings up tables and loopback. Called once, before the drivers look for their devices, with
 * nothing held. */
void net_init(void);

/* Gives the drivers' interfaces their addresses, as the command line or DHCP say. Called once,
 * before the program starts, with nothing held. */
void net_start(void);

/* The program has ended: closes its connections and waits, within limits, until peers have what is
 * theirs. No thread runs meanwhile. Nothing may be held. */
void net_finish(void);
