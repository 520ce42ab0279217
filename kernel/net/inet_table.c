/*
 * The tables by which packets find sockets, and the choice of ports.
 *
 * In the chain of a port those that never had a peer, and listeners, come first (bind_front), so
 * that a listener is found at once, however many connections share its port. All of the chain is
 * walked through only where a port is chosen. Compiled for the host too.
 */
#include <asm/errno.h>
#include <linux/in.h>
#include "lib/random.h"
#include "lib/string.h"
#include "mm/kmalloc.h"
#include "net/inet.h"
#include "net/netif.h"

#define PORT_FIRST 32768u /* net.ipv4.ip_local_port_range */
#define PORT_LAST  60999u
#define PORT_COUNT (PORT_LAST - PORT_FIRST + 1)

#define HASH_FIRST   256u
#define HASH_LARGEST (1u << 18)

int inet_table_init(struct inet_table *t, bool stream)
{
	memset(t, 0, sizeof *t);
	for (unsigned i = 0; i < INET_BIND_BUCKETS; i++)
		list_init(&t->bind[i]);
	t->hash = kmalloc(HASH_FIRST * sizeof *t->hash);
	if (!t->hash)
		return -ENOMEM;
	for (unsigned i = 0; i < HASH_FIRST; i++)
		list_init(&t->hash[i]);
	t->hash_mask = HASH_FIRST - 1;
	t->stream = stream;
	random_bytes(t->secret, sizeof t->secret);
	return 0;
}

/* SipHash-1-3 over whole words: what hash tables need, and a third of the work of SipHash-2-4
 * (Aumasson, Bernstein, "SipHash: a fast short-input PRF", 2012). */

static inline uint64_t rotl(uint64_t v, int n)
{
	return v << n | v >> (64 - n);
}

static inline void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[0] = rotl(v[0], 32);
	v[2] += v[3];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[2] = rotl(v[2], 32);
}

static inline void sip_word(uint64_t v[4], uint64_t m)
{
	v[3] ^= m;
	sip_round(v);
	v[0] ^= m;
}

uint32_t inet_hash(const struct inet_table *t, const struct ip_addr *local, uint16_t lport,
		   const struct ip_addr *remote, uint16_t rport)
{
	uint64_t v[4] = {t->secret[0] ^ 0x736f6d6570736575u, t->secret[1] ^ 0x646f72616e646f6du,
			 t->secret[0] ^ 0x6c7967656e657261u, t->secret[1] ^ 0x7465646279746573u};
	if (ip_is_v4(remote)) {
		sip_word(v, (uint64_t)local->w[3] << 32 | remote->w[3]);
	} else {
		sip_word(v, local->q[0]);
		sip_word(v, local->q[1]);
		sip_word(v, remote->q[0]);
		sip_word(v, remote->q[1]);
	}
	sip_word(v, (uint64_t)lport << 16 | rport);
	v[2] ^= 0xff;
	sip_round(v);
	sip_round(v);
	sip_round(v);
	return (uint32_t)(v[0] ^ v[1] ^ v[2] ^ v[3]);
}

static struct list *bind_bucket(struct inet_table *t, uint16_t port)
{
	return &t->bind[port % INET_BIND_BUCKETS];
}

static void bind_insert(struct inet_table *t, struct inet_sock *s, bool front)
{
	struct list *bucket = bind_bucket(t, s->local_port);
	list_remove(&s->bind_link);
	if (front)
		list_add_head(bucket, &s->bind_link);
	else
		list_add_tail(bucket, &s->bind_link);
	s->bind_front = front;
}

/* Can both receive what is sent to one address and port? Unspecified addresses cover all of their
 * family, "::" also IPv4 unless IPV6_V6ONLY. */
static bool addresses_meet(const struct inet_sock *a, const struct ip_addr *aa,
			   const struct ip_addr *ba, bool b_v6only)
{
	bool a4 = ip_is_v4(aa), b4 = ip_is_v4(ba);
	bool a_any = ip_is_any(aa), b_any = ip_is_any(ba);

	if (a4 == b4)
		return a_any || b_any || ip_equal(aa, ba);
	/* One is IPv4, the other IPv6: only "::" of a dual-stack socket reaches over. */
	return a4 ? b_any && !b_v6only : a_any && !a->v6only;
}

static bool interfaces_meet(const struct inet_sock *a, const struct inet_sock *b)
{
	return !a->so.bound_ifindex || !b->so.bound_ifindex ||
	       a->so.bound_ifindex == b->so.bound_ifindex;
}

/*
 * May s not have addr and port because of o? exclusive: a port is being chosen that nobody has, not
 * even where SO_REUSEADDR would allow to share it (streams only).
 */
static bool conflicts(const struct inet_table *t, const struct inet_sock *s,
		      const struct ip_addr *addr, const struct inet_sock *o, bool exclusive)
{
	if (o == s || !interfaces_meet(s, o) || !addresses_meet(s, addr, &o->local, o->v6only))
		return false;
	if (s->so.reuseport && o->so.reuseport)
		return false;
	if (s->so.reuseaddr && o->so.reuseaddr && !(t->stream && (o->so.acceptconn || exclusive)))
		return false;
	return true;
}

bool inet_held_conflicts(const struct inet_sock *s, const struct ip_addr *addr,
			 const struct inet_holder *h, bool exclusive)
{
	if (s->so.bound_ifindex && h->ifindex && s->so.bound_ifindex != h->ifindex)
		return false;
	if (!addresses_meet(s, addr, &h->local, h->v6only))
		return false;
	return !(s->so.reuseport && h->reuseport) &&
	       !(s->so.reuseaddr && h->reuseaddr && !exclusive);
}

static bool port_taken(struct inet_table *t, const struct inet_sock *s, const struct ip_addr *addr,
		       uint16_t port, bool exclusive)
{
	list_for_each_entry (o, bind_bucket(t, port), struct inet_sock, bind_link)
		if (o->local_port == port && conflicts(t, s, addr, o, exclusive))
			return true;
	return t->held && t->held(s, addr, port, exclusive);
}

static uint32_t random_number(void)
{
	uint32_t r;
	random_bytes(&r, sizeof r);
	return r;
}

/* A step that visits every port of the range: odd and no divisor of 28232 = 8 * 3529. */
static uint32_t random_step(void)
{
	uint32_t step = (random_number() % (PORT_COUNT / 2)) | 1;
	return step % 3529 ? step : step + 2;
}

/* RFC 6056, 3.3.2: random trials, all of them different. */
static uint16_t free_port(struct inet_table *t, const struct inet_sock *s,
			  const struct ip_addr *addr)
{
	uint32_t at = random_number() % PORT_COUNT, step = random_step();
	for (uint32_t i = 0; i < PORT_COUNT; i++, at = (at + step) % PORT_COUNT)
		if (!port_taken(t, s, addr, (uint16_t)(PORT_FIRST + at), true))
			return (uint16_t)(PORT_FIRST + at);
	return 0;
}

/* One of our addresses, or one that packets for us can have. */
static bool may_bind(const struct inet_sock *s, const struct ip_addr *addr)
{
	if (ip_is_any(addr) || s->freebind || s->transparent || ip_is_multicast(addr))
		return true;
	if (ip_is_v4(addr) && (ip_is_loopback(addr) || ip_v4(addr) == ~0u))
		return true;
	if (ip_is_linklocal6(addr)) {
		struct netif *n = netif_by_index(s->so.bound_ifindex);
		return n && ifaddr_find(n, addr);
	}
	if (ifaddr_find(NULL, addr))
		return true;
	/* The broadcast address of one of our networks. */
	if (ip_is_v4(addr))
		list_for_each_entry (n, &netif_list, struct netif, link)
			list_for_each_entry (a, &n->addrs, struct ifaddr, link)
				if (ip_equal(&a->broadcast, addr))
					return true;
	return false;
}

bool inet_may_bind(const struct inet_sock *s, const struct ip_addr *addr)
{
	return may_bind(s, addr);
}

int inet_bind(struct inet_table *t, struct inet_sock *s, const struct ip_addr *addr, uint16_t port)
{
	if (!may_bind(s, addr))
		return -EADDRNOTAVAIL;
	if (s->v6only && s->v6 && ip_is_v4(addr))
		return -EINVAL;
	if (!port && s->bind_no_port) {
		s->local = *addr;
		s->bound = true;
		s->route.generation = 0;
		return 0;
	}
	if (!port)
		port = free_port(t, s, addr);
	else if (port_taken(t, s, addr, port, false))
		return -EADDRINUSE;
	if (!port)
		return -EADDRINUSE;
	inet_unbind(t, s);
	s->local = *addr;
	s->local_port = port;
	s->bound = true;
	s->route.generation = 0;
	bind_insert(t, s, true);
	return 0;
}

int inet_listen_check(struct inet_table *t, struct inet_sock *s)
{
	list_for_each_entry (o, bind_bucket(t, s->local_port), struct inet_sock, bind_link)
		if (o->local_port == s->local_port && conflicts(t, s, &s->local, o, false))
			return -EADDRINUSE;
	if (t->held && t->held(s, &s->local, s->local_port, false))
		return -EADDRINUSE;
	bind_insert(t, s, true);
	return 0;
}

/* A socket that was given this port by bind: connections then stay away from it. */
static bool port_reserved(struct inet_table *t, const struct inet_sock *s, uint16_t port)
{
	list_for_each_entry (o, bind_bucket(t, port), struct inet_sock, bind_link) {
		if (t->stream && !o->bind_front)
			break;
		if (o != s && o->local_port == port && interfaces_meet(s, o) &&
		    addresses_meet(s, &s->local, &o->local, o->v6only))
			return true;
	}
	return false;
}

int inet_autobind(struct inet_table *t, struct inet_sock *s,
		  bool (*in_use)(const struct inet_sock *s, uint16_t port))
{
	uint32_t at = random_number() % PORT_COUNT, step = random_step();
	for (uint32_t i = 0; i < PORT_COUNT; i++, at = (at + step) % PORT_COUNT) {
		uint16_t port = (uint16_t)(PORT_FIRST + at);
		if (port_reserved(t, s, port) || (in_use && in_use(s, port)))
			continue;
		if (t->stream && inet_lookup_connected(t, &s->local, port, &s->remote,
						       s->remote_port, s->so.bound_ifindex))
			continue;
		inet_unbind(t, s);
		s->local_port = port;
		bind_insert(t, s, false);
		return 0;
	}
	return -EADDRNOTAVAIL;
}

/* Twice the buckets; stays as it is when there is no memory. */
static void grow(struct inet_table *t)
{
	uint32_t n = (t->hash_mask + 1) * 2;
	struct list *fresh = n <= HASH_LARGEST ? kmalloc(n * sizeof *fresh) : NULL;
	if (!fresh)
		return;
	for (uint32_t i = 0; i < n; i++)
		list_init(&fresh[i]);
	for (uint32_t i = 0; i <= t->hash_mask; i++)
		list_for_each_entry_safe (s, &t->hash[i], struct inet_sock, hash_link) {
			list_remove(&s->hash_link);
			list_add_tail(&fresh[s->hash & (n - 1)], &s->hash_link);
		}
	kfree(t->hash);
	t->hash = fresh;
	t->hash_mask = n - 1;
}

static bool is_connection(const struct inet_sock *s, const struct ip_addr *local, uint16_t lport,
			  const struct ip_addr *remote, uint16_t rport)
{
	return s->local_port == lport && s->remote_port == rport && ip_equal(&s->remote, remote) &&
	       ip_equal(&s->local, local);
}

int inet_hash_insert(struct inet_table *t, struct inet_sock *s)
{
	uint32_t hash = inet_hash(t, &s->local, s->local_port, &s->remote, s->remote_port);
	list_for_each_entry (o, &t->hash[hash & t->hash_mask], struct inet_sock, hash_link)
		if (t->stream && o->so.bound_ifindex == s->so.bound_ifindex &&
		    is_connection(o, &s->local, s->local_port, &s->remote, s->remote_port))
			return -EADDRINUSE;
	s->hash = hash;
	if (t->count > t->hash_mask)
		grow(t);
	list_add_head(&t->hash[hash & t->hash_mask], &s->hash_link);
	t->count++;
	if (!list_empty(&s->bind_link) && s->bind_front)
		bind_insert(t, s, false);
	return 0;
}

void inet_hash_remove(struct inet_table *t, struct inet_sock *s)
{
	if (list_empty(&s->hash_link))
		return;
	list_remove(&s->hash_link);
	t->count--;
	if (t->last == s)
		t->last = NULL;
	/* A datagram socket may go on without a peer. A connection that has ended stays where it
	 * is: before the listeners it would be in their way. */
	if (!t->stream && !list_empty(&s->bind_link))
		bind_insert(t, s, true);
}

void inet_bind_inherit(struct inet_table *t, struct inet_sock *child,
		       const struct inet_sock *listener)
{
	child->local_port = listener->local_port;
	bind_insert(t, child, false);
}

void inet_unbind(struct inet_table *t, struct inet_sock *s)
{
	(void)t;
	list_remove(&s->bind_link);
}

/* ifindex 0: it is not known where the packet came from. */
static bool on_interface(const struct inet_sock *s, int ifindex)
{
	return !s->so.bound_ifindex || !ifindex || s->so.bound_ifindex == ifindex;
}

struct inet_sock *inet_lookup_connected(struct inet_table *t, const struct ip_addr *local,
					uint16_t lport, const struct ip_addr *remote,
					uint16_t rport, int ifindex)
{
	struct inet_sock *s = t->last;

	/* One packet of a flow is followed by more of it. */
	if (!s || !is_connection(s, local, lport, remote, rport)) {
		uint32_t hash = inet_hash(t, local, lport, remote, rport);
		struct list *bucket = &t->hash[hash & t->hash_mask];
		struct list *l = bucket->next;
		for (; l != bucket; l = l->next) {
			s = list_entry(l, struct inet_sock, hash_link);
			if (s->hash == hash && is_connection(s, local, lport, remote, rport) &&
			    on_interface(s, ifindex))
				break;
		}
		if (l == bucket)
			return NULL;
		t->last = s;
	}
	return on_interface(s, ifindex) ? s : NULL;
}

/* How well s fits; -1: not at all. */
static int score(const struct inet_sock *s, const struct ip_addr *local, int ifindex)
{
	int n = 0;
	if (s->so.bound_ifindex) {
		if (!on_interface(s, ifindex))
			return -1;
		n += 2;
	}
	if (ip_is_any(&s->local)) {
		/* 0.0.0.0 has IPv4 only, "::" both unless it is told otherwise. */
		bool v4 = ip_is_v4(local);
		if (ip_is_v4(&s->local) ? !v4 : v4 && s->v6only)
			return -1;
	} else if (ip_equal(&s->local, local)) {
		n += 4;
	} else {
		return -1;
	}
	return n + (s->v6 != ip_is_v4(local));
}

struct inet_sock *inet_lookup_bound(struct inet_table *t, const struct ip_addr *local,
				    uint16_t lport, const struct ip_addr *remote, uint16_t rport,
				    int ifindex, bool (*accept)(const struct inet_sock *s))
{
	struct list *bucket = bind_bucket(t, lport);
	struct inet_sock *best = NULL;
	int best_score = -1;
	unsigned group = 0;

	list_for_each_entry (s, bucket, struct inet_sock, bind_link) {
		if (!s->bind_front)
			break;
		if (s->local_port != lport || (accept && !accept(s)))
			continue;
		int n = score(s, local, ifindex);
		if (n > best_score) {
			best = s;
			best_score = n;
			group = s->so.reuseport;
		} else if (n == best_score && n >= 0 && best->so.reuseport && s->so.reuseport) {
			group++;
		}
	}
	if (group <= 1)
		return best;
	/* All of the group that fit as well; a flow always meets the same one. */
	uint64_t hash = inet_hash(t, local, lport, remote, rport);
	unsigned pick = (unsigned)(hash * group >> 32);
	list_for_each_entry (s, bucket, struct inet_sock, bind_link) {
		if (!s->bind_front)
			break;
		if (s->local_port != lport || !s->so.reuseport || (accept && !accept(s)) ||
		    score(s, local, ifindex) != best_score)
			continue;
		if (!pick--)
			return s;
	}
	return best;
}
