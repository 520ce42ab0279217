/*
 * The link addresses of neighbours: one table for ARP (RFC 826) and IPv6's neighbour discovery (RFC
 * 4861), whose states both use.
 *
 * Ownership: entries belong to the table, which is bounded. An entry's memory is never given back
 * to the heap, so a route may keep a pointer while its generation lasts; an entry that such a route
 * may know is recycled only together with a new generation. Lock: net_lock.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <linux/if_ether.h>
#include <linux/neighbour.h>
#include "lib/list.h"
#include "net/addr.h"
#include "net/route.h"
#include "sched/timer.h"

struct netif;
struct packet;

struct neighbour {
	uint8_t state;		  /* NUD_*; NUD_NONE: on the free list */
	bool confirmed;		  /* forward progress since the timer looked (RFC 4861, 7.3.1) */
	bool router;		  /* IPv6: it says so */
	uint8_t probes;		  /* solicitations sent in this state */
	uint8_t header[ETH_HLEN]; /* of a frame to it: link address, ours, type of the family */
	struct netif *netif;
	struct ip_addr addr;
	struct list hash_link, all_link; /* all_link: neighbour_list, last used first */
	struct list queue;		 /* packets that wait for the address */
	unsigned queued;
	uint32_t pinned;	/* generation of the last route that was given a pointer to it */
	uint64_t deadline;	/* what the timer waits for, monotonic ns */
	uint64_t updated, used; /* for those who show the table */
	struct timer timer;
};

extern struct list neighbour_list; /* every entry, by all_link: for netlink and /proc/net/arp */
extern unsigned neighbour_count;

/* The link address, valid unless the state is NUD_INCOMPLETE or NUD_FAILED. */
static inline const uint8_t *neighbour_mac(const struct neighbour *nb)
{
	return nb->header;
}
#define NUD_USABLE                                                                                 \
	(NUD_REACHABLE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP) /* NUD_STALE: with a   \
									       transition */
static inline bool neighbour_usable(const struct neighbour *nb)
{
	return nb->state & NUD_USABLE;
}
#define NUD_HAS_MAC (NUD_USABLE | NUD_STALE)

/* NULL if there is none. */
struct neighbour *neighbour_find(const struct netif *n, const struct ip_addr *addr);
/* Sends p, data at the IP header, to the neighbour at addr, or queues it until the address is
 * known. Takes p. 0 or -errno of the interface; an address that nobody answers for comes back
 * later, as an ICMP error to the sender (EHOSTUNREACH). */
int neighbour_output(struct netif *n, const struct ip_addr *addr, struct packet *p);

/* A message said that addr has mac. create: enter it if unknown; reachable: it answered us;
 * override: believe it even against a different address known. */
void neighbour_learn(struct netif *n, const struct ip_addr *addr, const uint8_t mac[ETH_ALEN],
		     bool create, bool reachable, bool override);
/* For netlink and ioctls. state: NUD_PERMANENT, NUD_REACHABLE, NUD_STALE, NUD_NOARP. 0, -EINVAL,
 * -ENOBUFS. */
int neighbour_set(struct netif *n, const struct ip_addr *addr, const uint8_t mac[ETH_ALEN],
		  uint8_t state);
int neighbour_delete(struct netif *n, const struct ip_addr *addr); /* 0, -ENOENT */
/* Forgets all entries of n, permanent ones too. */
void neighbour_flush(struct netif *n);
/* Asks anew for those of n that have not answered: until now they may have ignored us, since our
 * solicitations did not say our link address (RFC 4429, 3.2; Linux does). */
void neighbour_solicit_again(struct netif *n);
/* The cable of n is back: announces our addresses, starts duplicate address detection again. */
void neighbour_link_up(struct netif *n);

void neighbour_confirmed(struct neighbour *nb); /* of neighbour_confirm */
/* The upper layer makes progress over this route: no need to probe the neighbour. */
static inline void neighbour_confirm(struct route *r)
{
	struct neighbour *nb = r->neighbour;

	if (!nb || r->generation != route_generation)
		return;
	nb->confirmed = true;
	if (__builtin_expect(nb->state & (NUD_STALE | NUD_DELAY | NUD_PROBE), 0))
		neighbour_confirmed(nb);
}

/* arp.c: a request for addr from our address src (0: a probe, RFC 5227), to mac or to all (NULL).
 */
void arp_send_request(struct netif *n, be32_t src, be32_t addr, const uint8_t *mac);
/* Tells the link that a, a fresh IPv4 address, is ours: twice, two seconds apart (RFC 5227, 2.3).
 */
struct ifaddr;
void arp_announce(struct ifaddr *a);
/* nd.c: a neighbour solicitation for addr, to mac or to its solicited-node group (NULL). */
void nd_solicit(struct netif *n, const struct ip_addr *src, const struct ip_addr *addr,
		const uint8_t *mac);
/* Starts duplicate address detection for a fresh IPv6 address, which may be used meanwhile. */
void nd_dad_start(struct ifaddr *a);
/* NS, NA, redirects; data at the ICMPv6 header, checksum verified. Take p. */
void nd_input_solicitation(struct packet *p);
void nd_input_advertisement(struct packet *p);
void nd_input_redirect(struct packet *p);
/* The solicited-node group of addr (RFC 4291, 2.7.1). */
void nd_solicited_group(const struct ip_addr *addr, struct ip_addr *group);
