/*
 * Asking for routers (RFC 4861 section 6.3.7, with the persistence of RFC 7559), and the interface
 * identifier. That is the modified EUI-64 one: a stable private one (RFC 7217) needs a secret that
 * outlives the machine, which has no place to keep it.
 */
#include "net/slaac.h"
#include <asm/errno.h>
#include <linux/in6.h>
#include "lib/printk.h"
#include "lib/random.h"
#include "mm/kmalloc.h"
#include "net/frame.h"
#include "net/net.h"
#include "net/netconfig.h"
#include "net/netif.h"
#include "net/slaac_internal.h"

#define SECOND	     1000000000ull
#define NEVER	     UINT64_MAX
#define FIRST_WAIT   SECOND /* RFC 7559 has 4 s, which is long for a machine that boots in 0.1 s */
#define LONGEST_WAIT (3600 * SECOND)
#define RS_TYPE	     133
#define RA_HOPS	     255

static const struct ip_addr all_routers = {.b = {0xff, 2, [15] = 2}};

void slaac_link_local(const struct netif *n, struct ip_addr *addr)
{
	*addr = (struct ip_addr){.b = {0xfe, 0x80}};
	memcpy(addr->b + 8, n->mac, 3);
	addr->b[8] ^= 2; /* universal bit, inverted */
	addr->b[11] = 0xff;
	addr->b[12] = 0xfe;
	memcpy(addr->b + 13, n->mac + 3, 3);
}

uint64_t slaac_until(uint32_t seconds)
{
	return seconds == UINT32_MAX ? NEVER : net_now() + seconds * SECOND;
}

void slaac_arm(struct slaac *s)
{
	uint64_t due = s->rs_due < s->dns_due ? s->rs_due : s->dns_due;

	if (due != NEVER && (!timer_armed(&s->timer) || due < s->timer.expires))
		timer_arm(&s->timer, due);
}

static void solicit(struct slaac *s)
{
	struct netif *n = s->netif;
	uint8_t m[16] = {RS_TYPE};
	size_t len = 8;
	struct frame_ip f = {.dst = all_routers, .protocol = IPPROTO_ICMPV6, .ttl = RA_HOPS};

	list_for_each_entry (a, &n->addrs, struct ifaddr, link) {
		if (!ip_is_v4(&a->addr) && ip_is_linklocal6(&a->addr) &&
		    a->state == IFADDR_PREFERRED) {
			f.src = a->addr;
			m[8] = 1; /* source link-layer address */
			m[9] = 1;
			memcpy(m + 10, n->mac, ETH_ALEN);
			len = 16;
			break;
		}
	}
	frame_send_ip(n, &f, m, len);
}

/* RFC 7559 section 2: doubled, a tenth either way at random. */
static void next_solicitation(struct slaac *s)
{
	uint64_t r, base = s->rs_wait ? 2 * s->rs_wait : FIRST_WAIT;

	if (base > LONGEST_WAIT)
		base = LONGEST_WAIT;
	random_bytes(&r, sizeof r);
	s->rs_wait = base - base / 10 + r % (base / 5);
	s->rs_due = net_now() + s->rs_wait;
}

static void timer_func(struct timer *t)
{
	struct slaac *s = container_of(t, struct slaac, timer);

	net_enter();
	uint64_t now = net_now();
	if (s->rs_due <= now) {
		if (s->link_up) {
			solicit(s);
			next_solicitation(s);
		} else {
			s->rs_due = NEVER;
		}
	}
	if (s->dns_due <= now)
		slaac_dns_update(s);
	slaac_arm(s);
	net_leave();
}

static bool link_ready(const struct netif *n)
{
	return (n->flags & IFF_UP) && (n->flags & IFF_RUNNING);
}

static void on_event(enum net_event event, void *object)
{
	if (event == NET_ADDR_ADD) {
		netconfig_progress();
		return;
	}
	struct netif *n = object;
	struct slaac *s = event == NET_LINK ? n->slaac : NULL;
	if (!s || link_ready(n) == s->link_up)
		return;
	s->link_up = link_ready(n);
	netconfig_progress();
	if (!s->link_up)
		return;
	s->got_router = false;
	s->rs_wait = 0;
	s->rs_due = net_now();
	slaac_arm(s);
}

int slaac_start(struct netif *n)
{
	static struct net_notifier notifier = {.func = on_event};
	static bool listening;
	struct slaac *s = kzalloc(sizeof *s);

	if (!s)
		return -ENOMEM;
	if (!listening)
		net_notifier_add(&notifier);
	listening = true;
	s->netif = n;
	s->rs_due = s->dns_due = NEVER;
	s->dns.netif = n;
	timer_setup(&s->timer, timer_func);
	resolvconf_add(&s->dns);
	n->slaac = s;
	s->link_up = link_ready(n);
	if (s->link_up) {
		/* At once: the random delay of RFC 4861 spares links where many machines boot
		 * together, which a boot of milliseconds does not make one of. */
		solicit(s);
		next_solicitation(s);
		slaac_arm(s);
	}
	return 0;
}

bool slaac_pending(const struct netif *n)
{
	const struct slaac *s = n->slaac;

	if (!s || !s->link_up)
		return false;
	list_for_each_entry (a, &n->addrs, struct ifaddr, link)
		if (a->origin == IFADDR_SLAAC && !ip_is_linklocal6(&a->addr) &&
		    (a->state == IFADDR_PREFERRED || a->state == IFADDR_DEPRECATED))
			return false;
	return true;
}

void slaac_duplicate(struct netif *n, const struct ip_addr *a)
{
	char text[IP_TEXT];

	ip_format(text, a);
	printk("unigornel: network: %s: another machine has the address %s; it is not used\n",
	       n->name, text);
}
