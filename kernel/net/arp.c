/* ARP (RFC 826) and the detection of address conflicts (RFC 5227). */
#include <linux/if_arp.h>
#include "lib/printk.h"
#include "net/internal.h"
#include "net/neighbour.h"
#include "net/net.h"

/* The message for IPv4 over Ethernet. */
struct arp {
	be16_t hrd, pro;
	uint8_t hln, pln;
	be16_t op;
	uint8_t sha[ETH_ALEN], spa[4], tha[ETH_ALEN], tpa[4];
} __attribute__((packed));

/* RFC 5227, 1.1. */
#define DEFEND_INTERVAL	  10000000000ull
#define ANNOUNCE_NUM	  2
#define ANNOUNCE_INTERVAL 2000000000ull

#define MIN_FRAME 60 /* Ethernet pads to this; some peers want it */

static const uint8_t everybody[ETH_ALEN] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

static void send_message(struct netif *n, uint16_t op, be32_t src, be32_t target,
			 const uint8_t target_mac[ETH_ALEN], const uint8_t to[ETH_ALEN])
{
	struct packet *p = packet_alloc(MIN_FRAME);
	struct arp *a;

	if (!p)
		return;
	a = packet_put(p, sizeof *a);
	a->hrd = hton16(ARPHRD_ETHER);
	a->pro = hton16(ETH_P_IP);
	a->hln = ETH_ALEN;
	a->pln = 4;
	a->op = hton16(op);
	memcpy(a->sha, n->mac, ETH_ALEN);
	memcpy(a->spa, &src, 4);
	memcpy(a->tha, target_mac, ETH_ALEN);
	memcpy(a->tpa, &target, 4);
	memset(packet_put(p, MIN_FRAME - ETHER_HEADER - sizeof *a), 0,
	       MIN_FRAME - ETHER_HEADER - sizeof *a);
	p->l3 = p->data;
	ethernet_send(n, p, to, ETH_P_ARP);
}

void arp_send_request(struct netif *n, be32_t src, be32_t addr, const uint8_t *mac)
{
	static const uint8_t unknown[ETH_ALEN];

	send_message(n, ARPOP_REQUEST, src, addr, unknown, mac ? mac : everybody);
}

static void say_ours(struct netif *n, be32_t addr)
{
	static const uint8_t unknown[ETH_ALEN];

	if (n->type == ARPHRD_ETHER)
		send_message(n, ARPOP_REQUEST, addr, addr, unknown, everybody);
}

static struct timer again;

/* The second announcements. */
static void announce_again(struct timer *t)
{
	uint64_t now, next = UINT64_MAX;

	net_enter();
	now = net_now();
	list_for_each_entry (n, &netif_list, struct netif, link) {
		if (!(n->flags & IFF_UP))
			continue;
		list_for_each_entry (a, &n->addrs, struct ifaddr, link) {
			if (!ip_is_v4(&a->addr) || !a->dad_sent || a->dad_sent >= ANNOUNCE_NUM)
				continue;
			if (a->dad_deadline <= now) {
				a->dad_sent++;
				a->dad_deadline = now + ANNOUNCE_INTERVAL;
				say_ours(n, ip_v4(&a->addr));
			} else if (a->dad_deadline < next) {
				next = a->dad_deadline;
			}
		}
	}
	if (next != UINT64_MAX)
		timer_arm(t, next);
	net_leave();
}

void arp_announce(struct ifaddr *a)
{
	if (!again.func)
		timer_setup(&again, announce_again);
	a->dad_sent = 1;
	a->dad_deadline = net_now() + ANNOUNCE_INTERVAL;
	if (!timer_armed(&again))
		timer_arm(&again, a->dad_deadline);
	say_ours(a->netif, ip_v4(&a->addr));
}

/* Somebody else uses our address. We keep it and say so, seldom (RFC 5227, 2.4 (c)). */
static void conflict(struct netif *n, const struct arp *a, be32_t addr)
{
	static uint64_t last;
	uint64_t now = net_now();

	if (last && now - last < DEFEND_INTERVAL)
		return;
	last = now;
	printk("unigornel: %s: %d.%d.%d.%d is also used by %02x:%02x:%02x:%02x:%02x:%02x\n",
	       n->name, a->spa[0], a->spa[1], a->spa[2], a->spa[3], a->sha[0], a->sha[1], a->sha[2],
	       a->sha[3], a->sha[4], a->sha[5]);
	say_ours(n, addr);
}

/* Our address on this interface? Tentative ones are not answered for. */
static bool is_ours(const struct netif *n, be32_t addr)
{
	struct ip_addr a = ip_from_v4(addr);

	return ifaddr_find(n, &a) != NULL;
}

void arp_input(struct packet *p)
{
	struct netif *n = p->netif;
	struct ip_addr sender;
	struct arp a;
	be32_t spa, tpa;
	bool for_us;

	if (n->type != ARPHRD_ETHER || p->len < sizeof a)
		goto out;
	packet_read(p, 0, &a, sizeof a);
	if (a.hrd != hton16(ARPHRD_ETHER) || a.pro != hton16(ETH_P_IP) || a.hln != ETH_ALEN ||
	    a.pln != 4)
		goto out;
	if (a.op != hton16(ARPOP_REQUEST) && a.op != hton16(ARPOP_REPLY))
		goto out;
	memcpy(&spa, a.spa, 4);
	memcpy(&tpa, a.tpa, 4);
	sender = ip_from_v4(spa);
	if (ip_is_multicast(&sender) || ip_is_loopback(&sender) || spa == 0xffffffff ||
	    (a.sha[0] & 1) || !memcmp(a.sha, n->mac, ETH_ALEN))
		goto out;
	if (n->dhcp)
		dhcp_arp_input(n, a.sha, spa);
	for_us = is_ours(n, tpa);
	if (!spa) { /* a probe: answered if it is for us, entered never (RFC 5227, 2.1.1) */
		if (for_us && a.op == hton16(ARPOP_REQUEST))
			send_message(n, ARPOP_REPLY, tpa, 0, a.sha, a.sha);
		goto out;
	}
	if (is_ours(n, spa)) {
		conflict(n, &a, spa);
		goto out;
	}
	/* RFC 826: known senders are brought up to date, unknown ones entered if they ask for us. A
	 * reply to us alone proves that the way there works; an answer that came to everybody does
	 * not. */
	bool request = a.op == hton16(ARPOP_REQUEST);
	neighbour_learn(n, &sender, a.sha, for_us && request, !request && for_us && !p->broadcast,
			true);
	if (for_us && request)
		send_message(n, ARPOP_REPLY, tpa, spa, a.sha, a.sha);
out:
	packet_free(p);
}
