/* Ethernet (RFC 894, RFC 2464): which frames are for us and whose they are; link headers of what is
 * sent. Loopback frames have the same header, filled with zeroes. */
#include <asm/errno.h>
#include <linux/if_arp.h>
#include "lib/printk.h"
#include "net/internal.h"
#include "net/neighbour.h"
#include "net/tap.h"

static inline uint16_t load16(const uint8_t *p)
{
	uint16_t v;
	memcpy(&v, p, 2);
	return v;
}

static inline uint32_t load32(const uint8_t *p)
{
	uint32_t v;
	memcpy(&v, p, 4);
	return v;
}

static inline bool same_mac(const uint8_t *a, const uint8_t *b)
{
	return !((load32(a) ^ load32(b)) | (uint32_t)(load16(a + 4) ^ load16(b + 4)));
}

void ethernet_input(struct packet *p)
{
	struct netif *n = p->netif;
	const uint8_t *h = p->data;

	p->ethertype = load16(h + 12);
	if (h[0] & 1) {
		if (load32(h) == 0xffffffff && load16(h + 4) == 0xffff)
			p->broadcast = true;
		else
			p->multicast = true;
		n->stats.rx_multicast++;
	} else if (!same_mac(h, n->mac)) {
		p->other_host = true;
	}
	if (packet_taps)
		packet_socket_tap(n, p, false);
	if (n->raw || p->other_host) {
		packet_free(p);
		return;
	}
	packet_pull(p, ETHER_HEADER);
	p->l3 = p->data;
	if (p->ethertype == hton16(ETH_P_IP)) {
		ip4_input(p);
	} else if (p->ethertype == hton16(ETH_P_IPV6)) {
		ip6_input(p);
	} else if (p->ethertype == hton16(ETH_P_ARP)) {
		arp_input(p);
	} else { /* VLAN tags too: there are no VLAN interfaces */
		n->stats.rx_dropped++;
		packet_free(p);
	}
}

void ethernet_multicast(const struct ip_addr *group, uint8_t mac[ETH_ALEN])
{
	if (ip_is_v4(group)) {
		mac[0] = 0x01;
		mac[1] = 0x00;
		mac[2] = 0x5e;
		mac[3] = group->b[13] & 0x7f;
		mac[4] = group->b[14];
		mac[5] = group->b[15];
	} else {
		mac[0] = mac[1] = 0x33;
		memcpy(mac + 2, group->b + 12, 4);
	}
}

int ethernet_send(struct netif *n, struct packet *p, const uint8_t dst[ETH_ALEN],
		  uint16_t ethertype)
{
	uint8_t *h = packet_push(p, ETHER_HEADER);

	memcpy(h, dst, ETH_ALEN);
	memcpy(h + 6, n->mac, ETH_ALEN);
	put_be16(h + 12, ethertype);
	p->l2 = h;
	p->ethertype = hton16(ethertype);
	return netif_xmit(n, p);
}

int ethernet_output(struct packet *p, const struct route *rt, uint16_t ethertype)
{
	static const uint8_t broadcast[ETH_ALEN] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	struct neighbour *nb = rt->neighbour;
	struct netif *n = rt->netif;
	uint8_t mac[ETH_ALEN];

	if (nb && neighbour_usable(nb)) {
		memcpy(packet_push(p, ETHER_HEADER), nb->header, ETHER_HEADER);
		p->l2 = p->data;
		p->ethertype = hton16(ethertype);
		return netif_xmit(n, p);
	}
	if (n->type == ARPHRD_LOOPBACK)
		return ethernet_send(n, p, n->mac, ethertype);
	if (rt->broadcast)
		return ethernet_send(n, p, broadcast, ethertype);
	if (rt->multicast) {
		ethernet_multicast(&rt->next_hop, mac);
		return ethernet_send(n, p, mac, ethertype);
	}
	return neighbour_output(n, &rt->next_hop, p);
}
