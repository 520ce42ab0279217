/* The DHCP client's state, shared by dhcp.c (the state machine) and dhcp_lease.c (what a lease
 * does to the interface). Lock: net_lock. */
#pragma once
#include "net/dhcp.h"
#include "net/dhcp_message.h"
#include "net/resolvconf.h"
#include "sched/timer.h"

/* RFC 2131 figure 5, without INIT-REBOOT. */
enum dhcp_state {
	DHCP_INIT,
	DHCP_SELECTING,
	DHCP_REQUESTING,
	DHCP_BOUND,
	DHCP_RENEWING,
	DHCP_REBINDING
};

struct dhcp {
	struct list link; /* on the list of clients */
	struct netif *netif;
	enum dhcp_state state;
	struct timer timer;
	be32_t xid;
	uint64_t started;  /* of this attempt, for secs */
	uint64_t due;	   /* when the timer is to act */
	uint64_t cable_at; /* UINT64_MAX: unplugged */
	unsigned tries;
	bool conflict; /* somebody answered the probe for the offered address */
	struct dhcp_answer offer;
	be32_t server_addr; /* to renew with */

	/* The lease; valid from BOUND on. */
	bool bound;
	struct dhcp_answer lease;
	uint64_t bound_at, t1, t2, expires; /* monotonic; UINT64_MAX for ever */
	uint64_t defended;		    /* last answer to a conflict */
	struct dns_source dns;
	uint64_t sent, received; /* messages, for /proc/net/dhcp */
};

/* Gives the interface what d->lease says; again after a renewal. False: it cannot have the address.
 */
bool dhcp_lease_apply(struct dhcp *d);
/* Takes it away. */
void dhcp_lease_drop(struct dhcp *d);

struct textbuf;
/* /proc/net/dhcp: one block of lines an interface. */
void dhcp_show(struct textbuf *t);
