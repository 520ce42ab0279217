/*
 * Duplicate address detection (RFC 4862 section 5.4), optimistic (RFC 4429): an address is used at
 * once, so that nothing waits for it at boot, but until a second has passed in silence nobody's
 * cache is made to hold it against another owner.
 */
#include "lib/printk.h"
#include "lib/random.h"
#include "net/internal.h"
#include "net/ip_internal.h"
#include "net/nd_internal.h"
#include "net/neighbour.h"
#include "net/net.h"

#define TRANSMITS 1 /* DupAddrDetectTransmits */

static struct timer timer;
static uint8_t own_nonce[6];

static uint64_t retrans(const struct netif *n)
{
	return (n->retrans_ms ? n->retrans_ms : 1000) * 1000000ull;
}

static void expire(struct timer *t)
{
	uint64_t now, next = UINT64_MAX;

	net_enter();
	now = net_now();
	list_for_each_entry (n, &netif_list, struct netif, link) {
		bool sends = (n->flags & (IFF_UP | IFF_RUNNING)) == (IFF_UP | IFF_RUNNING);
		list_for_each_entry (a, &n->addrs, struct ifaddr, link) {
			if (!a->optimistic || !sends) /* it starts anew with the link */
				continue;
			if (a->dad_deadline <= now) {
				if (a->dad_sent >= TRANSMITS) {
					a->optimistic = false;
					route_changed();
					neighbour_solicit_again(n);
					net_notify(NET_ADDR_ADD, a);
					continue;
				}
				a->dad_sent++;
				nd_solicit_dad(n, &a->addr, own_nonce);
				a->dad_deadline = now + retrans(n);
			}
			if (a->dad_deadline < next)
				next = a->dad_deadline;
		}
	}
	if (next != UINT64_MAX)
		timer_arm(t, next);
	net_leave();
}

void nd_init(void)
{
	random_bytes(own_nonce, sizeof own_nonce);
	timer_setup(&timer, expire);
}

void nd_dad_start(struct ifaddr *a)
{
	struct netif *n = a->netif;

	if (n->flags & IFF_LOOPBACK || a->state == IFADDR_DUPLICATE)
		return;
	a->optimistic = true;
	a->dad_sent = 0;
	if (!(n->flags & IFF_RUNNING))
		return; /* neighbour_link_up comes back here */
	a->dad_sent = 1;
	nd_solicit_dad(n, &a->addr, own_nonce);
	a->dad_deadline = net_now() + retrans(n);
	if (!timer_armed(&timer) || timer.expires > a->dad_deadline)
		timer_arm(&timer, a->dad_deadline);
}

bool nd_dad_own_nonce(const uint8_t nonce[6])
{
	return !memcmp(nonce, own_nonce, sizeof own_nonce);
}

void nd_dad_failed(struct ifaddr *a, const uint8_t *mac)
{
	static const uint8_t unknown[ETH_ALEN];
	struct ip_addr addr = a->addr;
	struct netif *n = a->netif;
	char text[IP_TEXT];

	if (!mac)
		mac = unknown;
	ip_format(text, &addr);
	printk(
	    "unigornel: %s: %s is already used by %02x:%02x:%02x:%02x:%02x:%02x: not used here\n",
	    n->name, text, mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
	ifaddr_set_duplicate(a);
	slaac_duplicate(n, &addr);
}
