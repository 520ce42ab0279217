/* The queue of errors (IP_RECVERR, IPV6_RECVERR; ip(7), "MSG_ERRQUEUE"): what ICMP said about
 * datagrams of a socket, and what went wrong before they left. */
#include <asm/errno.h>
#ifdef HOST_TEST
#include <time.h>
#else
#include <linux/time.h>
#endif
#include <linux/errqueue.h>
#include <linux/eventpoll.h>
#include <linux/in.h>
#include <linux/in6.h>
#include "lib/string.h"
#include "net/inet.h"
#include "net/packet.h"

#define MAX_ERRORS  64u /* of one socket */
#define MAX_PAYLOAD 576u

/* Lies at the front of the packet's data; the quoted bytes follow. */
struct entry {
	struct sock_extended_err ee;
	struct ip_addr offender, dst;
	uint16_t port;
};

static struct entry *entry_of(const struct packet *p)
{
	return (struct entry *)(void *)p->data;
}

void inet_purge_errors(struct inet_sock *s)
{
	list_for_each_entry_safe (p, &s->errors, struct packet, link) {
		list_remove(&p->link);
		packet_free(p);
	}
	s->error_count = 0;
}

static void queue_entry(struct inet_sock *s, const struct entry *e, const uint8_t *payload,
			uint32_t len)
{
	if (s->error_count >= MAX_ERRORS)
		return;
	if (len > MAX_PAYLOAD)
		len = MAX_PAYLOAD;
	struct packet *p = packet_alloc((uint32_t)sizeof *e + len);
	if (!p)
		return;
	memcpy(packet_put(p, sizeof *e), e, sizeof *e);
	if (len)
		memcpy(packet_put(p, len), payload, len);
	list_add_tail(&s->errors, &p->link);
	s->error_count++;
	socket_wake(&s->so, EPOLLERR);
}

void inet_queue_error(struct inet_sock *s, const struct icmp_error *e)
{
	bool v4 = ip_is_v4(&e->remote), ports = s->so.protocol == IPPROTO_UDP;
	uint32_t skip = ports ? 8 : 0; /* what the program sent comes after the header of UDP */
	struct entry n = {
	    .ee = {.ee_errno = (uint32_t)e->error,
		   .ee_origin = v4 ? SO_EE_ORIGIN_ICMP : SO_EE_ORIGIN_ICMP6,
		   .ee_type = e->type,
		   .ee_code = e->code,
		   .ee_info = e->error == EMSGSIZE ? e->mtu : 0},
	    .offender = e->offender,
	    .dst = e->remote,
	    .port = ports && e->payload_len >= 4 ? get_be16(e->payload + 2) : 0,
	};
	if (skip > e->payload_len)
		skip = e->payload_len;
	queue_entry(s, &n, e->payload + skip, e->payload_len - skip);
}

void inet_local_error(struct inet_sock *s, const struct ip_addr *dst, int error, uint32_t info)
{
	if (!(ip_is_v4(dst) ? s->recverr : s->recverr6))
		return;
	struct entry n = {
	    .ee = {.ee_errno = (uint32_t)error, .ee_origin = SO_EE_ORIGIN_LOCAL, .ee_info = info},
	    .dst = *dst,
	    .port = s->remote_port};
	queue_entry(s, &n, NULL, 0);
}

/* The extended error and who sent it, in the form of the socket's family. */
static void put_error(const struct inet_sock *s, struct socket_msg *m, const struct entry *e)
{
	struct {
		struct sock_extended_err ee;
		struct __kernel_sockaddr_storage offender;
	} c;
	size_t n;

	c.ee = e->ee;
	if (e->ee.ee_origin == SO_EE_ORIGIN_LOCAL) {
		n = s->v6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
		memset(&c.offender, 0, n);
	} else {
		n = (size_t)inet_to_sockaddr(s, &e->offender, 0, s->so.bound_ifindex, &c.offender);
	}
	cmsg_put(m, s->v6 ? SOL_IPV6 : SOL_IP, s->v6 ? IPV6_RECVERR : IP_RECVERR, &c,
		 sizeof c.ee + n);
}

long inet_recv_error(struct inet_sock *s, struct socket_msg *m)
{
	if (list_empty(&s->errors))
		return -EAGAIN;
	struct packet *p = list_entry(s->errors.next, struct packet, link);
	struct entry *e = entry_of(p);
	uint32_t left = p->len - (uint32_t)sizeof *e;
	uint32_t n = m->uio->left < left ? (uint32_t)m->uio->left : left;
	long r = n;

	list_remove(&p->link);
	s->error_count--;
	if (packet_read_uio(p, sizeof *e, m->uio, n) != n) {
		packet_free(p);
		return -EFAULT;
	}
	if (n < left)
		m->flags |= MSG_TRUNC;
	m->flags |= MSG_ERRQUEUE;
	m->name_len =
	    (unsigned)inet_to_sockaddr(s, &e->dst, e->port, s->so.bound_ifindex, &m->name);
	put_error(s, m, e);
	/* The pending error follows the queue. */
	s->so.error = 0;
	if (!list_empty(&s->errors)) {
		struct packet *next = list_entry(s->errors.next, struct packet, link);
		if (entry_of(next)->ee.ee_origin != SO_EE_ORIGIN_LOCAL)
			s->so.error = (int)entry_of(next)->ee.ee_errno;
		socket_wake(&s->so, EPOLLERR);
	}
	packet_free(p);
	return r;
}
