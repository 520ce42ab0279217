/* The program's side: system calls, and connections as cases begin with. */
#include <asm/errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include "machine.h"
#include "peer.h"

#define U(p)  ((uintptr_t)(p))
#define MAXFD 1024
static size_t sent[MAXFD], received[MAXFD];

static unsigned to_sockaddr(struct address a, uint16_t port, bool family6,
			    struct sockaddr_storage *out)
{
	memset(out, 0, sizeof *out);
	if (family6) {
		struct sockaddr_in6 *s = (void *)out;
		s->sin6_family = AF_INET6;
		s->sin6_port = __builtin_bswap16(port);
		if (a.v6)
			memcpy(&s->sin6_addr, a.b, 16);
		if (a.v6 && a.b[0] == 0xfe)
			s->sin6_scope_id = (unsigned)machine_ifindex();
		return sizeof *s;
	}
	struct sockaddr_in *s = (void *)out;
	s->sin_family = AF_INET;
	s->sin_port = __builtin_bswap16(port);
	memcpy(&s->sin_addr, a.b, 4);
	return sizeof *s;
}

static void from_sockaddr(const struct sockaddr_storage *s, struct address *a, uint16_t *port)
{
	memset(a, 0, sizeof *a);
	if (s->ss_family == AF_INET6) {
		const struct sockaddr_in6 *in = (const void *)s;
		a->v6 = true;
		memcpy(a->b, &in->sin6_addr, 16);
		*port = __builtin_bswap16(in->sin6_port);
	} else {
		const struct sockaddr_in *in = (const void *)s;
		memcpy(a->b, &in->sin_addr, 4);
		*port = __builtin_bswap16(in->sin_port);
	}
}

int sk(int family, int type, int protocol)
{
	long fd = sys_socket(family, type | SOCK_NONBLOCK, protocol);

	if (fd >= 0 && fd < MAXFD)
		sent[fd] = received[fd] = 0;
	return (int)fd;
}

int sk_tcp(void)
{
	int fd = sk(v6 ? AF_INET6 : AF_INET, SOCK_STREAM, 0);
	CHECK(fd >= 0);
	return fd;
}

int sk_udp(void)
{
	int fd = sk(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM, 0);
	CHECK(fd >= 0);
	return fd;
}

long sk_close(int fd)
{
	log_line("# close(%d)", fd);
	return sys_close(fd);
}

long sk_bind(int fd, struct address a, uint16_t port)
{
	struct sockaddr_storage s;
	unsigned n = to_sockaddr(a, port, a.v6 || v6, &s);
	return sys_bind(fd, U(&s), n);
}

long sk_connect(int fd, struct address a, uint16_t port)
{
	struct sockaddr_storage s;
	unsigned n = to_sockaddr(a, port, a.v6, &s);
	log_line("# connect(%d)", fd);
	return sys_connect(fd, U(&s), n);
}

long sk_listen(int fd, int backlog)
{
	return sys_listen(fd, backlog);
}

long sk_accept(int fd)
{
	long n = sys_accept4(fd, 0, 0, SOCK_NONBLOCK);

	log_line("# accept(%d) = %ld", fd, n);
	if (n >= 0 && n < MAXFD)
		sent[n] = received[n] = 0;
	return n;
}

long sk_send_bytes(int fd, const void *p, size_t n, int flags)
{
	long r = sys_sendto(fd, U(p), n, (unsigned)flags, 0, 0);
	log_line("# send(%d, %zu) = %ld", fd, n, r);
	return r;
}

/* Small ones are just as large as needed, so that a byte too much is seen; others are quick. */
static uint8_t large[1 << 20];

static uint8_t *buffer(size_t n)
{
	CHECK(n <= sizeof large);
	return n > 16384 ? large : malloc(n ? n : 1);
}

long sk_send(int fd, size_t n, int flags)
{
	uint8_t *b = buffer(n);

	for (size_t i = 0; i < n; i++)
		b[i] = pattern_at((uint32_t)(sent[fd] + 1 + i));
	long r = sk_send_bytes(fd, b, n, flags);
	if (r > 0)
		sent[fd] += (size_t)r;
	if (b != large)
		free(b);
	return r;
}

long sk_recv_bytes(int fd, void *p, size_t n, int flags)
{
	return sys_recvfrom(fd, U(p), n, (unsigned)flags, 0, 0);
}

long sk_recv(int fd, size_t n, int flags)
{
	uint8_t *b = buffer(n);
	long r = sk_recv_bytes(fd, b, n, flags);

	log_line("# recv(%d, %zu) = %ld", fd, n, r);
	for (long i = 0; i < r && !(flags & (MSG_OOB | MSG_TRUNC)); i++)
		if (b[i] != pattern_at((uint32_t)(received[fd] + 1 + (size_t)i)))
			fail(__FILE__, __LINE__, "byte %zu received is not what the peer sent",
			     received[fd] + (size_t)i);
	if (r > 0 && !(flags & (MSG_PEEK | MSG_OOB)))
		received[fd] += (size_t)r;
	if (b != large)
		free(b);
	return r;
}

size_t sent_bytes(int fd)
{
	return sent[fd];
}

size_t received_bytes(int fd)
{
	return received[fd];
}

long sk_sendto(int fd, const void *p, size_t n, int flags, struct address a, uint16_t port)
{
	struct sockaddr_storage s;
	unsigned len = to_sockaddr(a, port, a.v6, &s);
	return sys_sendto(fd, U(p), n, (unsigned)flags, U(&s), len);
}

long sk_recvfrom(int fd, void *p, size_t n, int flags, struct address *a, uint16_t *port)
{
	struct sockaddr_storage s = {0};
	unsigned len = sizeof s;
	long r = sys_recvfrom(fd, U(p), n, (unsigned)flags, U(&s), U(&len));

	if (r >= 0 && a)
		from_sockaddr(&s, a, port);
	return r;
}

long sk_recvmsg(int fd, struct msghdr *m, int flags)
{
	return sys_recvmsg(fd, U(m), (unsigned)flags);
}

long sk_sendmsg(int fd, const struct msghdr *m, int flags)
{
	return sys_sendmsg(fd, U(m), (unsigned)flags);
}

long sk_shutdown(int fd, int how)
{
	log_line("# shutdown(%d, %d)", fd, how);
	return sys_shutdown(fd, how);
}

long sk_set(int fd, int level, int name, int value)
{
	return sys_setsockopt(fd, level, name, U(&value), sizeof value);
}

long sk_set_bytes(int fd, int level, int name, const void *p, unsigned n)
{
	return sys_setsockopt(fd, level, name, U(p), n);
}

int sk_get(int fd, int level, int name)
{
	int value = 0;
	unsigned n = sizeof value;
	long err = sys_getsockopt(fd, level, name, U(&value), U(&n));

	if (err)
		fail(__FILE__, __LINE__, "getsockopt %d, %d: %ld", level, name, err);
	return value;
}

long sk_get_bytes(int fd, int level, int name, void *p, unsigned *n)
{
	return sys_getsockopt(fd, level, name, U(p), U(n));
}

int sk_error(int fd)
{
	return sk_get(fd, SOL_SOCKET, SO_ERROR);
}

long sk_name(int fd, bool peer, struct address *a, uint16_t *port)
{
	struct sockaddr_storage s = {0};
	unsigned n = sizeof s;
	long r = peer ? sys_getpeername(fd, U(&s), U(&n)) : sys_getsockname(fd, U(&s), U(&n));

	if (!r)
		from_sockaddr(&s, a, port);
	return r;
}

long sk_ioctl(int fd, unsigned cmd, void *p)
{
	return sys_ioctl(fd, cmd, U(p));
}

unsigned sk_poll(int fd)
{
	struct pollfd p = {fd, POLLIN | POLLOUT | POLLPRI | 0x2000 /* POLLRDHUP */, 0};
	long r = sys_poll(U(&p), 1, 0);

	CHECK(r >= 0);
	return (unsigned)p.revents;
}

void sk_block(int fd)
{
	sys_fcntl(fd, F_SETFL, O_RDWR);
}

int sk_watch(int fd)
{
	int ep = (int)sys_epoll_create1(0);
	struct epoll_event e = {EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, {.fd = fd}};

	CHECK(ep >= 0);
	CHECK_EQ(sys_epoll_ctl(ep, EPOLL_CTL_ADD, fd, U(&e)), 0);
	return ep;
}

unsigned sk_edges(int watch)
{
	struct epoll_event e = {0};

	return sys_epoll_wait(watch, U(&e), 1, 0) == 1 ? e.events : 0;
}

/* Connections. */

uint32_t mss(void)
{
	return peer_mss() - (c->ts ? 12 : 0);
}

unsigned peer_mss(void)
{
	return v6 ? 1440 : 1460;
}

static const char *syn_options(unsigned options, char *b)
{
	char *p = b + sprintf(b, "<mss %u", peer_mss());

	if (options & SACK)
		p += sprintf(p, ",sackOK");
	if (options & TS)
		p += sprintf(p, ",ts");
	if (options & WS)
		p += sprintf(p, ",nop,wscale 7");
	sprintf(p, ">");
	return b;
}

int listen_on(uint16_t port, int backlog)
{
	struct address any = {.v6 = v6};
	int fd = sk_tcp();

	CHECK_EQ(sk_set(fd, SOL_SOCKET, SO_REUSEADDR, 1), 0);
	CHECK_EQ(sk_bind(fd, any, port), 0);
	CHECK_EQ(sk_listen(fd, backlog), 0);
	return fd;
}

int passive_on(int listener, uint16_t port, unsigned options, uint32_t win)
{
	char o[100];

	if (c->iss_known || c->lport != port)
		conn_new(port);
	in("S 0 win %u %s", win > 65535 ? 65535 : win, syn_options(options, o));
	out("S. 0 ack 1");
	c->ts = options & TS;
	in(". 1 ack 1 win %u", options & WS ? win >> 7 : win > 65535 ? 65535 : win);
	int fd = (int)sk_accept(listener);
	CHECK(fd >= 0);
	quiet(0);
	return fd;
}

int passive(unsigned options, uint32_t win)
{
	int listener = listen_on(80, 16);
	int fd = passive_on(listener, 80, options, win);

	sys_close(listener);
	return fd;
}

int active_rtt(unsigned options, uint32_t win, double ms)
{
	char o[100];
	int fd = sk_tcp();

	c->lport = 0;
	c->rport = 80;
	CHECK_EQ(sk_connect(fd, peer_address(), 80), -EINPROGRESS);
	out_within(0, 10, "S 0 <mss>");
	run_ms(ms);
	in("S. 0 ack 1 win %u %s", win > 65535 ? 65535 : win, syn_options(options, o));
	c->ts = options & TS;
	c->window = options & WS ? win >> 7 : win > 65535 ? 65535 : win;
	out(". 1 ack 1");
	CHECK_EQ(sk_error(fd), 0);
	return fd;
}

int active(unsigned options, uint32_t win)
{
	return active_rtt(options, win, 10);
}

void pump_to(uint32_t seq, double ms)
{
	while (any_within(0))
		;
	for (unsigned idle = 0; (int32_t)(c->acked - seq) < 0;) {
		run_ms(ms);
		while (any_within(0))
			;
		if ((int32_t)(c->sent_max - c->acked) > 0) {
			in(". %u ack %u", c->last_ack, c->sent_max);
			idle = 0;
		} else if (++idle > 500)
			fail(__FILE__, __LINE__, "the sender has stopped at %u of %u", c->acked,
			     seq);
	}
}

/* ICMP errors quote the IP header and at least 8 bytes of the segment. */
void icmp_in(enum icmp_kind kind, uint32_t seq, uint32_t mtu)
{
	static const uint8_t four[][2] = {{3, 0}, {3, 1},  {3, 3},  {3, 2}, {3, 13},
					  {3, 4}, {11, 0}, {12, 0}, {4, 0}};
	static const uint8_t six[][2] = {{1, 0}, {1, 3}, {1, 4}, {4, 1}, {1, 1},
					 {2, 0}, {3, 0}, {4, 0}, {0, 0}};
	uint8_t b[8 + 40 + 20] = {0};
	struct address me = local_address();
	uint8_t *ip = b + 8, *tcp = ip + (v6 ? 40 : 20);

	b[0] = v6 ? six[kind][0] : four[kind][0];
	b[1] = v6 ? six[kind][1] : four[kind][1];
	if (v6)
		set_be32(b + 4, mtu);
	else
		set_be16(b + 6, mtu);
	if (v6) {
		ip[0] = 0x60;
		set_be16(ip + 4, 1440);
		ip[6] = 6, ip[7] = 60;
		memcpy(ip + 8, me.b, 16);
		memcpy(ip + 24, c->remote.b, 16);
	} else {
		ip[0] = 0x45;
		set_be16(ip + 2, 1500);
		ip[8] = 60, ip[9] = 6;
		ip[6] = 0x40;
		memcpy(ip + 12, me.b, 4);
		memcpy(ip + 16, c->remote.b, 4);
		set_be16(ip + 10, (uint16_t)~inet_sum(ip, 20, 0));
	}
	set_be16(tcp, c->lport);
	set_be16(tcp + 2, c->rport);
	set_be32(tcp + 4, seq + c->iss);
	set_be32(tcp + 8, c->irs + 1);
	tcp[12] = 0x50, tcp[13] = 0x10;
	size_t n = (size_t)(tcp + 20 - b);
	struct ip_fields f = {.src = v6 ? address6("2001:db8::2") : address4(PEER4),
			      .dst = me,
			      .protocol = v6 ? 58 : 1};
	set_be16(b + 2,
		 v6 ? pseudo_checksum(f.src, f.dst, 58, b, n) : (uint16_t)~inet_sum(b, n, 0));
	log_line("< ICMP error %u %u about %u, mtu %u", b[0], b[1], seq, mtu);
	put_ip(f, b, n);
}
