/* UDP, receiving: checksums, finding sockets, ICMP errors, coalescing (UDP_GRO). */
#include <asm/errno.h>
#include <linux/eventpoll.h>
#include <linux/icmp.h>
#include <linux/in.h>
#include <linux/udp.h>
#include "lib/string.h"
#include "net/checksum.h"
#include "net/netif.h"
#include "net/udp.h"

#define GRO_MAX_BYTES 65000u

/* What a packet carries while it waits on a socket; beside cb[0], the datagram layer's. */
struct udp_cb {
	uint64_t dgram;
	uint16_t sport;
	uint16_t segment; /* payload bytes of each datagram but the last; 0: one datagram */
	bool closed;	  /* a shorter one came: no more to be added */
};

static struct udp_cb *cb_of(struct packet *p)
{
	return (struct udp_cb *)(void *)p->cb;
}
_Static_assert(sizeof(struct udp_cb) <= sizeof(((struct packet *)0)->cb), "cb");

/* True if the checksum is right, or need not be. */
static bool checksum_ok(const struct packet *p, const struct udphdr *h, uint32_t len)
{
	if (p->csum == CSUM_VERIFIED || p->csum == CSUM_PARTIAL || (!h->check && ip_is_v4(&p->src)))
		return true;
	uint64_t pseudo = checksum_pseudo(&p->src, &p->dst, IPPROTO_UDP, len);
	return packet_sum(p, 0, len, checksum_fold(pseudo)) == 0xffff;
}

/*
 * UDP_GRO: adds p to the packet that waits last on u, if it is of the same flow, as long, and
 * marked alike. Takes p and answers true then.
 */
static bool coalesce(struct udp_sock *u, struct packet *p)
{
	struct dgram_sock *d = &u->d;
	if (list_empty(&d->rx) || !p->len || p->gso)
		return false;
	struct packet *last = list_entry(d->rx.prev, struct packet, link);
	struct udp_cb *c = cb_of(last), *mine = cb_of(p);
	uint32_t segment = c->segment ? c->segment : last->len;

	if (c->closed || c->sport != mine->sport || p->len > segment || last->tos != p->tos ||
	    last->ttl != p->ttl || last->netif != p->netif || last->len + p->len > GRO_MAX_BYTES ||
	    last->nfrags + p->nfrags + 1 > PACKET_MAX_FRAGS || !ip_equal(&last->src, &p->src) ||
	    !ip_equal(&last->dst, &p->dst) || last->ip_options || p->ip_options)
		return false;
	uint32_t charge = dgram_charge(p);
	if (packet_linear(p) &&
	    packet_add_frag(last, netbuf_get(p->buf), (uint32_t)(p->data - p->buf->data),
			    packet_linear(p)))
		return false;
	for (unsigned i = 0; i < p->nfrags; i++)
		packet_add_frag(last, netbuf_get(p->frags[i].buf), p->frags[i].offset,
				p->frags[i].len);
	c->segment = (uint16_t)segment;
	c->closed = p->len < segment;
	last->truesize += charge;
	d->rx_bytes += charge;
	packet_free(p);
	socket_wake(&d->in.so, EPOLLIN | EPOLLRDNORM);
	return true;
}

/* Gives one datagram (data at its payload) to u; takes it. */
static void queue_one(struct udp_sock *u, struct packet *p, uint16_t sport)
{
	struct udp_stats *stats = ip_is_v4(&p->src) ? &udp_stats4 : &udp_stats6;
	struct udp_cb *c = cb_of(p);

	if (!dgram_room(&u->d)) {
		stats->rcvbuf_errors++;
		stats->in_errors++;
		packet_free(p);
		return;
	}
	stats->in++;
	*c = (struct udp_cb){.sport = sport};
	if (p->gso) {
		c->segment = p->gso_size;
		c->closed = true;
	}
	if (!u->gro || !coalesce(u, p))
		dgram_queue(&u->d, p);
}

/* A packet of several datagrams, for a socket that wants them one by one. */
static void queue_segments(struct udp_sock *u, struct packet *p, uint16_t sport)
{
	for (uint32_t at = 0; at < p->len; at += p->gso_size) {
		uint32_t n = p->len - at < p->gso_size ? p->len - at : p->gso_size;
		struct packet *q = packet_alloc(n);
		if (!q)
			break;
		packet_read(p, at, packet_put(q, n), n);
		q->netif = p->netif;
		q->src = p->src;
		q->dst = p->dst;
		q->protocol = p->protocol;
		q->ttl = p->ttl;
		q->tos = p->tos;
		q->multicast = p->multicast;
		q->broadcast = p->broadcast;
		q->timestamp = p->timestamp;
		q->l3 = q->l4 = NULL;
		queue_one(u, q, sport);
	}
	packet_free(p);
}

/* Takes p, data at the UDP header. */
static void deliver(struct udp_sock *u, struct packet *p)
{
	uint16_t sport = get_be16(p->data);
	if (!ip_is_v4(&p->src) && !get_be16(p->data + 6) && p->csum == CSUM_NONE &&
	    !u->no_check6_rx) { /* RFC 8200, 8.1: zero is no checksum here */
		udp_stats6.csum_errors++;
		udp_stats6.in_errors++;
		packet_free(p);
		return;
	}
	if (!dgram_filter(&u->d, p, UDP_HEADER)) {
		packet_free(p);
		return;
	}
	packet_pull(p, UDP_HEADER);
	if (p->gso && p->gso_size && !u->gro)
		queue_segments(u, p, sport);
	else
		queue_one(u, p, sport);
}

static bool multicast_match(const struct inet_sock *s, const struct packet *p, uint16_t sport,
			    uint16_t dport)
{
	if (s->local_port != dport)
		return false;
	if (s->so.bound_ifindex && s->so.bound_ifindex != p->netif->index)
		return false;
	bool v4 = ip_is_v4(&p->dst);
	if (ip_is_any(&s->local)) {
		if (ip_is_v4(&s->local) ? !v4 : v4 && s->v6only)
			return false;
	} else if (!ip_equal(&s->local, &p->dst)) {
		return false;
	}
	if (s->connected &&
	    ((s->remote_port && s->remote_port != sport) || !ip_equal(&s->remote, &p->src)))
		return false;
	return inet_mcast_wanted(s, p);
}

/* Multicasts and broadcasts go to all who want them. Takes p. */
static void deliver_many(struct packet *p, uint16_t sport, uint16_t dport)
{
	struct list *bucket = &udp_table.bind[dport % INET_BIND_BUCKETS];
	struct inet_sock *found = NULL;

	list_for_each_entry (s, bucket, struct inet_sock, bind_link) {
		if (!multicast_match(s, p, sport, dport))
			continue;
		if (found) {
			struct packet *copy = packet_clone(p, UDP_HEADER);
			if (copy)
				deliver(udp_of(&found->so), copy);
		}
		found = s;
	}
	if (found) {
		deliver(udp_of(&found->so), p);
		return;
	}
	(ip_is_v4(&p->src) ? &udp_stats4 : &udp_stats6)->ignored_multi++;
	packet_free(p);
}

void udp_input(struct packet *p)
{
	const struct udphdr *h = (const void *)p->data;
	uint16_t sport = get_be16(&h->source), dport = get_be16(&h->dest);
	uint32_t len = get_be16(&h->len);
	struct udp_stats *stats = ip_is_v4(&p->src) ? &udp_stats4 : &udp_stats6;

	if (len < UDP_HEADER || len > p->len || !dport) {
		stats->in_errors++;
		packet_free(p);
		return;
	}
	if (len < p->len)
		packet_trim(p, len);
	if (!checksum_ok(p, h, len) && (h->check || ip_is_v4(&p->src))) {
		stats->csum_errors++;
		stats->in_errors++;
		packet_free(p);
		return;
	}
	if (ip_is_multicast(&p->dst) || inet_is_broadcast(p->netif, &p->dst)) {
		deliver_many(p, sport, dport);
		return;
	}
	int ifindex = p->netif->index;
	struct inet_sock *s =
	    inet_lookup_connected(&udp_table, &p->dst, dport, &p->src, sport, ifindex);
	if (!s)
		s = inet_lookup_bound(&udp_table, &p->dst, dport, &p->src, sport, ifindex, NULL);
	if (s) {
		deliver(udp_of(&s->so), p);
		return;
	}
	stats->no_ports++;
	if (!p->broadcast && !p->multicast)
		icmp_send_port_unreachable(p);
	packet_free(p);
}

long udp_recvmsg(struct socket *so, struct socket_msg *m)
{
	struct udp_sock *u = udp_of(so);
	uint32_t skip;
	long err;

	if (m->flags & MSG_ERRQUEUE)
		return inet_recv_error(&u->d.in, m);
	struct packet *p = dgram_first(&u->d, m, &skip, &err);
	if (!p)
		return err;
	const struct udp_cb *c = cb_of(p);
	m->name_len =
	    (unsigned)inet_to_sockaddr(&u->d.in, &p->src, c->sport, p->netif->index, &m->name);
	if (u->gro && c->segment) {
		int segment = c->segment;
		cmsg_put(m, SOL_UDP, UDP_GRO, &segment, sizeof segment);
	}
	return dgram_finish(&u->d, m, p, skip);
}

/* udp(7), "Error handling": a connected socket hears of errors, others with IP_RECVERR only. */
void udp_icmp_error(const struct icmp_error *e)
{
	if (e->payload_len < 4)
		return;
	uint16_t lport = get_be16(e->payload), rport = get_be16(e->payload + 2);
	struct inet_sock *s =
	    inet_lookup_connected(&udp_table, &e->local, lport, &e->remote, rport, 0);
	if (!s)
		s = inet_lookup_bound(&udp_table, &e->local, lport, &e->remote, rport, 0, NULL);
	if (!s)
		return;
	bool v4 = ip_is_v4(&e->remote), hard = e->hard;
	int how = v4 ? s->pmtudisc : s->pmtudisc6;
	if (e->error == EMSGSIZE) {
		s->route.generation = 0;
		hard = how != IP_PMTUDISC_DONT;
		if (!hard)
			return;
	}
	bool queued = v4 ? s->recverr : s->recverr6;
	if (queued)
		inet_queue_error(s, e);
	else if (!hard || !s->connected)
		return;
	socket_set_error(&s->so, e->error, 0);
}
