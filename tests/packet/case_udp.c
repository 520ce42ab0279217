/* UDP on the wire: RFC 768, RFC 1122 4.1, RFC 8200 8.1, RFC 8085, and what udp(7) and ip(7) add. */
#include <asm/errno.h>
#include <time.h>
#include <linux/errqueue.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include "packet.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

/* A datagram from the peer's port to ours. */
static void put_udp(uint16_t from, uint16_t to, const void *p, size_t n)
{
	uint8_t d[2048] = {0};
	struct ip_fields f = {
	    .src = peer_address(), .dst = local_address(), .protocol = 17, .ttl = 64};

	set_be16(d, from);
	set_be16(d + 2, to);
	set_be16(d + 4, (unsigned)n + 8);
	memcpy(d + 8, p, n);
	unsigned sum = pseudo_checksum(f.src, f.dst, 17, d, n + 8);
	set_be16(d + 6, sum ? sum : 0xffff);
	put_ip(f, d, n + 8);
}

/* The next datagram out, checked; its view. */
static struct ip_view next_udp(uint16_t to, size_t n)
{
	struct frame *f = AWAIT(100);
	struct ip_view v = view_ip(f);

	CHECK_EQ(v.protocol, 17);
	CHECK_EQ(be16_at(v.payload + 2), to);
	CHECK_EQ(be16_at(v.payload + 4), n + 8);
	CHECK_EQ(v.len, n + 8);
	CHECK(be16_at(v.payload + 6) != 0);
	CHECK_EQ(transport_sum(&v), 0);
	return v;
}

static int bound(uint16_t port)
{
	int fd = sk_udp();
	CHECK_EQ(sk_bind(fd, local_address(), port), 0);
	return fd;
}

static int connected(uint16_t port)
{
	int fd = sk_udp();
	CHECK_EQ(sk_connect(fd, peer_address(), port), 0);
	return fd;
}

static int level(void)
{
	return v6 ? 41 : 0;
}

CASE(udp_send, "RFC 768; RFC 6056 3.2", "a datagram has its ports, length and checksum")
{
	wanted(WANT_UDP);
	int fd = sk_udp();
	CHECK_EQ(sk_sendto(fd, "datagram", 8, 0, peer_address(), 53), 8);
	struct ip_view v = next_udp(53, 8);
	CHECK(!memcmp(v.payload + 8, "datagram", 8));
	CHECK(be16_at(v.payload) >= 32768);
	CHECK_EQ(v.ttl, 64);
	CHECK_EQ(sk_sendto(fd, "", 0, 0, peer_address(), 53), 0);
	next_udp(53, 0);
}

CASE(udp_receive, "RFC 768", "a datagram is read with its sender's name")
{
	int fd = bound(9000);
	struct address a;
	uint16_t port;
	char b[100];

	put_udp(4000, 9000, "hello", 5);
	CHECK_EQ(sk_poll(fd) & POLLIN, POLLIN);
	CHECK_EQ(sk_recvfrom(fd, b, sizeof b, 0, &a, &port), 5);
	CHECK_EQ(port, 4000);
	CHECK(!memcmp(a.b, peer_address().b, v6 ? 16 : 4));
	CHECK_EQ(sk_recvfrom(fd, b, sizeof b, 0, &a, &port), -EAGAIN);
	put_udp(4000, 9000, "", 0);
	CHECK_EQ(sk_recvfrom(fd, b, sizeof b, 0, &a, &port), 0);
}

/* As put_udp with whatever header and length. */
static void put_raw_udp(const uint8_t *d, size_t n)
{
	struct ip_fields f = {
	    .src = peer_address(), .dst = local_address(), .protocol = 17, .ttl = 64};
	put_ip(f, d, n);
}

CASE(udp_bad_checksum, "RFC 1122 4.1.3.4", "a wrong checksum is dropped in silence")
{
	int fd = bound(9000);
	uint8_t d[12] = {0, 80, 0x23, 0x28, 0, 12, 0x12, 0x34, 1, 2, 3, 4};
	wanted(WANT_ICMP | WANT_UDP);
	put_raw_udp(d, sizeof d);
	CHECK_EQ(sk_recv_bytes(fd, d, sizeof d, 0), -EAGAIN);
	NO_FRAME(50);
}

CASE(udp_zero_checksum, "RFC 768; RFC 8200 8.1", "no checksum: accepted over IPv4, never over IPv6")
{
	int fd = bound(9000);
	uint8_t d[12] = {0, 80, 0x23, 0x28, 0, 12, 0, 0, 1, 2, 3, 4}, b[20];
	put_raw_udp(d, sizeof d);
	CHECK_EQ(sk_recv_bytes(fd, b, sizeof b, 0), v6 ? -EAGAIN : 4);
	if (v6) { /* RFC 6935: unless the socket says so */
		CHECK_EQ(sk_set(fd, 17, 102, 1), 0);
		put_raw_udp(d, sizeof d);
		CHECK_EQ(sk_recv_bytes(fd, b, sizeof b, 0), 4);
	}
}

CASE(udp_length, "RFC 768; RFC 1122 4.1.1",
     "lengths that do not fit are dropped, padding is cut off")
{
	int fd = bound(9000);
	uint8_t d[20] = {0, 80, 0x23, 0x28, 0, 12, 0, 0, 1, 2, 3, 4}, b[40];
	struct ip_fields f = {
	    .src = peer_address(), .dst = local_address(), .protocol = 17, .ttl = 64};
	unsigned sum = pseudo_checksum(f.src, f.dst, 17, d, 12);

	set_be16(d + 6, sum);
	put_ip(f, d, 20); /* 8 bytes more than UDP says */
	CHECK_EQ(sk_recv_bytes(fd, b, sizeof b, 0), 4);
	set_be16(d + 4, 21); /* more than there is */
	put_ip(f, d, 20);
	set_be16(d + 4, 7);
	put_ip(f, d, 20);
	set_be16(d + 4, 0);
	put_ip(f, d, 20);
	put_ip(f, d, 7);
	put_ip(f, d, 0);
	CHECK_EQ(sk_recv_bytes(fd, b, sizeof b, 0), -EAGAIN);
}

CASE(udp_port_unreachable, "RFC 1122 4.1.3.1; RFC 4443 3.1",
     "nobody there: port unreachable, quoting it")
{
	wanted(WANT_ICMP);
	put_udp(4000, 9999, "anyone?", 7);
	struct ip_view v = view_ip(AWAIT(10));
	CHECK_EQ(v.protocol, v6 ? 58 : 1);
	CHECK_EQ(v.payload[0], v6 ? 1 : 3);
	CHECK_EQ(v.payload[1], v6 ? 4 : 3);
	const uint8_t *quoted = v.payload + 8 + (v6 ? 40 : 20);
	CHECK_EQ(be16_at(quoted), 4000);
	CHECK_EQ(be16_at(quoted + 2), 9999);
	put_udp(4000, 0, "port 0", 6);
	NO_FRAME(50);
}

/* An ICMP error that quotes a datagram from our port to the peer's. */
static void put_error(unsigned type, unsigned code, uint32_t info, uint16_t lport, uint16_t rport,
		      const void *p, size_t n)
{
	uint8_t d[1300] = {0};
	size_t ip = v6 ? 40 : 20;
	struct address l = local_address(), r = peer_address();
	struct ip_fields f = {.src = r, .dst = l, .protocol = v6 ? 58 : 1, .ttl = 64};

	d[0] = (uint8_t)type;
	d[1] = (uint8_t)code;
	set_be32(d + 4, info);
	uint8_t *q = d + 8;
	if (v6) {
		q[0] = 0x60;
		set_be16(q + 4, (unsigned)n + 8);
		q[6] = 17;
		q[7] = 64;
		memcpy(q + 8, l.b, 16);
		memcpy(q + 24, r.b, 16);
	} else {
		q[0] = 0x45;
		set_be16(q + 2, (unsigned)n + 28);
		q[8] = 64;
		q[9] = 17;
		memcpy(q + 12, l.b, 4);
		memcpy(q + 16, r.b, 4);
	}
	set_be16(q + ip, lport);
	set_be16(q + ip + 2, rport);
	set_be16(q + ip + 4, (unsigned)n + 8);
	memcpy(q + ip + 8, p, n);
	size_t len = 8 + ip + 8 + n;
	set_be16(d + 2, v6 ? pseudo_checksum(f.src, f.dst, 58, d, len)
			   : (unsigned)(uint16_t)~inet_sum(d, len, 0));
	put_ip(f, d, len);
}

static void put_refused(uint16_t lport, uint16_t rport)
{
	put_error(v6 ? 1 : 3, v6 ? 4 : 3, 0, lport, rport, "payload", 7);
}

CASE(udp_refused, "RFC 1122 4.1.3.3", "port unreachable reaches a connected socket, once")
{
	struct address a;
	uint16_t port;
	int fd = connected(53), other = sk_udp();

	CHECK_EQ(sk_bind(other, local_address(), 9001), 0);
	CHECK_EQ(sk_name(fd, false, &a, &port), 0);
	int w = sk_watch(fd);
	sk_edges(w);
	put_refused(port, 53);
	CHECK(sk_edges(w) & POLLERR);
	CHECK_EQ(sk_recv_bytes(fd, &a, 10, 0), -ECONNREFUSED);
	CHECK_EQ(sk_recv_bytes(fd, &a, 10, 0), -EAGAIN);
	put_refused(port, 54); /* about another peer */
	put_refused(9001, 53); /* to a socket without one */
	CHECK_EQ(sk_poll(fd) & POLLERR, 0);
	CHECK_EQ(sk_poll(other) & POLLERR, 0);
	put_refused(port, 53);
	CHECK_EQ(sk_send_bytes(fd, "x", 1, 0), -ECONNREFUSED);
	CHECK_EQ(sk_error(fd), 0);
}

CASE(udp_error_queue, "ip(7) IP_RECVERR; RFC 3542 is silent",
     "errors are queued with their details and bounded")
{
	struct address a;
	uint16_t port;
	char b[100], control[200];
	int fd = connected(53);

	CHECK_EQ(sk_set(fd, level(), v6 ? 25 : 11, 1), 0);
	CHECK_EQ(sk_name(fd, false, &a, &port), 0);
	for (int i = 0; i < 10000; i++)
		put_refused(port, 53);
	CHECK(packet_bytes() < 1 << 20);
	struct iovec io = {b, sizeof b};
	struct msghdr m = {.msg_iov = &io,
			   .msg_iovlen = 1,
			   .msg_control = control,
			   .msg_controllen = sizeof control};
	CHECK_EQ(sk_recvmsg(fd, &m, MSG_ERRQUEUE), 7);
	CHECK(!memcmp(b, "payload", 7));
	CHECK(m.msg_flags & MSG_ERRQUEUE);
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);
	CHECK(h && h->cmsg_level == level() && h->cmsg_type == (v6 ? 25 : 11));
	const struct sock_extended_err *ee = (const void *)CMSG_DATA(h);
	CHECK_EQ(ee->ee_errno, ECONNREFUSED);
	CHECK_EQ(ee->ee_origin, v6 ? SO_EE_ORIGIN_ICMP6 : SO_EE_ORIGIN_ICMP);
	CHECK_EQ(ee->ee_type, v6 ? 1 : 3);
	int n = 1;
	for (;; n++) {
		m.msg_controllen = sizeof control;
		if (sk_recvmsg(fd, &m, MSG_ERRQUEUE) < 0)
			break;
	}
	CHECK_RANGE(n, 2, 1000);
	CHECK_EQ(sk_error(fd), 0);
}

CASE(udp_flood, "RFC 8085 3.1.10; socket(7) SO_RCVBUF",
     "what nobody reads is bounded, dropped and counted")
{
	int fd = bound(9000), v;
	uint8_t b[2000], control[100];
	CHECK_EQ(sk_set(fd, SOL_SOCKET, SO_RXQ_OVFL, 1), 0);
	memset(b, 7, sizeof b);
	for (int i = 0; i < 20000; i++)
		put_udp(4000, 9000, b, 64);
	CHECK(packet_bytes() < 4 << 20);
	struct iovec io = {b, sizeof b};
	int n = 0;
	while (sk_recv_bytes(fd, b, sizeof b, 0) == 64)
		n++;
	CHECK_RANGE(n, 50, 10000);
	put_udp(4000, 9000, b, 64);
	struct msghdr m = {.msg_iov = &io,
			   .msg_iovlen = 1,
			   .msg_control = control,
			   .msg_controllen = sizeof control};
	CHECK_EQ(sk_recvmsg(fd, &m, 0), 64);
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);
	CHECK(h && h->cmsg_type == SO_RXQ_OVFL);
	memcpy(&v, CMSG_DATA(h), sizeof v);
	CHECK_EQ(v, 20000 - n);
}

CASE(udp_fragments, "RFC 791 3.2; RFC 8200 4.5; RFC 1191",
     "a large datagram leaves in fragments that add up")
{
	static uint8_t b[5000];
	size_t got = 0;
	wanted(WANT_UDP | WANT_IP);
	int fd = sk_udp();
	for (size_t i = 0; i < sizeof b; i++)
		b[i] = (uint8_t)i;
	CHECK_EQ(sk_sendto(fd, b, sizeof b, 0, peer_address(), 53), (long)sizeof b);
	struct frame *f = AWAIT(100);
	for (; f; f = get_frame()) {
		struct ip_view v = view_ip(f);
		CHECK(f->len <= 1514);
		if (!v6)
			CHECK_EQ(v.frag & 0x4000, 0);
		got += v.len - (v6 && v.protocol == 44 ? 8 : 0);
	}
	CHECK_EQ(got, sizeof b + 8);
	CHECK_EQ(sk_set(fd, level(), v6 ? 23 : 10, 2), 0); /* PMTUDISC_DO */
	CHECK_EQ(sk_sendto(fd, b, sizeof b, 0, peer_address(), 53), -EMSGSIZE);
	size_t most = 1500 - (v6 ? 48 : 28);
	CHECK_EQ(sk_sendto(fd, b, most, 0, peer_address(), 53), (long)most);
	next_udp(53, most);
	CHECK_EQ(sk_sendto(fd, b, most + 1, 0, peer_address(), 53), -EMSGSIZE);
}

CASE(udp_path_mtu, "RFC 1191 6.3; RFC 8201 5.2", "a smaller path MTU is learnt, told and kept to")
{
	static uint8_t b[1400];
	struct address a;
	uint16_t port;
	wanted(WANT_UDP);
	int fd = connected(53);
	CHECK_EQ(sk_set(fd, level(), v6 ? 23 : 10, 2), 0);
	CHECK_EQ(sk_name(fd, false, &a, &port), 0);
	CHECK_EQ(sk_send_bytes(fd, b, 1400, 0), 1400);
	next_udp(53, 1400);
	put_error(v6 ? 2 : 3, v6 ? 0 : 4, 1300, port, 53, b, 200);
	CHECK_EQ(sk_send_bytes(fd, b, 1400, 0), -EMSGSIZE);
	CHECK_EQ(sk_get(fd, level(), v6 ? 24 : 14), 1300);
	CHECK_EQ(sk_send_bytes(fd, b, 1000, 0), 1000);
	next_udp(53, 1000);
}

CASE(udp_segment, "udp(7) UDP_SEGMENT", "one send, several datagrams, each complete")
{
	static uint8_t b[3500];
	wanted(WANT_UDP);
	int fd = connected(53);
	for (size_t i = 0; i < sizeof b; i++)
		b[i] = (uint8_t)(i / 1000);
	CHECK_EQ(sk_set(fd, 17, UDP_SEGMENT, 1000), 0);
	CHECK_EQ(sk_send_bytes(fd, b, sizeof b, 0), (long)sizeof b);
	for (unsigned i = 0; i < 4; i++) {
		struct ip_view v = next_udp(53, i < 3 ? 1000 : 500);
		CHECK_EQ(v.payload[8], i);
		CHECK_EQ(v.payload[8 + (i < 3 ? 999 : 499)], i);
	}
	CHECK_EQ(sk_set(fd, 17, UDP_SEGMENT, 1480), 0);
	CHECK_EQ(sk_send_bytes(fd, b, sizeof b, 0), -EINVAL); /* longer than the path takes */
}

static long recv_gro(int fd, int *segment)
{
	static char b[65536];
	char control[100];
	struct iovec io = {b, sizeof b};
	struct msghdr m = {.msg_iov = &io,
			   .msg_iovlen = 1,
			   .msg_control = control,
			   .msg_controllen = sizeof control};
	long n = sk_recvmsg(fd, &m, 0);
	struct cmsghdr *h = n >= 0 ? CMSG_FIRSTHDR(&m) : NULL;
	*segment = 0;
	if (h && h->cmsg_level == 17 && h->cmsg_type == UDP_GRO)
		memcpy(segment, CMSG_DATA(h), sizeof *segment);
	return n;
}

CASE(udp_gro, "udp(7) UDP_GRO", "datagrams of a flow are read together, others apart")
{
	char b[1200];
	int fd = bound(9000), s;
	memset(b, 1, sizeof b);
	CHECK_EQ(sk_set(fd, 17, UDP_GRO, 1), 0);
	batch_begin();
	for (int i = 0; i < 5; i++)
		put_udp(4000, 9000, b, 1000);
	put_udp(4000, 9000, b, 300); /* ends the row */
	put_udp(4000, 9000, b, 300);
	put_udp(4001, 9000, b, 300); /* another flow */
	put_udp(4001, 9000, b, 400); /* longer */
	put_udp(4001, 9000, b, 0);
	batch_end();
	CHECK_EQ(recv_gro(fd, &s), 5300);
	CHECK_EQ(s, 1000);
	CHECK_EQ(recv_gro(fd, &s), 300);
	CHECK_EQ(recv_gro(fd, &s), 300);
	CHECK_EQ(recv_gro(fd, &s), 400);
	CHECK_EQ(recv_gro(fd, &s), 0);
	CHECK_EQ(recv_gro(fd, &s), -EAGAIN);
}

CASE(udp_connected_only, "RFC 1122 4.1.3.5; connect(2)",
     "a connected socket hears its peer only; the port's other socket the rest")
{
	int any = sk_udp(), one = sk_udp();
	char b[10];
	CHECK_EQ(sk_set(any, SOL_SOCKET, SO_REUSEADDR, 1), 0);
	CHECK_EQ(sk_set(one, SOL_SOCKET, SO_REUSEADDR, 1), 0);
	CHECK_EQ(sk_bind(any, local_address(), 9000), 0);
	CHECK_EQ(sk_bind(one, local_address(), 9000), 0);
	CHECK_EQ(sk_connect(one, peer_address(), 4000), 0);
	put_udp(4000, 9000, "a", 1);
	put_udp(4001, 9000, "bb", 2);
	CHECK_EQ(sk_recv_bytes(one, b, 10, 0), 1);
	CHECK_EQ(sk_recv_bytes(one, b, 10, 0), -EAGAIN);
	CHECK_EQ(sk_recv_bytes(any, b, 10, 0), 2);
	CHECK_EQ(sk_recv_bytes(any, b, 10, 0), -EAGAIN);
}

CASE(udp_reconnect, "connect(2)", "a connect that fails leaves the old peer, a new one replaces it")
{
	char b[10];
	struct address a;
	uint16_t port;
	int fd = bound(9000);
	CHECK_EQ(sk_connect(fd, peer_address(), 4000), 0);
	CHECK(sk_connect(fd, v6 ? address6("::ffff:8.8.8.8") : address4(0xe0000001 | 0xf), 4001) <=
	      0);
	CHECK_EQ(sk_connect(fd, peer_address(), 4002), 0);
	CHECK_EQ(sk_name(fd, true, &a, &port), 0);
	CHECK_EQ(port, 4002);
	put_udp(4000, 9000, "a", 1);
	CHECK_EQ(sk_recv_bytes(fd, b, 10, 0), -EAGAIN);
	put_udp(4002, 9000, "bb", 2);
	CHECK_EQ(sk_recv_bytes(fd, b, 10, 0), 2);
	if (!v6) { /* no broadcasts without leave */
		CHECK_EQ(sk_connect(fd, address4(LOCAL4 | 255), 4003), -EACCES);
		CHECK_EQ(sk_name(fd, true, &a, &port), 0);
		CHECK_EQ(port, 4002);
		put_udp(4002, 9000, "ccc", 3);
		CHECK_EQ(sk_recv_bytes(fd, b, 10, 0), 3);
	}
}

CASE(udp_reuseport, "socket(7) SO_REUSEPORT", "a group shares the flows, each flow has one socket")
{
	int fd[4], hits[4] = {0}, first[50];
	char b[10];
	for (int i = 0; i < 4; i++) {
		fd[i] = sk_udp();
		CHECK_EQ(sk_set(fd[i], SOL_SOCKET, SO_REUSEPORT, 1), 0);
		CHECK_EQ(sk_bind(fd[i], local_address(), 9000), 0);
	}
	for (int round = 0; round < 2; round++)
		for (int flow = 0; flow < 50; flow++) {
			put_udp((uint16_t)(4000 + flow), 9000, "x", 1);
			int who = -1;
			for (int i = 0; i < 4; i++)
				if (sk_recv_bytes(fd[i], b, 10, 0) == 1)
					who = i;
			CHECK(who >= 0);
			if (!round)
				first[flow] = who;
			CHECK_EQ(who, first[flow]);
			hits[who]++;
		}
	for (int i = 0; i < 4; i++)
		CHECK(hits[i] > 4);
}

CASE(udp_hops_and_class, "RFC 1122 4.1.4; RFC 3542 6.3, 6.5; ip(7)",
     "TTL, TOS, hop limit and traffic class are what was set")
{
	wanted(WANT_UDP);
	int fd = connected(53);
	CHECK_EQ(sk_set(fd, level(), v6 ? 16 : 2, 9), 0);
	CHECK_EQ(sk_set(fd, level(), v6 ? 67 : 1, 0x28), 0);
	CHECK_EQ(sk_send_bytes(fd, "x", 1, 0), 1);
	struct ip_view v = next_udp(53, 1);
	CHECK_EQ(v.ttl, 9);
	CHECK_EQ(v.tos, 0x28);
	union {
		char room[64];
		struct cmsghdr align;
	} u;
	struct iovec io = {"y", 1};
	struct msghdr m = {
	    .msg_iov = &io, .msg_iovlen = 1, .msg_control = &u, .msg_controllen = CMSG_LEN(4)};
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);
	int ttl = 33;
	*h = (struct cmsghdr){
	    .cmsg_len = CMSG_LEN(4), .cmsg_level = level(), .cmsg_type = v6 ? 52 : 2};
	memcpy(CMSG_DATA(h), &ttl, 4);
	CHECK_EQ(sk_sendmsg(fd, &m, 0), 1);
	CHECK_EQ(next_udp(53, 1).ttl, 33);
}

CASE_FLAGS(udp_broadcast, "RFC 919 7; RFC 1122 4.1.3.6; socket(7)", ONLY_V4,
	   "broadcasts need SO_BROADCAST and reach every socket")
{
	static const uint8_t all[6] = {255, 255, 255, 255, 255, 255};
	char b[10];
	wanted(WANT_UDP | WANT_ICMP);
	int fd = sk_udp(), one = sk_udp(), two = sk_udp();
	CHECK_EQ(sk_sendto(fd, "x", 1, 0, address4(LOCAL4 | 255), 53), -EACCES);
	CHECK_EQ(sk_set(fd, SOL_SOCKET, SO_BROADCAST, 1), 0);
	CHECK_EQ(sk_sendto(fd, "x", 1, 0, address4(LOCAL4 | 255), 53), 1);
	struct frame *f = AWAIT(10);
	CHECK(!memcmp(f->data, all, 6));
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(sk_set(i ? one : two, SOL_SOCKET, SO_REUSEADDR, 1), 0);
		CHECK_EQ(sk_bind(i ? one : two, address4(0), 9000), 0);
	}
	uint8_t d[9] = {0x0f, 0xa0, 0x23, 0x28, 0, 9, 0, 0, 'x'};
	struct ip_fields in = {.src = peer_address(),
			       .dst = address4(LOCAL4 | 255),
			       .protocol = 17,
			       .ttl = 64,
			       .mac_dst = all};
	put_ip(in, d, sizeof d);
	in.dst = address4(0xffffffff);
	put_ip(in, d, sizeof d);
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(sk_recv_bytes(one, b, 10, 0), 1);
		CHECK_EQ(sk_recv_bytes(two, b, 10, 0), 1);
	}
	d[2] = 0x24; /* a port that nobody has: no answer to a broadcast */
	put_ip(in, d, sizeof d);
	NO_FRAME(50);
}

static struct address group_address(void)
{
	return v6 ? address6("ff02::4242") : address4(0xe0000190);
}

/* A datagram from the peer to a group. */
static void put_group(struct address src, uint16_t to)
{
	static const uint8_t mac4[6] = {1, 0, 0x5e, 0, 1, 0x90},
			     mac6[6] = {0x33, 0x33, 0, 0, 0x42, 0x42};
	uint8_t d[9] = {0x0f, 0xa0, 0, 0, 0, 9, 0, 0, 'm'};
	struct ip_fields f = {.src = src,
			      .dst = group_address(),
			      .protocol = 17,
			      .ttl = 1,
			      .mac_dst = v6 ? mac6 : mac4};
	set_be16(d + 2, to);
	set_be16(d + 6, pseudo_checksum(f.src, f.dst, 17, d, sizeof d));
	put_ip(f, d, sizeof d);
}

static long membership(int fd, int name4, int name6)
{
	struct address g = group_address();
	if (v6) {
		struct ipv6_mreq r = {.ipv6mr_interface = (unsigned)machine_ifindex()};
		memcpy(&r.ipv6mr_multiaddr, g.b, 16);
		return sk_set_bytes(fd, 41, name6, &r, sizeof r);
	}
	uint8_t r[8] = {0};
	memcpy(r, g.b, 4);
	set_be32(r + 4, LOCAL4);
	return sk_set_bytes(fd, 0, name4, r, sizeof r);
}

CASE(udp_multicast_receive, "RFC 1112 6.1, 7.1; RFC 3678",
     "groups are heard from joining to leaving, but for blocked sources")
{
	char b[10];
	int fd = sk_udp();
	wanted(WANT_ICMP | WANT_UDP);
	CHECK_EQ(sk_bind(fd, v6 ? address6("::") : address4(0), 9000), 0);
	put_group(peer_address(), 9000);
	CHECK_EQ(sk_recv_bytes(fd, b, 10, 0), -EAGAIN);
	CHECK_EQ(membership(fd, 35, 20), 0);
	put_group(peer_address(), 9000);
	CHECK_EQ(sk_recv_bytes(fd, b, 10, 0), 1);
	put_group(peer_address(), 9001); /* nobody: no answer */
	NO_FRAME(50);
	struct group_source_req r = {.gsr_interface = (uint32_t)machine_ifindex()};
	struct address g = group_address(), p = peer_address();
	if (v6) {
		struct sockaddr_in6 a = {.sin6_family = AF_INET6};
		memcpy(&a.sin6_addr, g.b, 16);
		memcpy(&r.gsr_group, &a, sizeof a);
		memcpy(&a.sin6_addr, p.b, 16);
		memcpy(&r.gsr_source, &a, sizeof a);
	} else {
		struct sockaddr_in a = {.sin_family = AF_INET};
		memcpy(&a.sin_addr, g.b, 4);
		memcpy(&r.gsr_group, &a, sizeof a);
		memcpy(&a.sin_addr, p.b, 4);
		memcpy(&r.gsr_source, &a, sizeof a);
	}
	CHECK_EQ(sk_set_bytes(fd, level(), 43, &r, sizeof r), 0); /* MCAST_BLOCK_SOURCE */
	put_group(peer_address(), 9000);
	CHECK_EQ(sk_recv_bytes(fd, b, 10, 0), -EAGAIN);
	CHECK_EQ(sk_set_bytes(fd, level(), 44, &r, sizeof r), 0);
	put_group(peer_address(), 9000);
	CHECK_EQ(sk_recv_bytes(fd, b, 10, 0), 1);
	CHECK_EQ(membership(fd, 36, 21), 0);
	put_group(peer_address(), 9000);
	CHECK_EQ(sk_recv_bytes(fd, b, 10, 0), -EAGAIN);
}

CASE(udp_multicast_send, "RFC 1112 6.1, 6.4; ip(7)",
     "to the group's link address, TTL 1, with a copy for members here unless told not to")
{
	char b[10];
	int fd = sk_udp(), member = sk_udp();
	wanted(WANT_UDP);
	CHECK_EQ(sk_bind(member, v6 ? address6("::") : address4(0), 9000), 0);
	CHECK_EQ(membership(member, 35, 20), 0);
	if (v6)
		CHECK_EQ(sk_set(fd, 41, 17, machine_ifindex()), 0);
	else
		CHECK_EQ(sk_set_bytes(fd, 0, 32, local_address().b, 4), 0);
	CHECK_EQ(sk_sendto(fd, "m", 1, 0, group_address(), 9000), 1);
	struct frame *f = AWAIT(10);
	struct ip_view v = view_ip(f);
	CHECK_EQ(v.ttl, 1);
	CHECK_EQ(f->data[0], v6 ? 0x33 : 1);
	run_ms(1);
	CHECK_EQ(sk_recv_bytes(member, b, 10, 0), 1);
	CHECK_EQ(sk_recv_bytes(member, b, 10, 0), -EAGAIN);
	CHECK_EQ(sk_set(fd, level(), v6 ? 19 : 34, 0), 0);
	CHECK_EQ(sk_set(fd, level(), v6 ? 18 : 33, 7), 0);
	CHECK_EQ(sk_sendto(fd, "m", 1, 0, group_address(), 9000), 1);
	v = view_ip(AWAIT(10));
	CHECK_EQ(v.ttl, 7);
	run_ms(1);
	CHECK_EQ(sk_recv_bytes(member, b, 10, 0), -EAGAIN);
}

CASE(udp_checksum_zero_sent, "RFC 768", "a checksum that comes out as 0 is sent as all ones")
{
	uint8_t b[2] = {0, 0};
	wanted(WANT_UDP);
	int fd = connected(53);
	CHECK_EQ(sk_send_bytes(fd, b, 2, 0), 2);
	struct ip_view v = next_udp(53, 2);
	unsigned sum = be16_at(v.payload + 6);
	set_be16(b, sum); /* makes the whole sum all ones, its complement 0 */
	CHECK_EQ(sk_send_bytes(fd, b, 2, 0), 2);
	v = next_udp(53, 2);
	CHECK_EQ(be16_at(v.payload + 6), 0xffff);
}

CASE(udp_cork, "udp(7) UDP_CORK; send(2) MSG_MORE", "pieces leave as one datagram")
{
	wanted(WANT_UDP);
	int fd = sk_udp();
	CHECK_EQ(sk_sendto(fd, "one ", 4, MSG_MORE, peer_address(), 53), 4);
	CHECK_EQ(sk_sendto(fd, "two ", 4, MSG_MORE, peer_address(), 53), 4);
	NO_FRAME(20);
	CHECK_EQ(sk_sendto(fd, "three", 5, 0, peer_address(), 53), 5);
	struct ip_view v = next_udp(53, 13);
	CHECK(!memcmp(v.payload + 8, "one two three", 13));
	CHECK_EQ(sk_sendto(fd, "lost", 4, MSG_MORE, peer_address(), 53), 4);
	CHECK_EQ(sk_close(fd), 0); /* and what was not finished is forgotten */
	NO_FRAME(20);
}

CASE(ping_socket, "icmp(7); RFC 792; RFC 4443 4.1",
     "a ping socket's requests bear its identifier and get their replies")
{
	struct address a;
	uint16_t id;
	uint8_t b[64] = {v6 ? 128 : 8, 0, 0, 0, 0x77, 0x77, 0, 1, 'd', 'a'};
	wanted(WANT_ICMP);
	int fd = sk(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM, v6 ? 58 : 1);
	CHECK(fd >= 0);
	CHECK_EQ(sk_sendto(fd, b, 10, 0, peer_address(), 0), 10);
	CHECK_EQ(sk_name(fd, false, &a, &id), 0);
	struct ip_view v = view_ip(AWAIT(100));
	CHECK_EQ(be16_at(v.payload + 4), id);
	CHECK_EQ(v6 ? transport_sum(&v) : (uint16_t)~inet_sum(v.payload, v.len, 0), 0);
	struct ip_fields f = {
	    .src = peer_address(), .dst = local_address(), .protocol = v6 ? 58 : 1, .ttl = 64};
	uint8_t r[10];
	memcpy(r, v.payload, 10);
	r[0] = v6 ? 129 : 0;
	set_be16(r + 2, 0);
	set_be16(r + 2, v6 ? pseudo_checksum(f.src, f.dst, 58, r, 10)
			   : (unsigned)(uint16_t)~inet_sum(r, 10, 0));
	put_ip(f, r, 10);
	CHECK_EQ(sk_recv_bytes(fd, b, sizeof b, 0), 10);
	CHECK(!memcmp(b, r, 10));
	set_be16(r + 4, id + 1u); /* another's */
	set_be16(r + 2, 0);
	set_be16(r + 2, v6 ? pseudo_checksum(f.src, f.dst, 58, r, 10)
			   : (unsigned)(uint16_t)~inet_sum(r, 10, 0));
	put_ip(f, r, 10);
	CHECK_EQ(sk_recv_bytes(fd, b, sizeof b, 0), -EAGAIN);
	b[0] = 13;
	CHECK_EQ(sk_sendto(fd, b, 10, 0, peer_address(), 0), -EINVAL);
	CHECK_EQ(sk_sendto(fd, b, 7, 0, peer_address(), 0), -EINVAL);
}

CASE(raw_receive, "raw(7); RFC 3542 3",
     "raw sockets get copies: IPv4 with its header, IPv6 without")
{
	uint8_t b[100];
	int all = sk(v6 ? AF_INET6 : AF_INET, SOCK_RAW, 17), fd = bound(9000);
	put_udp(4000, 9000, "both", 4);
	CHECK_EQ(sk_recv_bytes(fd, b, sizeof b, 0), 4);
	CHECK_EQ(sk_recv_bytes(all, b, sizeof b, 0), v6 ? 12 : 32);
	CHECK(!memcmp(b + (v6 ? 8 : 28), "both", 4));
	CHECK_EQ(sk_close(fd), 0);
	wanted(WANT_ICMP);
	put_udp(4000, 9000, "raw", 3); /* the raw socket does not make up for the port */
	CHECK_EQ(sk_recv_bytes(all, b, sizeof b, 0), v6 ? 11 : 31);
	CHECK_EQ(view_ip(AWAIT(10)).protocol, v6 ? 58 : 1);
}
