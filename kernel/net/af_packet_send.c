/* Sending frames: packet(7). SOCK_RAW brings the link header, SOCK_DGRAM gets one made. */
#include <asm/errno.h>
#include "net/af_packet.h"
#include "net/netif.h"
#include "net/packet.h"

#define LINK_HEADER 14
#define VLAN_TAG    4

/* The destination: what the call names, else what the socket is bound to. */
static int destination(const struct packet_sock *s, const struct socket_msg *m,
		       struct sockaddr_ll *to)
{
	*to = (struct sockaddr_ll){.sll_ifindex = s->ifindex, .sll_protocol = s->protocol};
	if (!m->name_len)
		return 0;
	if (m->name_len < offsetof(struct sockaddr_ll, sll_addr))
		return -EINVAL;
	unsigned len = m->name_len < sizeof *to ? m->name_len : (unsigned)sizeof *to;
	memset(to, 0, sizeof *to);
	memcpy(to, &m->name, len);
	if (to->sll_family != AF_PACKET ||
	    len < offsetof(struct sockaddr_ll, sll_addr) + to->sll_halen)
		return -EINVAL;
	if (s->so.type == SOCK_DGRAM && to->sll_halen != ETH_ALEN)
		return -EINVAL;
	return 0;
}

static void make_header(const struct netif *n, struct packet *p, const struct sockaddr_ll *to)
{
	struct ethhdr *e = packet_push(p, LINK_HEADER);

	memcpy(e->h_dest, to->sll_addr, ETH_ALEN);
	memcpy(e->h_source, n->mac, ETH_ALEN);
	e->h_proto = to->sll_protocol;
}

/* A frame may have a VLAN tag beyond the MTU. */
static bool too_long(const struct netif *n, const struct packet *p)
{
	const struct ethhdr *e = (const void *)p->data;
	uint32_t room = n->mtu + LINK_HEADER;

	return p->len > room && (p->len > room + VLAN_TAG || e->h_proto != hton16(ETH_P_8021Q));
}

static int transmit(struct packet_sock *s, struct netif *n, struct packet *p, be16_t protocol)
{
	p->l2 = p->data;
	p->l3 = p->data + LINK_HEADER;
	/* What listeners are shown: the socket's protocol, if it has one, else the frame's. */
	p->ethertype = protocol;
	if (!protocol || protocol == hton16(ETH_P_ALL))
		p->ethertype = ((const struct ethhdr *)(const void *)p->data)->h_proto;
	packet_sender = s;
	int err = netif_xmit(n, p);
	packet_sender = NULL;
	return err;
}

long packet_sendmsg(struct socket *so, struct socket_msg *m)
{
	struct packet_sock *s = (struct packet_sock *)(void *)so;
	bool raw = so->type == SOCK_RAW;
	struct sockaddr_ll to;
	size_t len = m->uio->left;
	int err = destination(s, m, &to);

	if (m->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (err)
		return err;
	struct netif *n = netif_by_index(to.sll_ifindex);
	if (!n)
		return -ENXIO;
	if (!(n->flags & IFF_UP))
		return -ENETDOWN;
	if (so->error)
		return socket_error(so);
	if (!raw && !m->name_len && !(n->flags & IFF_LOOPBACK))
		return -EINVAL; /* no link address to send to */
	if (len > n->mtu + (raw ? LINK_HEADER + VLAN_TAG : 0u))
		return -EMSGSIZE;
	if (raw && len < LINK_HEADER)
		return -EINVAL;
	struct packet *p = packet_alloc((uint32_t)len);
	void *at = p ? packet_put(p, (uint32_t)len) : NULL;
	if (!at) {
		packet_free(p);
		return -ENOBUFS;
	}
	if (uio_get(m->uio, at, len) != len) {
		packet_free(p);
		return -EFAULT;
	}
	if (!raw)
		make_header(n, p, &to);
	else if (too_long(n, p)) {
		packet_free(p);
		return -EMSGSIZE;
	}
	err = transmit(s, n, p, to.sll_protocol);
	return err ? err : (long)len;
}
