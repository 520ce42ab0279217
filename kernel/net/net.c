/* The lock and the start of the network stack. */
#include "lib/spinlock.h"
#include "mm/page.h"
#include "net/init.h"
#include "net/net.h"
#include "net/netif.h"
#include "net/packet.h"
#include "time/clock.h"
#include "vfs/epoll.h"

static spinlock_t net_lock = SPINLOCK_INIT;

void net_enter(void)
{
	spin_lock(&net_lock);
}

void net_leave(void)
{
	netif_flush();
	spin_unlock(&net_lock);
}

/* The program is back, or waits: see epoll_busy. */
static void catch_up(void)
{
	epoll_busy = false;
	net_enter();
	list_for_each_entry (n, &netif_list, struct netif, link) {
		if (n->ops->catch_up)
			n->ops->catch_up(n);
	}
	net_leave();
}

uint64_t net_now(void)
{
	return clock_monotonic();
}

void net_init(void)
{
	packet_stats.bytes_limit = page_total() * PAGE_SIZE / 4;
	ip_init();
	loopback_init();
	socket_init();
	udp_init();
	raw_init();
	tcp_init();
	unix_init();
	netlink_init();
	packet_socket_init();
}

void net_start(void)
{
	epoll_back = catch_up;
	netconfig_start();
}
