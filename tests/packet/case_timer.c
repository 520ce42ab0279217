/* Keepalive, user timeout, socket timeouts: RFC 9293, 3.8.4; RFC 1122, 4.2.3.6; RFC 5482. */
#include <asm/errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stddef.h>
#include "packet.h"

static int keepalive(int idle, int interval, int count)
{
	int fd = passive(ALL, 65535);

	CHECK_EQ(sk_set(fd, IPPROTO_TCP, TCP_KEEPIDLE, idle), 0);
	CHECK_EQ(sk_set(fd, IPPROTO_TCP, TCP_KEEPINTVL, interval), 0);
	CHECK_EQ(sk_set(fd, IPPROTO_TCP, TCP_KEEPCNT, count), 0);
	CHECK_EQ(sk_set(fd, SOL_SOCKET, SO_KEEPALIVE, 1), 0);
	return fd;
}

static void probe(double lo, double hi, uint32_t next)
{
	double start = now_ms();

	if (!any_within(hi))
		fail(__FILE__, __LINE__, "no probe within %g ms", hi);
	if (now_ms() - start < lo)
		fail(__FILE__, __LINE__, "a probe after %g ms", now_ms() - start);
	CHECK_EQ(c->last_seq, next - 1);
	CHECK(c->last_len <= 1);
	CHECK_EQ(c->last_flags & 7, 0);
}

CASE(timer_keepalive, "RFC 9293 3.8.4; tcp(7)", "an idle connection is probed, an answer satisfies")
{
	int fd = keepalive(10, 5, 3);

	for (int i = 0; i < 5; i++) {
		probe(9900, 10500, 1);
		in(". 1 ack 1");
	}
	CHECK_EQ(sk_error(fd), 0);
}

CASE(timer_keepalive_dead, "RFC 9293 3.8.4 MUST-29; tcp(7)",
     "after so many unanswered probes the connection is dead")
{
	int fd = keepalive(10, 5, 3);

	probe(9900, 10500, 1);
	probe(4900, 5300, 1);
	probe(4900, 5300, 1);
	run_ms(5500);
	CHECK_EQ(sk_error(fd), ETIMEDOUT);
	CHECK(sk_poll(fd) & POLLHUP);
	discard(); /* Linux sends a reset */
	quiet(60e3);
}

CASE(timer_keepalive_activity, "RFC 9293 3.8.4 MUST-26", "only idle connections are probed")
{
	int fd = keepalive(10, 5, 3);

	for (int i = 0; i < 20; i++) {
		run_ms(6000);
		in("P. %d:%d ack 1", 1 + i * 10, 11 + i * 10);
		CHECK_EQ(sk_recv(fd, 100, 0), 10);
		while (any_within(500))
			CHECK_EQ(c->last_seq, 1);
	}
	in_after(100, ". 201 ack 1");
	probe(9000, 10500, 1);
}

CASE(timer_keepalive_off, "RFC 9293 3.8.4 MUST-25", "without the option nothing is sent, for days")
{
	int fd = passive(ALL, 65535);

	quiet(3 * 86400e3);
	in("P. 1:11 ack 1");
	CHECK_EQ(sk_recv(fd, 100, 0), 10);
}

CASE(timer_keepalive_default, "RFC 9293 3.8.4 MUST-28", "the default idle time is two hours")
{
	int fd = passive(ALL, 65535);

	CHECK_EQ(sk_set(fd, SOL_SOCKET, SO_KEEPALIVE, 1), 0);
	CHECK_EQ(sk_get(fd, IPPROTO_TCP, TCP_KEEPIDLE), 7200);
	CHECK_EQ(sk_get(fd, IPPROTO_TCP, TCP_KEEPINTVL), 75);
	CHECK_EQ(sk_get(fd, IPPROTO_TCP, TCP_KEEPCNT), 9);
	probe(7190e3, 7210e3, 1);
	in(". 1 ack 1");
}

CASE(timer_keepalive_reset, "RFC 9293 3.8.4",
     "a peer that has restarted answers a probe with a reset")
{
	int fd = keepalive(10, 5, 3);

	probe(9900, 10500, 1);
	in("R 1");
	CHECK_EQ(sk_error(fd), ECONNRESET);
}

CASE(timer_keepalive_in, "RFC 9293 3.8.4, 3.10.7.4",
     "the peer's probes are answered, with a byte or without")
{
	int fd = passive(ALL, 65535);

	in("P. 1:11 ack 1");
	CHECK_EQ(sk_recv(fd, 100, 0), 10);
	run_ms(1000);
	discard();
	for (int i = 0; i < 5; i++) {
		run_ms(10e3);
		in(". 10 ack 1");
		out(". 1 ack 11");
		run_ms(10e3);
		in(". 10:11 ack 1");
		out(". 1 ack 11");
	}
	CHECK_EQ(sk_recv(fd, 100, 0), -EAGAIN);
}

CASE(timer_user_timeout, "RFC 5482; tcp(7), TCP_USER_TIMEOUT",
     "unacknowledged data end the connection after so long")
{
	int fd = passive(ALL, 65535);

	CHECK_EQ(sk_set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 5000), 0);
	CHECK_EQ(sk_get(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 5000);
	run_ms(20e3); /* idle is no matter */
	CHECK_EQ(sk_error(fd), 0);
	double start = now_ms();
	CHECK_EQ(sk_send(fd, 100, 0), 100);
	while (!(sk_poll(fd) & POLLHUP)) {
		run_ms(100);
		CHECK(now_ms() - start < 20e3);
	}
	CHECK_RANGE(now_ms() - start, 4900, 9000);
	CHECK_EQ(sk_error(fd), ETIMEDOUT);
}

CASE(timer_user_timeout_syn, "tcp(7), TCP_USER_TIMEOUT; TCP_SYNCNT",
     "connecting ends sooner when told")
{
	int fd = sk_tcp();

	CHECK_EQ(sk_set(fd, IPPROTO_TCP, TCP_SYNCNT, 2), 0);
	c->lport = 0, c->rport = 80;
	CHECK_EQ(sk_connect(fd, peer_address(), 80), -EINPROGRESS);
	double start = now_ms();
	unsigned n = 0;
	while (any_within(30e3))
		n++;
	CHECK_EQ(n, 3);
	CHECK_EQ(sk_error(fd), ETIMEDOUT);
	CHECK(now_ms() - 30e3 - start < 10e3);
}

CASE(timer_info, "tcp(7), TCP_INFO", "what is told of a connection is so")
{
	int fd = active_rtt(ALL, 65535, 40);
	struct tcp_info i = {0};
	unsigned n = sizeof i;

	CHECK_EQ(sk_get_bytes(fd, IPPROTO_TCP, TCP_INFO, &i, &n), 0);
	CHECK(n >= offsetof(struct tcp_info, tcpi_total_retrans));
	CHECK_EQ(i.tcpi_state, 1);
	CHECK_RANGE(i.tcpi_rtt, 39000, 42000);
	CHECK_EQ(i.tcpi_options & 7, 7);
	CHECK_EQ(i.tcpi_snd_wscale, 7);
	CHECK_EQ(i.tcpi_snd_mss, mss());
	CHECK_EQ(i.tcpi_snd_cwnd, 10);
	CHECK_EQ(sk_send(fd, 3 * mss(), 0), 3 * mss());
	n = sizeof i;
	CHECK_EQ(sk_get_bytes(fd, IPPROTO_TCP, TCP_INFO, &i, &n), 0);
	CHECK_EQ(i.tcpi_unacked, 3);
	char name[16] = {0};
	n = sizeof name;
	CHECK_EQ(sk_get_bytes(fd, IPPROTO_TCP, TCP_CONGESTION, name, &n), 0);
	CHECK(name[0] == 'c' && name[4] == 'c');
	CHECK_EQ(sk_set_bytes(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4), 0);
	CHECK_EQ(sk_set_bytes(fd, IPPROTO_TCP, TCP_CONGESTION, "nonesuch", 8), -ENOENT);
}

CASE(timer_no_carrier, "in the spirit of RFC 6069",
     "without a link timeouts are put off; with it data go on soon and in segments as large")
{
	int fd = passive(ALL, 65535);
	double start;

	CHECK_EQ(sk_send(fd, 2 * mss(), 0), 2 * mss());
	while (any_within(1))
		continue;
	machine_link(false);
	run_ms(60e3);
	machine_link(true);
	start = now_ms();
	while (any_within(1000) && c->last_len == 0)
		continue;
	CHECK(now_ms() - start < 600);
	CHECK_EQ(c->last_seq, 1);
	CHECK_RANGE(c->last_len, mss(), 2 * mss());
	CHECK_EQ(sk_error(fd), 0);
	/* Not for ever. */
	machine_link(false);
	run_ms(1000e3);
	CHECK(sk_error(fd) != 0);
	machine_link(true);
}
