/*
 * The loopback interface. What is sent to it waits in a queue and arrives when net_leave flushes
 * the interfaces: before the system call that sent it returns, in order, and never within the
 * sender's own call chain. Large packets and partial checksums go through as they are.
 */
#include <linux/if_arp.h>
#include <asm/errno.h>
#include "net/init.h"
#include "net/internal.h"
#include "net/net.h"

/* Deliveries of one flush; a dialogue between two sockets that never ends goes on from a timer. */
#define BURST 4096
/* Packets that may wait: an endless stream of answers to answers does not take all memory. */
#define QUEUE_LIMIT 16384

static struct netif loopback;
static struct list queue = LIST_INIT(queue);
static unsigned queued;
static struct timer later;

static int enqueue(struct packet *p)
{
	if (queued >= QUEUE_LIMIT) {
		packet_free(p);
		return -ENOBUFS;
	}
	queued++;
	list_add_tail(&queue, &p->link);
	return 0;
}

/* The packet starts a second life: it is received now. */
static void arrive(struct packet *p)
{
	p->looped = true;
	if (p->netif == &loopback) {
		netif_input(&loopback, p);
		return;
	}
	/* A copy of what we sent to a group or to everybody, data at the IP header. */
	p->l3 = p->data;
	if (p->ethertype == hton16(ETH_P_IP))
		ip4_input(p);
	else
		ip6_input(p);
}

static int loopback_xmit(struct netif *n, struct packet *p)
{
	(void)n;
	return enqueue(p);
}

static void loopback_flush(struct netif *n)
{
	n->flush_pending = true; /* no need to ask for another flush meanwhile */
	for (unsigned done = 0; !list_empty(&queue) && done < BURST; done++) {
		struct packet *p = list_entry(queue.next, struct packet, link);
		list_remove(&p->link);
		queued--;
		arrive(p);
		if (list_empty(&queue))
			netif_input_end(); /* what it has held back comes out now */
	}
	n->flush_pending = false;
	if (!list_empty(&queue)) {
		netif_input_end();
		timer_arm(&later, net_now() + 1000);
	}
}

static void continue_later(struct timer *t)
{
	(void)t;
	net_enter();
	if (!list_empty(&queue))
		netif_want_flush(&loopback);
	net_leave();
}

void loopback_deliver(struct netif *n, struct packet *p, uint16_t ethertype)
{
	p->netif = n;
	p->ethertype = hton16(ethertype);
	if (!enqueue(p))
		netif_want_flush(&loopback);
}

static const struct netif_ops loopback_ops = {.xmit = loopback_xmit, .flush = loopback_flush};

void loopback_init(void)
{
	static const struct ip_addr one6 = {.b = {[15] = 1}};
	struct ip_addr one4 = ip_from_v4(IP4(127, 0, 0, 1));

	net_enter();
	timer_setup(&later, continue_later);
	loopback.type = ARPHRD_LOOPBACK;
	loopback.flags = IFF_LOOPBACK | IFF_RUNNING;
	loopback.features = NETIF_CSUM | NETIF_TSO4 | NETIF_TSO6 | NETIF_SG;
	loopback.mtu = 65536;
	loopback.max_mtu = 65536;
	loopback.ops = &loopback_ops;
	netif_loopback = &loopback;
	netif_register(&loopback, "lo");
	netif_set_up(&loopback, true);
	ifaddr_add(&loopback, &one4, 8, IFADDR_KERNEL, UINT64_MAX, UINT64_MAX);
	ifaddr_add(&loopback, &one6, 128, IFADDR_KERNEL, UINT64_MAX, UINT64_MAX);
	net_leave();
}
