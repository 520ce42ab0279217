/*
 * Xen's network frontend (io/netif.h): netfront.c takes the device through its connections,
 * netfront_store.c agrees with the backend on features, netfront_rx.c and netfront_tx.c move
 * frames, netfront_mcast.c sets the backend's filter, netfront_headers.c finds the checksum that a
 * frame's sender left open.
 *
 * Nothing that lies in a page the backend may see is ever read twice or believed. What it may read
 * or write is: the rings' pages, receive pages (zeroed before the first grant, holding frames
 * only), pages of ours that frames are copied into, and, read-only while they are being sent, pages
 * of payload all of whose bytes the frame consists of.
 *
 * Lock: net_lock guards everything here; what waits (the store) happens outside of it, on the
 * worker thread or at boot.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "dev/xen/xenbus.h"
#include "lib/list.h"
#include "net/netif.h"
#include "net/packet.h"
#include "sched/timer.h"
#include <xen/io/netif.h>

#define NETFRONT_ENTRIES 256u /* of either ring: as many powers of two as fit into a page */
/* One queue for each CPU. */
#define NETFRONT_QUEUES 1u
/* Slots of a frame that every backend takes. */
#define NETFRONT_SLOTS XEN_NETIF_NR_SLOTS_MIN
/* More multicast addresses than that and the backend passes all (Linux keeps as many). */
#define NETFRONT_MCAST_MAX 64u

struct netfront;

/* A page that the backend writes a frame into, and that becomes part of a packet. */
struct netfront_page {
	struct netbuf buf;
	struct netfront_page *next;
	struct netfront *owner;
	unsigned connection; /* the netfront's, when the page was made */
	grant_ref_t ref;     /* 0: not granted */
};

/* What a slot of the receive ring is to be, given those before it. */
enum netfront_expect { EXPECT_FRAME, EXPECT_EXTRA, EXPECT_DATA };

struct netfront_rx {
	struct xenbus_ring shared;
	uint32_t req_prod, notified, rsp_cons;
	unsigned target; /* pages that the ring and `ready` have together */
	struct netfront_page *posted[NETFRONT_ENTRIES];
	struct netfront_page *ready; /* to be posted */
	grant_ref_t refs[NETFRONT_ENTRIES];
	unsigned nrefs; /* references reserved and not in use */

	/* The frame that is coming in. */
	enum netfront_expect expect;
	struct packet *frame; /* NULL: it is being dropped, or has not begun */
	uint16_t flags;	      /* of its first slot */
	bool more;	      /* data follows the extra slots */
	bool begun;	      /* its first slot has been seen */
	bool bad;
	uint8_t gso_type;
	uint16_t gso_size;
	unsigned slots;
};

/* A page that frames are copied into on their way out; always granted. */
struct netfront_bounce {
	uint8_t *data;
	struct netfront_bounce *next; /* of those without users */
	grant_ref_t ref;
	uint32_t used, users; /* bytes; slots that refer to it */
};

enum netfront_tx_kind { TX_FREE, TX_BOUNCE, TX_PAGE, TX_CONTROL };

struct netfront_tx_slot {
	uint8_t kind; /* enum netfront_tx_kind */
	bool first;   /* of its frame */
	union {
		struct netfront_bounce *bounce;
		struct netbuf *buf; /* TX_PAGE: a reference */
	};
};

struct netfront_tx {
	struct xenbus_ring shared;
	uint32_t req_prod, notified, rsp_cons;
	struct netfront_tx_slot slot[NETFRONT_ENTRIES]; /* by id */
	uint8_t ids[NETFRONT_ENTRIES];			/* free ones: the first nids */
	unsigned nids;
	grant_ref_t refs[NETFRONT_ENTRIES]; /* of TX_PAGE, by id */
	struct netfront_bounce *current, *spare;
	unsigned nbounce, nspare, max_bounce;
	uint32_t held_bytes; /* put into the ring since the backend was notified */
	struct list waiting; /* packets, while there is no room */
	unsigned nwaiting;
};

struct netfront_queue {
	struct netfront *owner;
	unsigned index;
	evtchn_port_t rx_port, tx_port; /* the same one without split channels; 0: none */
	bool broken;			/* the backend lied: hands off */
	struct netfront_rx rx;
	struct netfront_tx tx;
	/* While `polling` there are no receive events: frames are fetched when `poll` expires,
	 * because they are many or the program is busy (epoll_busy), or by catch_up. */
	struct timer poll;
	bool polling;
};

/* What the backend offers (netfront_store.c). */
struct netfront_features {
	bool sg, tso4, tso6, csum4, csum6, split, mcast;
	unsigned queues;
};

struct netfront_mcast {
	uint8_t mac[NETFRONT_MCAST_MAX][ETH_ALEN]; /* what the backend lets through */
	unsigned n;
	bool filter;	 /* what its filter is to be, */
	bool written;	 /* and has been told in the store */
	bool refused;	 /* it did not take an address: never filter in this connection */
	bool unfinished; /* there was no room in the ring */
	struct work work;
};

struct netfront {
	struct netif netif;
	struct list link; /* of all, for ever */
	unsigned id;
	uint8_t store_mac[ETH_ALEN];  /* the store's */
	struct xenbus_device *device; /* NULL: unplugged */
	struct netfront_features features;
	struct netfront_queue *queues; /* NULL: not connected */
	unsigned nqueues;
	bool running; /* both ends are Connected */
	struct netfront_mcast mcast;

	/* Receive pages that nobody uses; those of another connection are given back. */
	struct netfront_page *pages;
	unsigned npages, max_pages, connection;
};

/* The backend broke the protocol: why is a constant. */
void netfront_lied(struct netfront_queue *q, const char *why);
/* Makes sure that `poll` expires soon. */
void netfront_hold_back(struct netfront_queue *q);

/* netfront_store.c */
int netfront_read_features(struct netfront *f);
/* Writes what the backend has to know of us and our queues. 0, -errno. */
int netfront_publish(struct netfront *f);
/* The text of a MAC address, as the store has it. */
bool netfront_parse_mac(const char *text, uint8_t mac[ETH_ALEN]);

/* netfront_rx.c */
int netfront_rx_init(struct netfront_queue *q);
void netfront_rx_free(struct netfront_queue *q);
/* Hands up to budget frames to the stack and posts fresh pages; returns how many. */
unsigned netfront_rx_poll(struct netfront_queue *q, unsigned budget);
/* Posts what is ready and tells the backend if it waits for that. */
void netfront_rx_post(struct netfront_queue *q);
/* Asks for an event at the next frame. True: there is one already. */
bool netfront_rx_listen(struct netfront_queue *q);
/* Gives the unused pages back. */
void netfront_pages_free(struct netfront *f);

/* netfront_tx.c */
int netfront_tx_init(struct netfront_queue *q);
void netfront_tx_free(struct netfront_queue *q);
int netfront_tx_xmit(struct netfront_queue *q, struct packet *p);
/* Notifies the backend of all there is, if it wants to know. */
void netfront_tx_notify(struct netfront_queue *q);
/* As above, or later if the program is busy. */
void netfront_tx_flush(struct netfront_queue *q);
/* Takes back what has been sent; sends what waited. True if there was something. */
bool netfront_tx_reclaim(struct netfront_queue *q);
/* True while frames are in the ring or wait. */
bool netfront_tx_pending(const struct netfront_queue *q);
/* Puts a request to change the backend's filter into the ring. False: no room. */
bool netfront_tx_mcast(struct netfront_queue *q, const uint8_t mac[ETH_ALEN], bool add);

/* netfront_mcast.c */
void netfront_mcast_init(struct netfront *f);
/* Tells the backend the interface's multicast addresses: those that it does not know yet. */
void netfront_mcast_update(struct netfront *f);
/* The backend did not take an address. */
void netfront_mcast_refused(struct netfront *f);

/* Where the checksum of a TCP or UDP frame lies. */
struct netfront_transport {
	bool v6, tcp;
	uint16_t offset; /* of the field in the transport's header */
	uint32_t start;	 /* of the transport's header */
};
/*
 * Finds the transport header of a whole TCP or UDP datagram over IPv4 or IPv6, in the first linear
 * bytes of a frame: what both ends of the interface take a "blank" checksum to belong to. False: it
 * is something else, a fragment, or too short. Pure.
 */
bool netfront_find_transport(const uint8_t *frame, uint32_t linear, struct netfront_transport *t);
