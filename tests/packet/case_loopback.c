/* Connections of the machine with itself over lo: what is written is read, whatever the sizes. */
#include <asm/errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include "packet.h"

static uint64_t state = 88172645463325252u;

static unsigned roll(unsigned n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)(state >> 33) % n;
}

static struct address own(void)
{
	return v6 ? address6("::1") : address4(0x7f000001u);
}

#define PAIRS 12

static void talk(unsigned rounds, bool starve)
{
	int l = listen_on(4000, 64), end[PAIRS][2];

	for (int i = 0; i < PAIRS; i++) {
		end[i][0] = sk_tcp();
		long r = sk_connect(end[i][0], own(), 4000);
		CHECK(r == 0 || r == -EINPROGRESS);
		run_ms(1);
		CHECK((end[i][1] = (int)sk_accept(l)) >= 0);
		if (i & 1)
			sk_set(end[i][0], IPPROTO_TCP, TCP_NODELAY, 1);
		if (i & 2)
			sk_set(end[i][1], SOL_SOCKET, SO_RCVBUF, 8192);
	}
	for (unsigned k = 0; k < rounds; k++) {
		int *p = end[roll(PAIRS)], side = (int)roll(2);
		unsigned most = roll(4) ? roll(3) ? 2000 : 200 : 60000;
		long r;
		if (starve && roll(200) == 0)
			packet_bytes_limit(roll(3) ? 64u << 20 : packet_bytes() + roll(100000));
		switch (roll(5)) {
		case 0:
		case 1:
			r = sk_send(p[side], 1 + roll(most), roll(8) ? 0 : MSG_MORE);
			CHECK(r > 0 || r == -EAGAIN);
			break;
		case 2:
		case 3:
			r = sk_recv(p[side], 1 + roll(most), roll(6) ? 0 : MSG_PEEK);
			CHECK(r > 0 || r == -EAGAIN);
			break;
		default:
			if (roll(10) == 0)
				run_ms(roll(300));
		}
	}
	packet_bytes_limit(64u << 20);
	for (int i = 0; i < PAIRS; i++)
		for (int side = 0; side < 2; side++) {
			double start = now_ms();
			sk_set(end[i][side], IPPROTO_TCP, TCP_NODELAY, 1);
			while (received_bytes(end[i][!side]) < sent_bytes(end[i][side])) {
				sk_recv(end[i][!side], 60000, 0);
				run_ms(5);
				CHECK(now_ms() - start < 300e3);
			}
			CHECK_EQ(received_bytes(end[i][!side]), sent_bytes(end[i][side]));
		}
}

CASE(loopback_talk, "RFC 9293 3.8; RFC 1122 3.2.1.3",
     "twelve pairs, pieces of all sizes, both ways at once")
{
	talk(60000, false);
}

CASE(loopback_starved, "RFC 9293 3.8", "likewise while buffers run out now and then")
{
	talk(40000, true);
}

CASE(loopback_self, "RFC 9293 3.5", "a socket that connects to its own port talks to itself")
{
	int fd = sk_tcp();

	CHECK_EQ(sk_bind(fd, own(), 4001), 0);
	long r = sk_connect(fd, own(), 4001);
	CHECK(r == 0 || r == -EINPROGRESS);
	run_ms(10);
	CHECK(sk_poll(fd) & POLLOUT);
	CHECK_EQ(sk_send(fd, 1000, 0), 1000);
	run_ms(1);
	CHECK_EQ(sk_recv(fd, 2000, 0), 1000);
}

CASE(loopback_self_full, "RFC 8985 6.2",
     "what is sent again in the moment of a delivery is not lost in that moment")
{
	int fd = sk_tcp();
	struct tcp_info info = {0};
	unsigned n = sizeof info;

	CHECK_EQ(sk_bind(fd, own(), 4001), 0);
	sk_connect(fd, own(), 4001);
	run_ms(10);
	CHECK(sk_poll(fd) & POLLOUT);
	sk_set(fd, SOL_SOCKET, SO_RCVBUF, 1);
	sk_set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	/* There is no room, then there is for what comes behind: the first is lost. */
	for (unsigned i = 0; i < 60; i++) {
		sk_send(fd, i % 2 ? 1 : 600, 0);
		if (i % 3 == 2)
			sk_recv(fd, 600, 0);
		CHECK_EQ(sk_get_bytes(fd, IPPROTO_TCP, TCP_INFO, &info, &n), 0);
		CHECK_RANGE(info.tcpi_total_retrans, 0, 100);
	}
	run_ms(1000);
	CHECK_EQ(sk_get_bytes(fd, IPPROTO_TCP, TCP_INFO, &info, &n), 0);
	CHECK_RANGE(info.tcpi_total_retrans, 1, 100);
}

CASE(loopback_refused, "connect(2)", "nobody listens: refused at once")
{
	int fd = sk_tcp();
	long r = sk_connect(fd, own(), 4002);

	if (r == -EINPROGRESS)
		r = -sk_error(fd);
	CHECK_EQ(r, -ECONNREFUSED);
}
