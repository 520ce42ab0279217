/*
 * Network interfaces: what drivers (virtio, Xen, loopback) offer and the stack uses.
 *
 * Ownership: an interface is registered once and lives as long as the machine (a device that fails
 * or is unplugged loses IFF_RUNNING; its ops then drop). Lock: net_lock.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <linux/if.h>
#include <linux/if_ether.h>
#include "lib/list.h"
#include "net/addr.h"
#include "sched/timer.h"

struct packet;
struct netif;

#define NETIF_CSUM 1u /* sends CSUM_PARTIAL packets */
#define NETIF_TSO4 2u /* sends GSO_TCP4 */
#define NETIF_TSO6 4u
#define NETIF_USO  8u  /* sends GSO_UDP4, GSO_UDP6 */
#define NETIF_SG   16u /* sends packets with fragments */

struct netif_ops {
	/*
	 * Puts one frame (link header in place) into the transmit ring. Takes p. The features that
	 * the interface lacks have been seen to by netif_xmit. 0, or -ENOBUFS when the ring and the
	 * driver's queue are full (p is freed): TCP will send it again.
	 */
	int (*xmit)(struct netif *n, struct packet *p);
	/* Notifies the device of what xmit has queued since the last flush. */
	void (*flush)(struct netif *n);
	/* IFF_PROMISC, IFF_ALLMULTI or the list of multicast link addresses has changed. May be
	 * NULL. */
	void (*set_rx_mode)(struct netif *n);
	/* A new mtu, checked against min_mtu and max_mtu; 0 or -errno. May be NULL: accepted. */
	int (*set_mtu)(struct netif *n, uint32_t mtu);
	/* While the program is busy (epoll_busy) a driver may notify late and leave receive
	 * interrupts off, within limits; this makes up for it. May be NULL. */
	void (*catch_up)(struct netif *n);
	/* True while frames are on their way out of the driver or the device's ring. May be NULL.
	 */
	bool (*sending)(struct netif *n);
};

struct netif_stats {
	uint64_t rx_packets, rx_bytes, rx_errors, rx_dropped, rx_multicast;
	uint64_t tx_packets, tx_bytes, tx_errors, tx_dropped;
	uint64_t rx_csum_offload, rx_gro, tx_gso, rx_polls, rx_interrupts;
};

/* An address of an interface (ifaddr.c). */
enum ifaddr_state { IFADDR_TENTATIVE, IFADDR_PREFERRED, IFADDR_DEPRECATED, IFADDR_DUPLICATE };
struct ifaddr {
	struct list link; /* on netif.addrs */
	struct netif *netif;
	struct ip_addr addr, broadcast; /* broadcast: IPv4 only, else :: */
	uint8_t prefix;			/* bits, in the family's own form: 24, 64 */
	uint8_t scope;			/* RT_SCOPE_* */
	uint8_t state;			/* enum ifaddr_state; IPv4 addresses are always preferred */
	uint8_t origin;			/* enum ifaddr_origin */
	uint64_t valid_until, preferred_until; /* monotonic ns, UINT64_MAX for ever */
	/* Duplicate address detection goes on while the address is in use already (RFC 4429):
	 * nd_dad.c. */
	bool optimistic;
	uint8_t dad_sent; /* solicitations; IPv4: announcements (arp.c) */
	uint64_t dad_deadline;
};
enum ifaddr_origin { IFADDR_KERNEL, IFADDR_STATIC, IFADDR_DHCP, IFADDR_SLAAC };

/* A multicast link address that drivers are asked to receive. */
struct netif_link_mcast {
	struct list link; /* on netif.link_mcast */
	uint8_t mac[ETH_ALEN];
	unsigned users;
};

struct netif {
	struct list link; /* on netif_list, by index */
	int index;	  /* from 1; loopback is 1 */
	char name[IFNAMSIZ];
	uint8_t mac[ETH_ALEN];
	uint16_t type;	   /* ARPHRD_ETHER, ARPHRD_LOOPBACK */
	unsigned flags;	   /* IFF_UP, IFF_RUNNING, IFF_BROADCAST, IFF_MULTICAST, IFF_LOOPBACK,
			      IFF_PROMISC */
	unsigned features; /* NETIF_* */
	uint32_t mtu, min_mtu, max_mtu;
	unsigned promiscuous, allmulti; /* users of the modes */
	bool raw; /* the command line gave it to the program (net=raw): only AF_PACKET sees its
		     frames */
	const struct netif_ops *ops;
	void *driver;
	struct list addrs;	/* struct ifaddr */
	struct list multicast;	/* struct netif_mcast (mcast.h) */
	struct list link_mcast; /* struct netif_link_mcast */
	bool flush_pending;
	struct list flush_link;
	struct netif_stats stats;
	/* IPv6 parameters that router advertisements set (RFC 4861, 6.3.2). */
	uint8_t hop_limit;
	uint32_t reachable_ms, retrans_ms;
	/* DHCP and SLAAC keep theirs here. */
	void *dhcp, *slaac;
};

extern struct list netif_list;

/* Adds n (type, mac, mtu, features, ops, driver set; name from a pattern such as "eth%d"), not yet
 * up. */
void netif_register(struct netif *n, const char *pattern);
/* The loopback interface; NULL until loopback_init. */
extern struct netif *netif_loopback;
struct netif *netif_by_index(int index); /* NULL if there is none */
struct netif *netif_by_name(const char *name);
/* Sets or clears IFF_UP: routes, neighbour entries, multicast and IPv6's link-local address follow.
 */
int netif_set_up(struct netif *n, bool up);
int netif_set_mtu(struct netif *n, uint32_t mtu); /* 0, -EINVAL */
int netif_set_mac(struct netif *n, const uint8_t mac[ETH_ALEN]);
/* Drivers: the cable. Wakes whoever follows (neighbours, DHCP, SLAAC, netlink listeners). */
void netif_set_link(struct netif *n, bool running);
void netif_promiscuous(struct netif *n, int delta);
void netif_allmulti(struct netif *n, int delta);
/* Reference counted receive filter of link-level multicast addresses. 0, -ENOMEM. */
int netif_link_mcast(struct netif *n, const uint8_t mac[ETH_ALEN], bool add);

/*
 * Sends a frame, link header in place: hands copies to packet sockets, cuts and sums in software
 * what the driver cannot, counts. Takes p. 0 or -errno (-ENETDOWN, -ENOBUFS).
 */
int netif_xmit(struct netif *n, struct packet *p);
/* Asks for ops->flush in net_leave. Called by netif_xmit. */
void netif_want_flush(struct netif *n);
void netif_flush(void);
/* Drivers: a frame has arrived, data at the link header. Takes p. Packet sockets see it, then,
 * unless n->raw, the protocol that its ethertype names. */
void netif_input(struct netif *n, struct packet *p);
/* Drivers: the end of a batch of netif_input. TCP sends the ACKs it held back for the batch. */
void netif_input_end(void);
/* tcp: sends the acknowledgements that were held back while a batch came in. */
void tcp_input_end(void);

/* Addresses (ifaddr.c). 0, -EEXIST, -EINVAL, -ENOMEM, -EADDRNOTAVAIL. Adding an address adds its
 * prefix and local routes, and starts duplicate address detection (RFC 4862) for IPv6. */
int ifaddr_add(struct netif *n, const struct ip_addr *addr, uint8_t prefix, uint8_t origin,
	       uint64_t valid_until, uint64_t preferred_until);
/* New lifetimes of an address (SLAAC, DHCP); expired ones go by themselves. */
void ifaddr_set_lifetime(struct ifaddr *a, uint64_t valid_until, uint64_t preferred_until);
int ifaddr_del(struct netif *n, const struct ip_addr *addr, uint8_t prefix);
/* The interface's own address entry, NULL; netif NULL: on any. Tentative ones are not found. */
struct ifaddr *ifaddr_find(const struct netif *n, const struct ip_addr *addr);
/* As above, any state. */
struct ifaddr *ifaddr_find_any(const struct netif *n, const struct ip_addr *addr);

/* Events that the configuration protocols and netlink listeners are told of (notify.c). */
enum net_event { NET_LINK, NET_ADDR_ADD, NET_ADDR_DEL, NET_ROUTE_ADD, NET_ROUTE_DEL, NET_NEIGH };
struct net_notifier {
	struct list link;
	/* object: struct netif, struct ifaddr, struct route_entry or struct neighbour, by event. */
	void (*func)(enum net_event event, void *object);
};
void net_notifier_add(struct net_notifier *n);
void net_notify(enum net_event event, void *object);
