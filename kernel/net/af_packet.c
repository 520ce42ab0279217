#include "net/af_packet.h"
#include <asm/errno.h>
#include <linux/eventpoll.h>
#include <linux/if_arp.h>
#include <linux/sockios.h>
#include <asm/ioctls.h>
#include "mm/uaccess.h"
#include "net/bpf.h"
#include "net/init.h"
#include "net/netif.h"
#include "net/packet.h"
#include "time/clock.h"

#define LINK_HEADER 14

/* packet_of(so): so is a packet socket. */
static struct packet_sock *packet_of(struct socket *so)
{
	return (struct packet_sock *)(void *)so;
}

/* Sockets with a protocol, those that want all (who also see what is sent) and others. */
static struct list listeners = LIST_INIT(listeners);
unsigned packet_socket_count;
const struct packet_sock *packet_sender;

static void unlisten(struct packet_sock *s)
{
	if (list_empty(&s->tap_link))
		return;
	list_remove(&s->tap_link);
	packet_taps--;
}

static void listen_to(struct packet_sock *s, be16_t protocol, int ifindex)
{
	unlisten(s);
	s->protocol = protocol;
	s->ifindex = ifindex;
	if (!protocol)
		return;
	list_add_tail(&listeners, &s->tap_link);
	packet_taps++;
}

static int packet_create(struct socket *so, int protocol)
{
	struct packet_sock *s = packet_of(so);

	so->protocol = 0; /* SO_PROTOCOL shows none: it is an ethertype, and bind may change it */
	list_init(&s->tap_link);
	list_init(&s->queue);
	list_init(&s->memberships);
	packet_socket_count++;
	listen_to(s, (be16_t)protocol, 0);
	return 0;
}

static void packet_release(struct socket *so)
{
	struct packet_sock *s = packet_of(so);

	unlisten(s);
	packet_membership_drop_all(s);
	list_for_each_entry_safe (p, &s->queue, struct packet, link) {
		list_remove(&p->link);
		packet_free(p);
	}
	bpf_release(so);
	packet_socket_count--;
	socket_free(so);
}

static int packet_bind(struct socket *so, const struct __kernel_sockaddr_storage *a, unsigned len)
{
	struct packet_sock *s = packet_of(so);
	struct sockaddr_ll sll;
	struct netif *n = NULL;

	if (len < sizeof sll)
		return -EINVAL;
	memcpy(&sll, a, sizeof sll);
	if (sll.sll_family != AF_PACKET)
		return -EINVAL;
	if (sll.sll_ifindex) {
		n = netif_by_index(sll.sll_ifindex);
		if (!n)
			return -ENODEV;
	}
	listen_to(s, sll.sll_protocol ? sll.sll_protocol : s->protocol, sll.sll_ifindex);
	if (n && !(n->flags & IFF_UP))
		socket_set_error(so, ENETDOWN, 0);
	return 0;
}

static int packet_getname(struct socket *so, struct __kernel_sockaddr_storage *a, bool peer)
{
	struct packet_sock *s = packet_of(so);
	struct sockaddr_ll sll = {
	    .sll_family = AF_PACKET, .sll_protocol = s->protocol, .sll_ifindex = s->ifindex};
	const struct netif *n = s->ifindex ? netif_by_index(s->ifindex) : NULL;

	if (peer)
		return -EOPNOTSUPP;
	if (n) {
		sll.sll_hatype = n->type;
		sll.sll_halen = ETH_ALEN;
		memcpy(sll.sll_addr, n->mac, ETH_ALEN);
	}
	memset(a, 0, sizeof *a);
	memcpy(a, &sll, sizeof sll);
	return (int)(offsetof(struct sockaddr_ll, sll_addr) + sll.sll_halen);
}

static uint8_t packet_type(const struct packet *p, bool outgoing)
{
	if (outgoing)
		return PACKET_OUTGOING;
	/* Loopback's broadcast address is all zeroes. */
	bool loopback = p->netif->flags & IFF_LOOPBACK;
	return p->broadcast    ? (loopback ? PACKET_MULTICAST : PACKET_BROADCAST)
	       : p->multicast  ? PACKET_MULTICAST
	       : p->other_host ? PACKET_OTHERHOST
			       : PACKET_HOST;
}

/* What the socket is told about a frame; in cb of the queued packet. */
struct frame_note {
	uint32_t original; /* length before the filter cut it */
	uint8_t type;
	bool partial; /* the transport checksum is not complete */
	bool verified;
};
_Static_assert(sizeof(struct frame_note) <= sizeof((struct packet *)0)->cb, "fits");

static struct frame_note *note_of(struct packet *p)
{
	return (struct frame_note *)(void *)p->cb;
}

/* Queues one frame. shared: nobody else will change its bytes, so they need not be copied. */
static void deliver(struct packet_sock *s, const struct packet *p, uint8_t type, bool shared)
{
	bool cooked = s->so.type == SOCK_DGRAM;
	struct bpf_context c = {
	    .p = p, .data = cooked ? LINK_HEADER : 0, .frame = true, .pkttype = type};
	uint32_t snap = bpf_filter(&s->so, &c);

	if (!snap)
		return;
	if (s->queued_bytes >= s->so.rcvbuf || packet_memory_pressure()) {
		s->dropped++;
		s->so.drops++;
		return;
	}
	struct packet *copy = shared ? packet_clone(p, 0) : packet_copy(p);
	if (!copy) {
		s->dropped++;
		s->so.drops++;
		return;
	}
	struct frame_note *note = note_of(copy);
	uint32_t len = p->len - c.data;
	*note = (struct frame_note){.original = len,
				    .type = type,
				    .partial = p->csum == CSUM_PARTIAL,
				    .verified = p->csum == CSUM_VERIFIED};
	copy->l2 = copy->data;
	if (cooked)
		packet_pull(copy, LINK_HEADER);
	if (snap < len)
		packet_trim(copy, snap);
	copy->netif = p->netif;
	if (!copy->timestamp)
		copy->timestamp = clock_realtime();
	s->received++;
	s->queued_bytes += copy->truesize;
	list_add_tail(&s->queue, &copy->link);
	socket_wake(&s->so, EPOLLIN | EPOLLRDNORM);
}

static void deliver_all(struct netif *n, const struct packet *p, bool outgoing, bool shared)
{
	uint8_t type = packet_type(p, outgoing);

	list_for_each_entry (s, &listeners, struct packet_sock, tap_link) {
		bool all = s->protocol == hton16(ETH_P_ALL);
		if (s->ifindex && s->ifindex != n->index)
			continue;
		if (outgoing && (!all || s->ignore_outgoing || s == packet_sender))
			continue;
		if (all || s->protocol == p->ethertype)
			deliver(s, p, type, shared);
	}
}

/*
 * Frames of an interface that belongs to the program (n->raw) are made such as came over a wire:
 * checksums complete, no longer than the MTU. A stack written in Go cannot know what a host's
 * kernel left undone; on other interfaces frames are shown as they are, as on Linux.
 */
static void deliver_as_on_wire(struct netif *n, const struct packet *p)
{
	struct packet *copy = packet_copy(p);
	struct list segments;

	if (!copy)
		return;
	if (!copy->gso) {
		if (packet_finish_csum(copy) == 0)
			deliver_all(n, copy, false, true);
		packet_free(copy);
		return;
	}
	if (packet_segment(copy, false, &segments))
		return;
	list_for_each_entry_safe (s, &segments, struct packet, link) {
		list_remove(&s->link);
		s->netif = n;
		s->ethertype = p->ethertype;
		deliver_all(n, s, false, true);
		packet_free(s);
	}
}

void packet_socket_tap(struct netif *n, const struct packet *p, bool outgoing)
{
	if (p->len < LINK_HEADER || packet_linear(p) < LINK_HEADER)
		return;
	if (n->raw && !outgoing && (p->gso || p->csum == CSUM_PARTIAL))
		deliver_as_on_wire(n, p);
	else
		deliver_all(n, p, outgoing, n->raw && !outgoing);
}

static void put_timestamps(struct socket *so, struct socket_msg *m, const struct packet *p)
{
	int64_t t[6] = {(int64_t)(p->timestamp / 1000000000u),
			(int64_t)(p->timestamp % 1000000000u)};

	if (so->want_stamp)
		so->stamp = p->timestamp;
	if (so->timestampns)
		cmsg_put(m, SOL_SOCKET, SO_TIMESTAMPNS_OLD, t, 16);
	if (so->timestamping)
		cmsg_put(m, SOL_SOCKET, SO_TIMESTAMPING_OLD, t, sizeof t);
	t[1] /= 1000;
	if (so->timestamp)
		cmsg_put(m, SOL_SOCKET, SO_TIMESTAMP_OLD, t, 16);
}

static void put_notes(struct packet_sock *s, struct socket_msg *m, struct packet *p)
{
	const struct frame_note *note = note_of(p);

	if (m->control_size)
		put_timestamps(&s->so, m, p);
	if (s->so.rxq_ovfl)
		cmsg_put(m, SOL_SOCKET, SO_RXQ_OVFL, &s->so.drops, sizeof s->so.drops);
	if (s->auxdata) {
		struct tpacket_auxdata aux = {.tp_status = TP_STATUS_USER |
							   (note->partial ? TP_STATUS_CSUMNOTREADY
							    : note->verified ? TP_STATUS_CSUM_VALID
									     : 0),
					      .tp_len = note->original,
					      .tp_snaplen = p->len,
					      .tp_net = s->so.type == SOCK_DGRAM ? 0 : LINK_HEADER};
		cmsg_put(m, SOL_PACKET, PACKET_AUXDATA, &aux, sizeof aux);
	}
}

static long packet_recvmsg(struct socket *so, struct socket_msg *m)
{
	struct packet_sock *s = packet_of(so);
	unsigned flags = m->flags;

	m->flags = 0;
	m->name_len = 0;
	if (flags & ~(unsigned)(MSG_PEEK | MSG_DONTWAIT | MSG_TRUNC | MSG_ERRQUEUE))
		return -EINVAL;
	if (flags & MSG_ERRQUEUE)
		return -EAGAIN; /* nothing is ever put there */
	if (so->error)
		return socket_error(so);
	if (list_empty(&s->queue))
		return -EAGAIN;
	struct packet *p = list_entry(s->queue.next, struct packet, link);
	uint32_t n = p->len < m->uio->left ? p->len : (uint32_t)m->uio->left;
	bool fault = packet_read_uio(p, 0, m->uio, n) != n;
	long result = fault ? -EFAULT : flags & MSG_TRUNC ? (long)p->len : (long)n;
	if (n < p->len)
		m->flags |= MSG_TRUNC;
	struct sockaddr_ll sll = {.sll_family = AF_PACKET,
				  .sll_protocol = p->ethertype,
				  .sll_ifindex = p->netif->index,
				  .sll_hatype = p->netif->type,
				  .sll_pkttype = note_of(p)->type,
				  .sll_halen = ETH_ALEN};
	memcpy(sll.sll_addr, p->l2 + ETH_ALEN, ETH_ALEN);
	memcpy(&m->name, &sll, sizeof sll);
	m->name_len = sizeof sll;
	put_notes(s, m, p);
	if (!(flags & MSG_PEEK)) {
		s->queued_bytes -= p->truesize;
		list_remove(&p->link);
		packet_free(p);
	}
	return result;
}

static uint32_t packet_poll(struct socket *so)
{
	struct packet_sock *s = packet_of(so);
	uint32_t events = EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;

	if (!list_empty(&s->queue))
		events |= EPOLLIN | EPOLLRDNORM;
	if (so->error)
		events |= EPOLLERR;
	return events;
}

static int packet_ioctl(struct socket *so, unsigned cmd, uintptr_t arg)
{
	struct packet_sock *s = packet_of(so);
	uint32_t n = 0;

	if (cmd == SIOCOUTQ)
		return put_user_u32(arg, 0); /* frames are the driver's at once */
	if (cmd != SIOCINQ)
		return -ENOTTY;
	if (!list_empty(&s->queue))
		n = list_entry(s->queue.next, struct packet, link)->len;
	return put_user_u32(arg, n);
}

static const struct proto packet_raw = {.name = "PACKET",
					.family = AF_PACKET,
					.type = SOCK_RAW,
					.size = sizeof(struct packet_sock),
					.create = packet_create,
					.release = packet_release,
					.bind = packet_bind,
					.getname = packet_getname,
					.sendmsg = packet_sendmsg,
					.recvmsg = packet_recvmsg,
					.poll = packet_poll,
					.setsockopt = packet_setsockopt,
					.getsockopt = packet_getsockopt,
					.ioctl = packet_ioctl};
static struct proto packet_dgram;

void packet_socket_init(void)
{
	packet_dgram = packet_raw;
	packet_dgram.type = SOCK_DGRAM;
	socket_register(&packet_raw);
	socket_register(&packet_dgram);
}
