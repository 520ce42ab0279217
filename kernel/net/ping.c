/*
 * Ping sockets: SOCK_DGRAM with IPPROTO_ICMP or IPPROTO_ICMPV6 (icmp(7)). The program writes echo
 * requests, whose identifier is the socket's port, and reads the replies to them. Anybody may have
 * them here (ping_group_range "0 2147483647").
 */
#include <asm/errno.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/in.h>
#include "lib/random.h"
#include "lib/string.h"
#include "net/checksum.h"
#include "net/netif.h"
#include "net/raw.h"

#define ECHO_HEADER 8u
#define EXT_ECHO4   42 /* RFC 8335 */
#define EXT_ECHO6   160

static struct list ping_sockets = LIST_INIT(ping_sockets);

static int ping_create(struct socket *so, int protocol)
{
	(void)protocol;
	dgram_init_sock(dgram_of(so), so->family);
	so->reuseaddr = true;
	list_add_tail(&ping_sockets, &raw_of(so)->link);
	return 0;
}

static void ping_release(struct socket *so)
{
	list_remove(&raw_of(so)->link);
	dgram_destroy(dgram_of(so));
}

/* share: SO_REUSEADDR on both sides makes an identifier free for others. */
static bool taken(const struct inet_sock *s, uint16_t id, bool share)
{
	list_for_each_entry (r, &ping_sockets, struct raw_sock, link) {
		const struct inet_sock *o = &r->d.in;
		if (o != s && o->local_port == id && !(share && o->so.reuseaddr && s->so.reuseaddr))
			return true;
	}
	return false;
}

/* An identifier that no other has, from a random start. */
static int choose_id(struct inet_sock *s)
{
	uint16_t id;
	if (s->local_port)
		return 0;
	random_bytes(&id, sizeof id);
	for (unsigned i = 0; i < 65536; i++, id++)
		if (id && !taken(s, id, false)) {
			s->local_port = id;
			return 0;
		}
	return -EAGAIN;
}

static int ping_bind(struct socket *so, const struct __kernel_sockaddr_storage *a, unsigned len)
{
	struct dgram_sock *d = dgram_of(so);
	struct ip_addr addr;
	uint16_t port;
	int err = raw_bind_name(&d->in, a, len, &addr, &port);

	if (err)
		return err;
	if (d->in.local_port)
		return -EINVAL;
	if (port && taken(&d->in, port, true))
		return -EADDRINUSE;
	if (port)
		d->in.local_port = port;
	else
		err = choose_id(&d->in);
	if (err)
		return -EADDRINUSE;
	d->port_bound = true;
	d->in.local = addr;
	d->addr_bound = !ip_is_any(&addr);
	d->in.bound = true;
	d->in.route.generation = 0;
	return 0;
}

static int ping_connect(struct socket *so, const struct __kernel_sockaddr_storage *a, unsigned len)
{
	int err = a->ss_family == AF_UNSPEC ? 0 : choose_id(inet_of(so));
	if (err)
		return err;
	err = raw_connect(so, a, len);
	if (a->ss_family == AF_UNSPEC && !dgram_of(so)->port_bound)
		inet_of(so)->local_port = 0;
	return err;
}

static bool is_request(bool v6, const uint8_t *h)
{
	return v6 ? (h[0] == ICMPV6_ECHO_REQUEST || h[0] == EXT_ECHO6) && !h[1]
		  : (h[0] == ICMP_ECHO || h[0] == EXT_ECHO4) && !h[1];
}

static long ping_sendmsg(struct socket *so, struct socket_msg *m)
{
	struct dgram_sock *d = dgram_of(so);
	struct inet_sock *s = &d->in;
	const struct route *rt;
	struct route temporary;
	struct ip_addr dst;
	struct ip_tx tx;
	uint16_t port;
	uint32_t n = (uint32_t)m->uio->left;
	int ifindex, err;

	err = choose_id(s);
	if (err)
		return err;
	if (m->uio->left > 0xffff)
		return -EMSGSIZE;
	if (n < ECHO_HEADER)
		return -EINVAL;
	if (m->flags & MSG_OOB)
		return -EOPNOTSUPP;
	err = dgram_destination(d, m, &dst, &port, &ifindex);
	if (err)
		return err;
	if (s->v6 == ip_is_v4(&dst))
		return -EINVAL;
	err = dgram_prepare(d, m, &dst, ifindex, (uint8_t)so->protocol, &tx, &temporary, &rt);
	if (!err)
		err = dgram_check_size(d, rt, &tx, n);
	if (err)
		return err;
	if (so->shutdown & SEND_SHUTDOWN)
		return -EPIPE;
	if (so->error)
		return socket_error(so);
	struct packet *p = dgram_packet(0, m->uio, n, &err);
	if (!p)
		return err;
	if (packet_need_linear(p, ECHO_HEADER) || !is_request(s->v6, p->data)) {
		packet_free(p);
		return -EINVAL;
	}
	put_be16(p->data + 4, s->local_port);
	p->l4 = p->data;
	memset(p->data + 2, 0, 2);
	if (s->v6) {
		uint16_t sum = checksum_fold(checksum_pseudo(&tx.src, &tx.dst, IPPROTO_ICMPV6, n));
		memcpy(p->data + 2, &sum, sizeof sum);
	}
	p->csum = CSUM_PARTIAL;
	p->csum_start = p->data;
	p->csum_offset = 2;
	err = packet_finish_csum(p); /* raw sockets here may look at it */
	if (err) {
		packet_free(p);
		return err;
	}
	err = dgram_output(d, p, rt, &tx);
	return err ? err : (long)n;
}

/* The socket with this identifier that fits best: one bound to the very address first. */
static struct raw_sock *find(bool v4, uint16_t id, const struct ip_addr *local, int ifindex)
{
	struct raw_sock *found = NULL;
	list_for_each_entry (r, &ping_sockets, struct raw_sock, link) {
		const struct inet_sock *s = &r->d.in;
		if (s->local_port != id || s->v6 == v4 ||
		    (s->so.bound_ifindex && ifindex && s->so.bound_ifindex != ifindex))
			continue;
		if (ip_equal(&s->local, local))
			return r;
		if (ip_is_any(&s->local) && !found)
			found = r;
	}
	return found;
}

bool ping_input(const struct packet *p)
{
	bool v4 = ip_is_v4(&p->src);

	if (list_empty(&ping_sockets) || packet_linear(p) < ECHO_HEADER)
		return false;
	uint8_t type = p->data[0];
	if (v4 ? type != ICMP_ECHOREPLY && type != EXT_ECHO4 + 1
	       : type != ICMPV6_ECHO_REPLY && type != EXT_ECHO6 + 1)
		return false;
	struct raw_sock *r = find(v4, get_be16(p->data + 4), &p->dst, p->netif->index);
	if (!r)
		return false;
	struct packet *q = dgram_room(&r->d) ? raw_copy(p, 0) : NULL;
	if (q && dgram_filter(&r->d, q, ECHO_HEADER))
		dgram_queue(&r->d, q);
	else
		packet_free(q);
	return true;
}

/* An error about an echo request of one of ours. */
void ping_icmp_error(const struct icmp_error *e)
{
	bool v4 = ip_is_v4(&e->remote);

	if (e->protocol != (v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6) || e->payload_len < ECHO_HEADER ||
	    !is_request(!v4, e->payload))
		return;
	struct raw_sock *r = find(v4, get_be16(e->payload + 4), &e->local, 0);
	if (!r)
		return;
	struct inet_sock *s = &r->d.in;
	bool queue = v4 ? s->recverr : s->recverr6;
	bool hard = e->hard ||
		    (e->error == EMSGSIZE && (v4 ? s->pmtudisc : s->pmtudisc6) != IP_PMTUDISC_DONT);
	if (queue)
		inet_queue_error(s, e);
	else if (!hard || !s->connected)
		return;
	socket_set_error(&s->so, e->error, 0);
}

#define PING_PROTO(fam, proto_number, text)                                                        \
	{                                                                                          \
		.name = text, .family = fam, .type = SOCK_DGRAM, .protocol = proto_number,         \
		.size = sizeof(struct raw_sock), .create = ping_create, .release = ping_release,   \
		.bind = ping_bind, .connect = ping_connect, .shutdown = dgram_shutdown,            \
		.getname = inet_getname, .sendmsg = ping_sendmsg, .recvmsg = raw_recvmsg,          \
		.poll = dgram_poll, .setsockopt = dgram_setsockopt,                                \
		.getsockopt = dgram_getsockopt, .ioctl = raw_ioctl                                 \
	}

static const struct proto ping_proto = PING_PROTO(AF_INET, IPPROTO_ICMP, "PING");
static const struct proto ping6_proto = PING_PROTO(AF_INET6, IPPROTO_ICMPV6, "PINGv6");

void ping_init(void)
{
	socket_register(&ping_proto);
	socket_register(&ping6_proto);
}
