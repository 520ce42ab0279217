/* net/neighbour.h: the table and its states (RFC 4861 section 7.3.2, appendix C; the constants of
 * section 10, which Linux uses for ARP too). */
#include "net/neighbour.h"
#include <asm/errno.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include "lib/printk.h"
#include "lib/random.h"
#include "mm/kmalloc.h"
#include "net/icmp.h"
#include "net/internal.h"
#include "net/net.h"

#define BUCKETS		  256
#define MAX_ENTRIES	  1024
#define MAX_QUEUED	  64   /* packets an entry, */
#define MAX_QUEUED_ALL	  1024 /* and in the table: the oldest of an entry give way */
#define MAX_SOLICITATIONS 3    /* MAX_MULTICAST_SOLICIT, MAX_UNICAST_SOLICIT */
#define DELAY_FIRST_PROBE 5000000000ull
#define MS		  1000000ull
#define RECYCLE_LOOK	  32 /* entries that are looked at for one to recycle */

struct list neighbour_list = LIST_INIT(neighbour_list);
unsigned neighbour_count;

static struct list buckets[BUCKETS];
static struct list free_entries = LIST_INIT(free_entries);
static unsigned queued_all;
static uint64_t secret[2];

/* A keyed product instead of SipHash: the table is small enough that even a chain of all its
 * entries would do no harm. */
static struct list *bucket(const struct netif *n, const struct ip_addr *addr)
{
	unsigned __int128 product;

	if (!buckets[0].next) {
		random_bytes(secret, sizeof secret);
		for (unsigned i = 0; i < BUCKETS; i++)
			list_init(&buckets[i]);
	}
	product = (unsigned __int128)(addr->q[0] ^ secret[0] ^ (unsigned)n->index) *
		  (addr->q[1] ^ secret[1]);
	return &buckets[((uint64_t)product ^ (uint64_t)(product >> 64)) % BUCKETS];
}

struct neighbour *neighbour_find(const struct netif *n, const struct ip_addr *addr)
{
	list_for_each_entry (nb, bucket(n, addr), struct neighbour, hash_link) {
		if (nb->netif == n && ip_equal(&nb->addr, addr))
			return nb;
	}
	return NULL;
}

static void set_deadline(struct neighbour *nb, uint64_t deadline)
{
	nb->deadline = deadline;
	if (!timer_armed(&nb->timer) || nb->timer.expires > deadline)
		timer_arm(&nb->timer, deadline);
}

static struct packet *dequeue(struct neighbour *nb)
{
	struct packet *p = list_entry(nb->queue.next, struct packet, link);

	list_remove(&p->link);
	nb->queued--;
	queued_all--;
	return p;
}

static void drop_queue(struct neighbour *nb)
{
	while (nb->queued)
		packet_free(dequeue(nb));
}

/* Nobody answers: whoever sent the waiting packets is told. */
static void fail_queue(struct neighbour *nb)
{
	while (nb->queued) {
		struct packet *p = dequeue(nb);
		p->l3 = p->data;
		icmp_local_error(p, EHOSTUNREACH);
		packet_free(p);
	}
}

/* Takes nb out of the table. */
static void release(struct neighbour *nb)
{
	drop_queue(nb);
	timer_cancel(&nb->timer);
	list_remove(&nb->hash_link);
	list_remove(&nb->all_link);
	if (nb->pinned == route_generation)
		route_changed();
	nb->state = NUD_NONE;
	nb->confirmed = false;
	neighbour_count--;
	list_add_tail(&free_entries, &nb->all_link);
}

/*
 * Makes room: an entry not used for long that no route knows; else, one that a route knows. Those
 * that floods of strangers make are of the first kind.
 */
static struct neighbour *recycle(void)
{
	struct neighbour *oldest = NULL, *pick = NULL;
	unsigned looked = 0;

	for (struct list *l = neighbour_list.prev; l != &neighbour_list; l = l->prev) {
		struct neighbour *nb = list_entry(l, struct neighbour, all_link);
		if (nb->state & (NUD_PERMANENT | NUD_NOARP))
			continue;
		if (!oldest)
			oldest = nb;
		if (nb->pinned != route_generation) {
			pick = nb;
			break;
		}
		if (++looked >= RECYCLE_LOOK)
			break;
	}
	if (!pick)
		pick = oldest;
	if (!pick)
		return NULL;
	release(pick);
	return pick;
}

static void expire(struct timer *t);

static struct neighbour *create(struct netif *n, const struct ip_addr *addr)
{
	struct neighbour *nb;

	if (neighbour_count >= MAX_ENTRIES && !recycle())
		return NULL;
	if (!list_empty(&free_entries)) {
		nb = list_entry(free_entries.next, struct neighbour, all_link);
		list_remove(&nb->all_link);
	} else {
		nb = kzalloc(sizeof *nb);
		if (!nb)
			return NULL;
		timer_setup(&nb->timer, expire);
	}
	neighbour_count++;
	nb->state = NUD_NONE;
	nb->confirmed = nb->router = false;
	nb->probes = 0;
	nb->netif = n;
	nb->addr = *addr;
	list_init(&nb->queue);
	nb->queued = 0;
	nb->pinned = 0;
	nb->updated = nb->used = net_now();
	memset(nb->header, 0, sizeof nb->header);
	memcpy(nb->header + ETH_ALEN, n->mac, ETH_ALEN);
	put_be16(nb->header + 2 * ETH_ALEN, ip_is_v4(addr) ? ETH_P_IP : ETH_P_IPV6);
	list_add_head(bucket(n, addr), &nb->hash_link);
	list_add_head(&neighbour_list, &nb->all_link);
	return nb;
}

/* Uniform between half and three halves of the interface's value (RFC 4861, 6.3.2). */
static uint64_t reachable_time(const struct netif *n)
{
	uint32_t r;
	uint64_t base = (n->reachable_ms ? n->reachable_ms : 30000) * MS;

	random_bytes(&r, sizeof r);
	return base / 2 + base / 1024 * (r % 1024);
}

static uint64_t retrans_time(const struct netif *n)
{
	return (n->retrans_ms ? n->retrans_ms : 1000) * MS;
}

/* Asks for the address once more: everybody, or in the state PROBE only the one we know. */
static void solicit(struct neighbour *nb)
{
	struct netif *n = nb->netif;
	const uint8_t *mac = nb->state == NUD_PROBE ? nb->header : NULL;
	struct ip_addr src;

	nb->probes++;
	/* What is sent comes from the address that the waiting packet has (RFC 4861, 7.2.2), if it
	 * is ours: then the peer enters it at once. */
	if (!route_solicit_source(
		n, &nb->addr, nb->queued ? list_entry(nb->queue.next, struct packet, link) : NULL,
		&src))
		return;
	if (ip_is_v4(&nb->addr))
		arp_send_request(n, ip_v4(&src), ip_v4(&nb->addr), mac);
	else
		nd_solicit(n, &src, &nb->addr, mac);
}

static void start(struct neighbour *nb)
{
	nb->state = NUD_INCOMPLETE;
	nb->probes = 0;
	set_deadline(nb, net_now() + retrans_time(nb->netif));
	solicit(nb);
}

static void become_reachable(struct neighbour *nb, uint64_t now)
{
	nb->state = NUD_REACHABLE;
	nb->confirmed = false;
	nb->updated = now;
	set_deadline(nb, now + reachable_time(nb->netif));
}

void neighbour_confirmed(struct neighbour *nb)
{
	if (nb->state & (NUD_STALE | NUD_DELAY | NUD_PROBE))
		become_reachable(nb, net_now());
}

static void fail(struct neighbour *nb)
{
	nb->state = NUD_FAILED;
	fail_queue(nb);
	/* Another default router may be there (RFC 4861, 7.3.3). */
	route_neighbour_failed(nb);
	net_notify(NET_NEIGH, nb);
}

static void expired(struct neighbour *nb, uint64_t now)
{
	switch (nb->state) {
	case NUD_INCOMPLETE:
	case NUD_PROBE:
		if (nb->probes >= MAX_SOLICITATIONS) {
			fail(nb);
			break;
		}
		set_deadline(nb, now + retrans_time(nb->netif));
		solicit(nb);
		break;
	case NUD_REACHABLE:
		if (nb->confirmed)
			become_reachable(nb, now);
		else
			nb->state = NUD_STALE;
		break;
	case NUD_DELAY:
		if (nb->confirmed) {
			become_reachable(nb, now);
			break;
		}
		nb->state = NUD_PROBE;
		nb->probes = 0;
		set_deadline(nb, now + retrans_time(nb->netif));
		solicit(nb);
		break;
	default:
		break;
	}
}

static void expire(struct timer *t)
{
	struct neighbour *nb = container_of(t, struct neighbour, timer);

	net_enter();
	uint64_t now = net_now();
	if (!timer_armed(t)) { /* else it was armed anew while we waited for the lock */
		if (now >= nb->deadline)
			expired(nb, now);
		else
			timer_arm(t, nb->deadline);
	}
	net_leave();
}

static int transmit(struct neighbour *nb, struct packet *p)
{
	memcpy(packet_push(p, ETHER_HEADER), nb->header, ETHER_HEADER);
	p->l2 = p->data;
	memcpy(&p->ethertype, nb->header + 2 * ETH_ALEN, 2);
	return netif_xmit(nb->netif, p);
}

static void enqueue(struct neighbour *nb, struct packet *p)
{
	while (nb->queued && (nb->queued >= MAX_QUEUED || packet_memory_pressure()))
		packet_free(dequeue(nb));
	if (queued_all >= MAX_QUEUED_ALL) {
		if (!nb->queued) {
			packet_free(p);
			return;
		}
		packet_free(dequeue(nb));
	}
	list_add_tail(&nb->queue, &p->link);
	nb->queued++;
	queued_all++;
}

int neighbour_output(struct netif *n, const struct ip_addr *addr, struct packet *p)
{
	struct neighbour *nb = neighbour_find(n, addr);

	if (!nb) {
		nb = create(n, addr);
		if (!nb) {
			packet_free(p);
			return -ENOBUFS;
		}
	}
	if (neighbour_list.next != &nb->all_link) {
		list_remove(&nb->all_link);
		list_add_head(&neighbour_list, &nb->all_link);
	}
	if (nb->state == NUD_STALE) {
		nb->used = net_now();
		nb->state = NUD_DELAY;
		nb->confirmed = false;
		set_deadline(nb, nb->used + DELAY_FIRST_PROBE);
	}
	if (neighbour_usable(nb))
		return transmit(nb, p);
	enqueue(nb, p);
	if (nb->state != NUD_INCOMPLETE)
		start(nb);
	return 0;
}

static void set_mac(struct neighbour *nb, const uint8_t mac[ETH_ALEN])
{
	memcpy(nb->header, mac, ETH_ALEN);
	memcpy(nb->header + ETH_ALEN, nb->netif->mac, ETH_ALEN);
}

/* The address is known: what has waited for it goes out. */
static void send_queue(struct neighbour *nb)
{
	unsigned n = nb->queued;

	/* Sockets that have a route without an entry find this one at their next lookup. */
	if (n)
		route_changed();
	while (n-- && nb->queued)
		transmit(nb, dequeue(nb));
}

void neighbour_learn(struct netif *n, const struct ip_addr *addr, const uint8_t mac[ETH_ALEN],
		     bool may_create, bool reachable, bool override)
{
	struct neighbour *nb = neighbour_find(n, addr);
	uint64_t now;

	if (mac[0] & 1) /* nobody's own address */
		return;
	if (!nb) {
		if (!may_create)
			return;
		nb = create(n, addr);
		if (!nb)
			return;
	}
	if (nb->state & (NUD_PERMANENT | NUD_NOARP))
		return;
	now = net_now();
	if (nb->state & NUD_HAS_MAC) {
		bool same = !memcmp(nb->header, mac, ETH_ALEN);
		if (!same && !override) { /* RFC 4861, 7.2.5 I */
			if (nb->state == NUD_REACHABLE)
				nb->state = NUD_STALE;
			return;
		}
		set_mac(nb, mac);
		if (reachable)
			become_reachable(nb, now);
		else if (!same)
			nb->state = NUD_STALE;
		if (!same) {
			nb->updated = now;
			net_notify(NET_NEIGH, nb);
		}
		return;
	}
	set_mac(nb, mac);
	if (reachable) {
		become_reachable(nb, now);
	} else {
		nb->state = NUD_STALE;
		nb->updated = now;
		if (nb->queued) { /* RFC 4861, 7.3.3: the first packet sent starts the delay */
			nb->state = NUD_DELAY;
			nb->confirmed = false;
			set_deadline(nb, now + DELAY_FIRST_PROBE);
		}
	}
	send_queue(nb);
	net_notify(NET_NEIGH, nb);
}

int neighbour_set(struct netif *n, const struct ip_addr *addr, const uint8_t mac[ETH_ALEN],
		  uint8_t state)
{
	struct neighbour *nb = neighbour_find(n, addr);

	if (!(state & NUD_HAS_MAC) || (state & (state - 1)))
		return -EINVAL;
	if (!nb)
		nb = create(n, addr);
	if (!nb)
		return -ENOBUFS;
	set_mac(nb, mac);
	nb->state = state;
	nb->updated = net_now();
	if (state == NUD_REACHABLE)
		become_reachable(nb, nb->updated);
	else if (state & (NUD_DELAY | NUD_PROBE))
		set_deadline(nb, nb->updated);
	send_queue(nb);
	route_changed();
	net_notify(NET_NEIGH, nb);
	return 0;
}

int neighbour_delete(struct netif *n, const struct ip_addr *addr)
{
	struct neighbour *nb = neighbour_find(n, addr);

	if (!nb)
		return -ENOENT;
	fail_queue(nb);
	nb->state = NUD_FAILED;
	net_notify(NET_NEIGH, nb);
	release(nb);
	return 0;
}

void neighbour_flush(struct netif *n)
{
	list_for_each_entry_safe (nb, &neighbour_list, struct neighbour, all_link) {
		if (nb->netif == n)
			release(nb);
	}
}

void neighbour_solicit_again(struct netif *n)
{
	list_for_each_entry (nb, &neighbour_list, struct neighbour, all_link) {
		if (nb->netif == n && nb->state == NUD_INCOMPLETE && !ip_is_v4(&nb->addr)) {
			nb->probes = 0;
			solicit(nb);
		}
	}
}

void neighbour_link_up(struct netif *n)
{
	if (!(n->flags & IFF_UP) || n->raw)
		return;
	list_for_each_entry (a, &n->addrs, struct ifaddr, link) {
		if (ip_is_v4(&a->addr))
			arp_announce(a);
		else
			nd_dad_start(a);
	}
}
