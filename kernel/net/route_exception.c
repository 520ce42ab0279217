/*
 * What hosts and routers on the way have told us about single destinations: path MTUs (RFC 1191,
 * RFC 8201) and redirects. And gateways that do not answer (RFC 4861, 7.3.3; RFC 1122, 3.3.1.4).
 */
#include "lib/printk.h"
#include "lib/random.h"
#include "lib/siphash.h"
#include "mm/kmalloc.h"
#include "net/internal.h"
#include "net/neighbour.h"
#include "net/net.h"
#include "net/route_internal.h"

#define BUCKETS	 64
#define MAX	 1024
#define LIFETIME 600000000000ull /* RFC 1191, 6.3: ten minutes */
#define MIN_MTU4 552		 /* smaller claims are not believed: Linux's min_pmtu */
#define MIN_MTU6 1280		 /* RFC 8200, 5 */

struct exception {
	struct list hash_link, age_link; /* oldest first */
	struct ip_addr dst, gateway;	 /* gateway: :: if none */
	struct netif *netif;		 /* of the redirect */
	uint32_t mtu;			 /* 0: none */
	uint64_t expires;
};

static struct list buckets[BUCKETS];
static struct list ages = LIST_INIT(ages);
static unsigned count;
static uint64_t secret[2];
static struct timer expiry;

/* Gateways that failed to answer lately; a handful is enough. */
#define DEAD 4
static struct {
	struct netif *netif;
	struct ip_addr gateway;
	uint64_t until;
} dead[DEAD];
static unsigned ndead;

static void forget(struct exception *x)
{
	list_remove(&x->hash_link);
	list_remove(&x->age_link);
	count--;
	kfree(x);
	route_changed();
}

static void expire(struct timer *t)
{
	uint64_t now;

	net_enter();
	now = net_now();
	while (!list_empty(&ages)) {
		struct exception *x = list_entry(ages.next, struct exception, age_link);
		if (x->expires > now) {
			timer_arm(t, x->expires);
			break;
		}
		forget(x);
	}
	net_leave();
}

void route_exception_init(void)
{
	random_bytes(secret, sizeof secret);
	for (unsigned i = 0; i < BUCKETS; i++)
		list_init(&buckets[i]);
	timer_setup(&expiry, expire);
}

static struct list *bucket(const struct ip_addr *dst)
{
	return &buckets[siphash(secret, dst, sizeof *dst) % BUCKETS];
}

static struct exception *find(const struct ip_addr *dst)
{
	if (!count)
		return NULL;
	list_for_each_entry (x, bucket(dst), struct exception, hash_link) {
		if (ip_equal(&x->dst, dst))
			return x;
	}
	return NULL;
}

static struct exception *get(const struct ip_addr *dst)
{
	struct exception *x = find(dst);

	if (!x) {
		if (count >= MAX)
			forget(list_entry(ages.next, struct exception, age_link));
		x = kzalloc(sizeof *x);
		if (!x)
			return NULL;
		x->dst = *dst;
		list_add_head(bucket(dst), &x->hash_link);
		count++;
	} else {
		list_remove(&x->age_link);
	}
	x->expires = net_now() + LIFETIME;
	list_add_tail(&ages, &x->age_link);
	if (!timer_armed(&expiry))
		timer_arm(&expiry, x->expires);
	return x;
}

void route_exception_apply(const struct ip_addr *dst, const struct netif *n,
			   struct ip_addr *gateway, uint32_t *mtu)
{
	const struct exception *x = find(dst);

	if (!x)
		return;
	if (x->mtu && x->mtu < *mtu)
		*mtu = x->mtu;
	if (x->netif == n && !ip_is_any(&x->gateway))
		*gateway = x->gateway;
}

void route_exceptions_forget(const struct netif *n)
{
	list_for_each_entry_safe (x, &ages, struct exception, age_link) {
		if (x->netif == n || !x->netif)
			forget(x);
	}
	for (unsigned i = 0; i < ndead; i++)
		if (dead[i].netif == n)
			dead[i].until = 0;
}

/* The next smaller of the usual MTUs (RFC 1191, 7.1), for routers that do not say theirs. */
static uint32_t plateau(uint32_t length)
{
	static const uint16_t plateaus[] = {32000, 17914, 8166, 4352, 2002,
					    1492,  1006,  508,	296,  68};

	for (unsigned i = 0; i < sizeof plateaus / sizeof plateaus[0]; i++)
		if (plateaus[i] < length)
			return plateaus[i];
	return 68;
}

void route_update_pmtu(const struct ip_addr *dst, uint32_t mtu, uint32_t sent_length)
{
	uint32_t least = ip_is_v4(dst) ? MIN_MTU4 : MIN_MTU6;
	struct exception *x;
	struct route rt;

	if (!mtu)
		mtu = plateau(sent_length);
	if (mtu < least)
		mtu = least;
	if (route_lookup(&rt, dst, NULL, 0) || mtu >= rt.mtu)
		return;
	x = get(dst);
	if (!x)
		return;
	x->mtu = mtu;
	route_changed();
}

void route_redirect(struct netif *n, const struct ip_addr *dst, const struct ip_addr *from,
		    const struct ip_addr *gateway)
{
	struct exception *x;
	struct route rt;

	if (route_lookup(&rt, dst, NULL, n->index) || rt.local || !ip_equal(&rt.next_hop, from))
		return;
	x = get(dst);
	if (!x)
		return;
	x->netif = n;
	x->gateway = *gateway;
	route_changed();
}

bool route_gateway_dead(const struct route_entry *e)
{
	if (!ndead || ip_is_any(&e->gateway))
		return false;
	for (unsigned i = 0; i < ndead; i++)
		if (dead[i].netif == e->netif && ip_equal(&dead[i].gateway, &e->gateway))
			return dead[i].until > net_now();
	return false;
}

void route_neighbour_failed(const struct neighbour *nb)
{
	uint64_t now = net_now();
	bool gateway = false;
	unsigned at = 0;

	list_for_each_entry (e, &route_list, struct route_entry, link) {
		gateway |= e->netif == nb->netif && ip_equal(&e->gateway, &nb->addr);
	}
	/* A redirect to a dead router is void (RFC 4861, 7.3.3). */
	list_for_each_entry_safe (x, &ages, struct exception, age_link) {
		if (x->netif == nb->netif && ip_equal(&x->gateway, &nb->addr))
			forget(x);
	}
	if (!gateway)
		return;
	for (unsigned i = 0; i < ndead; i++)
		if (dead[i].until < dead[at].until ||
		    (dead[i].netif == nb->netif && ip_equal(&dead[i].gateway, &nb->addr)))
			at = i;
	if (ndead < DEAD)
		at = ndead++;
	dead[at].netif = nb->netif;
	dead[at].gateway = nb->addr;
	dead[at].until = now + 30000000000ull;
	route_changed();
}
