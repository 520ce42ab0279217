/*
 * The end of the program, as its peers see it. Where Linux would go on delivering what a process
 * left behind, here the machine ends with it: connections are closed properly and what they still
 * owe is delivered first, as long as the peer goes on taking it.
 */
#include "arch/x86_64/cpu.h"
#include "net/inet.h"
#include "net/net.h"
#include "net/netif.h"
#include "net/socket.h"
#include "net/tcp.h"
#include "sched/sched.h"
#include "sched/timer.h"

#define NO_PROGRESS_NS 1000000000ull  /* a peer that takes nothing for so long is given up */
#define LONGEST_NS     30000000000ull /* all of it */
#define DEVICE_NS      100000000ull   /* for the last frames to leave the ring */

static struct timer alarm;
static uint64_t owed_before, give_up;

static void nothing(struct timer *t)
{
	(void)t; /* the interrupt itself is what was wanted */
}

/* A connection with somebody else: one with ourselves ends with both its ends. */
static bool has_peer(struct socket *so)
{
	const struct inet_sock *s = inet_of(so);

	if ((so->family != AF_INET && so->family != AF_INET6) || so->type != SOCK_STREAM ||
	    !so->proto->unsent || so->acceptconn)
		return false;
	return !ip_is_loopback(&s->remote) && !ip_equal(&s->local, &s->remote);
}

/* Bytes and FINs that peers have not acknowledged. */
static uint64_t owed(void)
{
	uint64_t n = 0;

	list_for_each_entry (so, &socket_list, struct socket, all_link) {
		if (has_peer(so) && so->proto->unsent(so)) {
			const struct tcp_sock *tp = tcp_of(so);

			n += 1 + (uint32_t)(tp->write_seq - tp->snd_una);
		}
	}
	return n;
}

static bool delivered(void)
{
	uint64_t now = net_now(), n;

	net_enter();
	n = owed();
	net_leave();
	if (n != owed_before)
		give_up = now + NO_PROGRESS_NS;
	owed_before = n;
	return !n || now >= give_up;
}

/* Connected sockets get their FIN, behind what was written. */
static void close_connections(void)
{
	net_enter();
	list_for_each_entry (so, &socket_list, struct socket, all_link) {
		if (has_peer(so))
			so->proto->shutdown(so, SHUT_RDWR);
	}
	net_leave();
}

static bool frames_left(void)
{
	bool left = false;

	net_enter();
	list_for_each_entry (n, &netif_list, struct netif, link) {
		if (n->ops->sending && n->flags & IFF_RUNNING)
			left |= n->ops->sending(n);
	}
	net_leave();
	return left;
}

void net_finish(void)
{
	uint64_t end = net_now() + LONGEST_NS;

	close_connections();
	timer_setup(&alarm, nothing);
	owed_before = UINT64_MAX;
	while (!delivered() && net_now() < end) {
		timer_arm(&alarm, give_up);
		sched_serve_interrupt();
	}
	/* Devices do not interrupt when they have sent. */
	end = net_now() + DEVICE_NS;
	while (frames_left() && net_now() < end)
		cpu_relax();
}
