/*
 * TCP as a whole: the input is a program of calls, segments and time. Segments are right for the
 * connection they belong to except where the input changes them. In the end everything is closed,
 * an hour passes, and no socket, packet or buffer may be left.
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "../packet/machine.h"
#include "engine.h"
#include "wire.h"

const char fuzz_name[] = "tcp";

#define U(p)  ((uintptr_t)(p))
#define CONNS 6
#define FDS   10

/* Connections as the peer sees them. */
static struct peer {
	uint16_t lport, rport;
	uint32_t next, acked; /* what it sends next, what it has seen */
	uint32_t una;	      /* the lowest not yet acknowledged to the machine */
	uint32_t ts_recent;
	bool ts, known;
} peers[CONNS];
static int fds[FDS];
static unsigned nfds;

static uint64_t packets, sockets;

static void seen(const uint8_t *f, size_t len)
{
	struct wire_tcp t;

	if (wire_answer(f, len) || !wire_tcp(f, len, &t))
		return;
	for (unsigned i = 0; i < CONNS; i++) {
		struct peer *p = &peers[i];
		if (t.rport != p->rport && !(t.flags & 2 && !p->known && t.rport == 80 && i < 2))
			continue;
		if (p->lport && p->lport != t.lport)
			continue;
		if (t.flags & 2) {
			p->lport = t.lport;
			p->rport = t.rport;
			p->acked = p->una = t.seq + 1;
			p->known = true;
			p->ts = t.ts_val != 0;
		}
		if ((int32_t)(t.seq + t.len + (t.flags & 1) - p->acked) > 0)
			p->acked = t.seq + t.len + (t.flags & 1);
		if (t.ts_val)
			p->ts_recent = t.ts_val;
		break;
	}
}

struct reader {
	const uint8_t *at, *end;
};

static unsigned byte(struct reader *r)
{
	return r->at < r->end ? *r->at++ : 0;
}

static unsigned word(struct reader *r)
{
	unsigned hi = byte(r);
	return hi << 8 | byte(r);
}

/* An option list, mostly good. */
static size_t options(struct reader *r, struct peer *p, bool syn, uint8_t *o)
{
	unsigned kind = byte(r);
	size_t n = 0;

	if (kind & 1 || (p->ts && !(kind & 128))) {
		o[n++] = 1, o[n++] = 1, o[n++] = 8, o[n++] = 10;
		wire_be32(o + n, (uint32_t)(machine_now() / 1000000) + (kind & 2 ? word(r) : 0) -
				     (kind & 4 ? 0x10000u : 0));
		wire_be32(o + n + 4, p->ts_recent - (kind & 8 ? byte(r) : 0));
		n += 8;
	}
	if (syn && !(kind & 16)) {
		o[n++] = 2, o[n++] = 4;
		unsigned mss = kind & 32 ? word(r) : 1460;
		o[n++] = (uint8_t)(mss >> 8), o[n++] = (uint8_t)mss;
		o[n++] = 1, o[n++] = 3, o[n++] = 3, o[n++] = (uint8_t)(kind & 64 ? byte(r) : 7);
		o[n++] = 1, o[n++] = 1, o[n++] = 4, o[n++] = 2;
	} else if (kind & 64) { /* SACK */
		unsigned blocks = byte(r) % 4;
		o[n++] = 5, o[n++] = (uint8_t)(2 + blocks * 8);
		for (unsigned i = 0; i < blocks && n + 8 <= 40; i++) {
			uint32_t from = p->una + word(r), to = from + word(r);
			wire_be32(o + n, from);
			wire_be32(o + n + 4, to);
			n += 8;
		}
	}
	if (kind & 32 && !syn)
		for (unsigned i = byte(r) % 12; i && n < 40; i--)
			o[n++] = (uint8_t)byte(r);
	if (n > 40)
		n = 40;
	while (n & 3)
		o[n++] = 0;
	return n;
}

static void segment(struct reader *r)
{
	static const uint8_t common[] = {0x10, 0x10, 0x18, 0x11, 0x02, 0x12, 0x04, 0x14};
	unsigned what = byte(r), how = byte(r);
	struct peer *p = &peers[what % CONNS];
	uint8_t b[60 + 4096], o[64];
	size_t len = how & 1 ? byte(r) : how & 2 ? 1400 + byte(r) % 60 : 0;
	uint8_t flags = what & 64 ? (uint8_t)byte(r) : common[what >> 3 & 7];
	size_t no = options(r, p, flags & 2, o);
	uint32_t seq = p->next, ack = p->acked;

	if (flags & 2 && !(flags & 16) && !(how & 128))
		p->known = false, p->lport = p->lport ? p->lport : 80;
	if (how & 4)
		seq += word(r);
	if (how & 8)
		seq -= word(r);
	if (how & 16)
		ack = p->una + word(r);
	if (how & 32)
		ack -= byte(r) << (how & 64 ? 16 : 0);
	memset(b, 0, 60);
	wire_be16(b, p->rport);
	wire_be16(b + 2, p->lport ? p->lport : 80);
	wire_be32(b + 4, seq);
	wire_be32(b + 8, flags & 16 ? ack : 0);
	b[12] = (uint8_t)((5 + no / 4) << 4);
	b[13] = flags;
	wire_be16(b + 14, how & 64 ? word(r) : 65535);
	wire_be16(b + 18, flags & 32 ? byte(r) : 0);
	memcpy(b + 20, o, no);
	memset(b + 20 + no, (int)(seq & 255), len);
	/* The peer goes on from what it sent in order. */
	if (!(how & 12))
		p->next = seq + (uint32_t)len + (flags & 1) + (flags >> 1 & 1);
	if (flags & 16 && !(how & 48))
		p->una = ack;
	wire_ip(6, b, 20 + no + len);
}

static void call(struct reader *r)
{
	unsigned what = byte(r);
	int fd = nfds ? fds[byte(r) % nfds] : -1;
	static uint8_t buffer[65536];
	struct sockaddr_in a = {.sin_family = AF_INET};
	long n;

	switch (what % 16) {
	case 0:
	case 1: /* connect */
		if (nfds == FDS)
			break;
		fd = (int)sys_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		if (fd < 0)
			break;
		fds[nfds++] = fd;
		a.sin_port = __builtin_bswap16(80);
		a.sin_addr.s_addr = __builtin_bswap32(0xc0000202u);
		sys_connect(fd, U(&a), sizeof a);
		break;
	case 2: /* listen */
		if (nfds == FDS)
			break;
		fd = (int)sys_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		if (fd < 0)
			break;
		fds[nfds++] = fd;
		a.sin_port = __builtin_bswap16(80);
		int one = 1;
		sys_setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, U(&one), sizeof one);
		sys_bind(fd, U(&a), sizeof a);
		sys_listen(fd, (int)(what >> 4));
		break;
	case 3: /* accept */
		n = sys_accept4(fd, 0, 0, SOCK_NONBLOCK);
		if (n >= 0) {
			if (nfds < FDS)
				fds[nfds++] = (int)n;
			else
				sys_close((int)n);
		}
		break;
	case 4:
	case 5:
	case 6:
		sys_sendto(fd, U(buffer), what & 16 ? word(r) : byte(r),
			   (what & 32 ? MSG_MORE : 0) | (what & 64 ? MSG_OOB : 0) | MSG_NOSIGNAL, 0,
			   0);
		break;
	case 7:
	case 8:
		sys_recvfrom(fd, U(buffer), what & 16 ? word(r) : 65536,
			     (what & 32 ? MSG_PEEK : 0) | (what & 64 ? MSG_TRUNC : 0) |
				 (what & 128 ? MSG_OOB : 0),
			     0, 0);
		break;
	case 9:
		sys_shutdown(fd, (int)(what >> 4 & 3));
		break;
	case 10:
		if (nfds) {
			unsigned i = byte(r) % nfds;
			sys_close(fds[i]);
			fds[i] = fds[--nfds];
		}
		break;
	case 11: {
		static const int names[][2] = {
		    {IPPROTO_TCP, TCP_NODELAY},	     {IPPROTO_TCP, TCP_CORK},
		    {IPPROTO_TCP, TCP_MAXSEG},	     {IPPROTO_TCP, TCP_KEEPIDLE},
		    {IPPROTO_TCP, TCP_KEEPINTVL},    {IPPROTO_TCP, TCP_KEEPCNT},
		    {IPPROTO_TCP, TCP_SYNCNT},	     {IPPROTO_TCP, TCP_LINGER2},
		    {IPPROTO_TCP, TCP_DEFER_ACCEPT}, {IPPROTO_TCP, TCP_WINDOW_CLAMP},
		    {IPPROTO_TCP, TCP_QUICKACK},     {IPPROTO_TCP, TCP_USER_TIMEOUT},
		    {SOL_SOCKET, SO_KEEPALIVE},	     {SOL_SOCKET, SO_RCVBUF},
		    {SOL_SOCKET, SO_SNDBUF},	     {SOL_SOCKET, SO_OOBINLINE},
		    {SOL_SOCKET, SO_RCVLOWAT},	     {IPPROTO_TCP, TCP_NOTSENT_LOWAT}};
		unsigned i = byte(r) % 18;
		int v = (int)byte(r) << (what & 16 ? 8 : 0);
		sys_setsockopt(fd, names[i][0], names[i][1], U(&v), sizeof v);
		break;
	}
	case 12: {
		struct linger l = {what >> 4 & 1, (int)byte(r)};
		sys_setsockopt(fd, SOL_SOCKET, SO_LINGER, U(&l), sizeof l);
		break;
	}
	case 13: {
		static const char reno[] = "reno", cubic[] = "cubic";
		sys_setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, U(what & 16 ? reno : cubic),
			       what & 16 ? 4 : 5);
		break;
	}
	case 14: {
		uint8_t info[300];
		unsigned len = byte(r);
		sys_getsockopt(fd, IPPROTO_TCP, (int)byte(r) % 40, U(info), U(&len));
		break;
	}
	default: {
		struct pollfd p = {fd, POLLIN | POLLOUT, 0};
		sys_poll(U(&p), 1, 0);
		int v;
		sys_ioctl(fd, what & 16 ? 0x541b : 0x5411, U(&v));
	}
	}
}

/* An ICMP error about a connection. */
static void icmp(struct reader *r)
{
	uint8_t b[8 + 28 + 12] = {0}, *ip = b + 8;
	unsigned what = byte(r);
	const struct peer *p = &peers[what % CONNS];

	b[0] = what & 64 ? (uint8_t)byte(r) : 3;
	b[1] = (uint8_t)(what >> 3 & 15);
	wire_be16(b + 6, what & 128 ? word(r) : 1200);
	ip[0] = 0x45;
	wire_be16(ip + 2, 1500);
	ip[8] = 60, ip[9] = 6;
	wire_be32(ip + 12, 0xc0000201u);
	wire_be32(ip + 16, 0xc0000202u);
	wire_be16(ip + 10, wire_sum(ip, 20, 0) ^ 0xffffu);
	wire_be16(ip + 20, p->lport);
	wire_be16(ip + 22, p->rport);
	wire_be32(ip + 24, p->una + (what & 32 ? word(r) : 0));
	wire_ip(1, b, 8 + 28);
}

void fuzz_setup(void)
{
	machine_sent = seen;
	wire_start(true);
	packets = wire_packets();
	sockets = wire_sockets();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader r = {data, data + size};

	machine_seed(7);
	memset(peers, 0, sizeof peers);
	for (unsigned i = 0; i < CONNS; i++) {
		peers[i].rport = (uint16_t)(i < 2 ? 80 : 5000 + i);
		peers[i].lport = i < 2 ? 0 : 80;
		peers[i].next = i & 1 ? 0xfffffe00u : 1000;
	}
	nfds = 0;
	bool batch = false;
	/* What op 6 may let go by: the clock of millions of inputs must not wrap. */
	uint64_t hours = 4 * 3600000000000u, ns;
	for (unsigned steps = 0; r.at < r.end && steps < 400; steps++) {
		unsigned op = byte(&r);
		switch (op % 8) {
		case 0:
		case 1:
		case 2:
		case 3:
			segment(&r);
			break;
		case 4:
		case 5:
			if (batch)
				machine_batch(batch = false);
			call(&r);
			break;
		case 6: /* time: from microseconds to hours */
			if (batch)
				machine_batch(batch = false);
			ns = ((uint64_t)byte(&r) << (op >> 3 & 31)) * 100;
			if (ns > hours)
				ns = hours;
			hours -= ns;
			machine_run_until(machine_now() + ns);
			break;
		default:
			if (op & 8)
				icmp(&r);
			else if (op & 64)
				machine_fail_one_in = op & 32 ? 0 : 2 + byte(&r);
			else if (op & 16)
				wire_memory(op & 32 ? 64u << 20 : byte(&r) * 1000u);
			else {
				batch = !batch;
				machine_batch(batch);
				wire_batch(batch);
			}
		}
		if (!batch)
			wire_batch(false);
	}
	if (batch)
		machine_batch(false);
	wire_batch(false);
	wire_memory(64u << 20);
	machine_fail_one_in = 0;
	if (wire_bytes() > 48u << 20)
		wire_die("more than 48 MiB of buffers");
	machine_close_all();
	for (int i = 0; i < 4 && (wire_sockets() != sockets || wire_packets() > packets); i++)
		machine_run_until(machine_now() + 1000000000000u);
	if (wire_sockets() != sockets)
		wire_die("sockets are left");
	if (wire_packets() > packets)
		wire_die("packets are left");
	return 0;
}
