/* The DHCP client's state machine: RFC 2131 sections 3.1 and 4.4. */
#include "net/dhcp.h"
#include <asm/errno.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include "cmdline.h"
#include "lib/printk.h"
#include "lib/random.h"
#include "mm/kmalloc.h"
#include "net/checksum.h"
#include "net/dhcp_internal.h"
#include "net/frame.h"
#include "net/ip.h"
#include "net/net.h"
#include "net/netconfig.h"
#include "net/netif.h"
#include "net/packet.h"
#include "vfs/textbuf.h"

#define SECOND 1000000000ull
#define NEVER  UINT64_MAX
/* RFC 2131 4.1 has 4 s for a network of its day, and the times for us to choose. A machine that
 * boots in a tenth of a second must not stand still for four where its first frame is lost (a port
 * of a bridge that is not forwarding yet): a second, as DHCPv6's (RFC 8415 7.6, SOL_TIMEOUT). */
#define FIRST_WAIT    SECOND
#define LONGEST_WAIT  (64 * SECOND) /* 4.1 */
#define REQUEST_TRIES 4		    /* 4.4.1: then from the start */
#define DECLINE_WAIT  (10 * SECOND) /* 3.1 (5) */
#define CONFLICT_TIME (2 * SECOND)  /* how long after binding a conflict costs the address */
#define DEFEND_WAIT   (10 * SECOND) /* DEFEND_INTERVAL of RFC 5227 */
#define RETRY_MIN     (60 * SECOND) /* 4.4.5 */

static struct list clients = LIST_INIT(clients);

static const uint8_t everybody[ETH_ALEN] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

static uint64_t random_below(uint64_t max)
{
	uint64_t r;

	random_bytes(&r, sizeof r);
	return r % max;
}

static void set_due(struct dhcp *d, uint64_t when)
{
	d->due = when;
	if (when == NEVER)
		timer_cancel(&d->timer);
	else
		timer_arm(&d->timer, when);
}

/* Doubling from FIRST_WAIT, a second (at first less) either way at random. */
static uint64_t backoff(unsigned tries)
{
	uint64_t wait = tries < 7 ? FIRST_WAIT << tries : LONGEST_WAIT;
	uint64_t jitter = wait < 2 * SECOND ? wait / 2 : SECOND;

	return wait - jitter + random_below(2 * jitter);
}

/* Whole seconds from now on, without passing NEVER. */
static uint64_t after(uint64_t from, uint64_t seconds)
{
	return from + seconds * SECOND;
}

static bool link_ready(const struct netif *n)
{
	return (n->flags & IFF_UP) && (n->flags & IFF_RUNNING);
}

bool dhcp_pending(const struct netif *n)
{
	const struct dhcp *d = n->dhcp;

	return d && !d->bound && link_ready(n);
}

static void send_request(struct dhcp *d, struct dhcp_request *r)
{
	static uint8_t message[DHCP_MAX_SIZE];
	struct netif *n = d->netif;
	struct frame_ip f = {.mac = everybody,
			     .src = ip_from_v4(r->ciaddr),
			     .dst = ip_from_v4(0xffffffff),
			     .protocol = IPPROTO_UDP,
			     .ttl = 64};

	r->xid = d->xid;
	r->secs = (uint16_t)((net_now() - d->started) / SECOND);
	r->max_size = DHCP_MAX_INPUT;
	r->mac = n->mac;
	r->hostname = cmdline.hostname_given ? cmdline.hostname : NULL;
	d->sent++;
	frame_send_udp4(n, &f, DHCP_CLIENT_PORT, DHCP_SERVER_PORT, message, dhcp_build(r, message));
}

/* Section 4.4.5: a renewal goes to the server alone, through the routes. */
static void send_unicast(struct dhcp *d)
{
	uint8_t message[DHCP_MAX_SIZE];
	struct dhcp_request r = {.type = DHCPREQUEST,
				 .xid = d->xid,
				 .ciaddr = d->lease.addr,
				 .max_size = DHCP_MAX_INPUT,
				 .mac = d->netif->mac,
				 .hostname = cmdline.hostname_given ? cmdline.hostname : NULL};
	struct ip_tx tx = {.src = ip_from_v4(d->lease.addr),
			   .dst = ip_from_v4(d->lease.server),
			   .protocol = IPPROTO_UDP};
	struct route rt = {0};
	size_t n = dhcp_build(&r, message);

	if (route_lookup(&rt, &tx.dst, &tx.src, d->netif->index))
		return;
	struct packet *p = packet_alloc((uint32_t)(n + sizeof(struct udphdr)));
	struct udphdr *u = p ? packet_put(p, (uint32_t)(n + sizeof *u)) : NULL;
	if (!u) {
		packet_free(p);
		return;
	}
	*u = (struct udphdr){.source = hton16(DHCP_CLIENT_PORT),
			     .dest = hton16(DHCP_SERVER_PORT),
			     .len = hton16((uint16_t)p->len)};
	memcpy(u + 1, message, n);
	uint16_t sum = (uint16_t)~checksum_fold(
	    checksum_add(u, p->len, checksum_pseudo(&tx.src, &tx.dst, IPPROTO_UDP, p->len)));
	u->check = sum ? sum : 0xffff;
	p->l4 = p->data;
	d->sent++;
	ip_output(p, &rt, &tx);
}

static void discover(struct dhcp *d)
{
	struct dhcp_request r = {.type = DHCPDISCOVER, .broadcast = true};

	if (d->tries == 0 || d->state != DHCP_SELECTING) {
		random_bytes(&d->xid, sizeof d->xid);
		d->started = net_now();
		d->tries = 0;
	}
	d->state = DHCP_SELECTING;
	send_request(d, &r);
	set_due(d, net_now() + backoff(d->tries++));
}

/* Begins anew after a pause. */
static void restart(struct dhcp *d, uint64_t pause)
{
	d->state = DHCP_INIT;
	d->tries = 0;
	set_due(d, link_ready(d->netif) ? net_now() + pause : NEVER);
}

static void request_offer(struct dhcp *d)
{
	struct dhcp_request r = {.type = DHCPREQUEST,
				 .broadcast = true,
				 .requested = d->offer.addr,
				 .server = d->offer.server};

	d->state = DHCP_REQUESTING;
	send_request(d, &r);
	set_due(d, net_now() + backoff(d->tries++));
}

static void decline(struct dhcp *d, const struct dhcp_answer *a)
{
	struct dhcp_request r = {.type = DHCPDECLINE, .requested = a->addr, .server = a->server};
	uint32_t addr = ntoh32(a->addr);

	printk("unigornel: network: %s: another machine has the address %u.%u.%u.%u that DHCP "
	       "offers\n",
	       d->netif->name, addr >> 24, addr >> 16 & 255, addr >> 8 & 255, addr & 255);
	send_request(d, &r);
	restart(d, DECLINE_WAIT);
}

static void lose_lease(struct dhcp *d)
{
	if (d->bound)
		dhcp_lease_drop(d);
	d->bound = false;
}

static void on_offer(struct dhcp *d, const struct dhcp_answer *a)
{
	if (!a->server)
		return;
	d->offer = *a;
	d->tries = 0;
	d->conflict = false;
	/* The probe of RFC 2131 4.4.1, while the request is on its way: an answer comes as fast as
	 * the server's, and boot waits for neither. */
	frame_send_arp(d->netif, 0, a->addr);
	request_offer(d);
}

/* Section 4.4.5: half of what is left, not more often than once a minute while there is time. */
static void schedule_renewal(struct dhcp *d, uint64_t until)
{
	uint64_t now = net_now(), left = until > now ? until - now : 0, half = left / 2;

	if (until == NEVER)
		set_due(d, NEVER);
	else
		set_due(d, left > RETRY_MIN ? now + (half > RETRY_MIN ? half : RETRY_MIN) : until);
}

static void set_times(struct dhcp *d, uint64_t now)
{
	uint32_t lease = d->lease.lease, t1 = d->lease.t1, t2 = d->lease.t2;

	d->bound_at = now;
	d->t1 = d->t2 = d->expires = NEVER;
	if (lease == UINT32_MAX)
		return;
	/* Absurdly short leases would keep us busy; no lease at all is a server's mistake. */
	if (lease < 10)
		lease = lease ? 10 : 3600;
	if (t2 == 0 || t2 >= lease)
		t2 = (uint32_t)((uint64_t)lease * 7 / 8);
	if (t1 == 0 || t1 > t2)
		t1 = lease / 2 < t2 ? lease / 2 : t2;
	d->t1 = after(now, t1);
	d->t2 = after(now, t2);
	d->expires = after(now, lease);
}

static void on_ack(struct dhcp *d, const struct dhcp_answer *a)
{
	bool fresh = !d->bound;

	if (fresh && d->conflict) {
		decline(d, a);
		return;
	}
	if (d->bound && d->lease.addr != a->addr)
		lose_lease(d); /* renewals keep the address; a server that errs is believed */
	be32_t server = a->server ? a->server : d->lease.server;
	d->lease = *a;
	d->lease.server = server;
	set_times(d, net_now());
	if (!dhcp_lease_apply(d)) {
		d->bound = false;
		restart(d, DECLINE_WAIT);
		return;
	}
	d->bound = true;
	d->state = DHCP_BOUND;
	d->tries = 0;
	set_due(d, d->t1);
	if (fresh)
		netconfig_progress(); /* the address was announced when it was added (RFC 5227 2.3)
				       */
}

static void on_answer(struct dhcp *d, const struct dhcp_answer *a)
{
	switch (d->state) {
	case DHCP_SELECTING:
		if (a->type == DHCPOFFER)
			on_offer(d, a);
		else if (a->type == DHCPACK && a->rapid && a->server)
			on_ack(d, a);
		break;
	case DHCP_REQUESTING:
		if (a->type == DHCPACK && a->addr == d->offer.addr) {
			struct dhcp_answer ack = *a;
			if (!ack.server)
				ack.server = d->offer.server;
			on_ack(d, &ack);
		} else if (a->type == DHCPNAK && a->server == d->offer.server) {
			restart(d, FIRST_WAIT + random_below(SECOND));
		}
		break;
	case DHCP_RENEWING:
	case DHCP_REBINDING:
		if (a->type == DHCPACK) {
			on_ack(d, a);
		} else if (a->type == DHCPNAK) {
			lose_lease(d);
			restart(d, 0);
		}
		break;
	default:
		break;
	}
}

static void renew(struct dhcp *d, uint64_t now)
{
	if (now >= d->expires) {
		printk("unigornel: network: %s: the lease has ended and no DHCP server renews it\n",
		       d->netif->name);
		lose_lease(d);
		discover(d);
		return;
	}
	if (d->state == DHCP_BOUND) {
		random_bytes(&d->xid, sizeof d->xid);
		d->started = now;
	}
	if (now < d->t2) {
		d->state = DHCP_RENEWING;
		send_unicast(d);
		schedule_renewal(d, d->t2);
		return;
	}
	struct dhcp_request r = {.type = DHCPREQUEST, .ciaddr = d->lease.addr};
	d->state = DHCP_REBINDING;
	send_request(d, &r);
	schedule_renewal(d, d->expires);
}

static void run(struct dhcp *d)
{
	uint64_t now = net_now();

	if (!link_ready(d->netif)) {
		/* A lease outlives a pulled cable, but not its own end. */
		if (d->bound && now < d->expires) {
			set_due(d, d->expires);
			return;
		}
		lose_lease(d);
		restart(d, 0);
		return;
	}
	switch (d->state) {
	case DHCP_INIT:
	case DHCP_SELECTING:
		discover(d);
		break;
	case DHCP_REQUESTING:
		if (d->tries < REQUEST_TRIES)
			request_offer(d);
		else
			restart(d, 0);
		break;
	case DHCP_BOUND:
	case DHCP_RENEWING:
	case DHCP_REBINDING:
		renew(d, now);
		break;
	}
}

static void timer_func(struct timer *t)
{
	struct dhcp *d = container_of(t, struct dhcp, timer);

	net_enter();
	if (d->due <= net_now())
		run(d);
	else if (d->due != NEVER)
		timer_arm(t, d->due);
	net_leave();
}

/* The cable: plugged in again it may lead elsewhere, so the lease is confirmed at once (RFC 2131
 * 3.7). */
static void link_changed(enum net_event event, void *object)
{
	struct netif *n = object;
	struct dhcp *d = event == NET_LINK ? n->dhcp : NULL;

	if (!d)
		return;
	bool ready = link_ready(n), was = d->cable_at != NEVER;
	if (ready == was)
		return;
	d->cable_at = ready ? net_now() : NEVER;
	netconfig_progress();
	if (!ready)
		return;
	if (!d->bound) {
		restart(d, 0);
	} else {
		/* The address went with IFF_UP, perhaps. */
		struct ip_addr addr = ip_from_v4(d->lease.addr);
		if (!ifaddr_find_any(n, &addr)) {
			d->bound = false;
			restart(d, 0);
			return;
		}
		random_bytes(&d->xid, sizeof d->xid);
		d->started = net_now();
		d->state = DHCP_REBINDING;
		struct dhcp_request r = {.type = DHCPREQUEST, .ciaddr = d->lease.addr};
		send_request(d, &r);
		schedule_renewal(d, d->t2 > net_now() ? d->t2 : d->expires);
	}
}

int dhcp_start(struct netif *n)
{
	static struct net_notifier notifier = {.func = link_changed};
	static bool listening;
	struct dhcp *d = kzalloc(sizeof *d);

	if (!d)
		return -ENOMEM;
	if (!listening)
		net_notifier_add(&notifier);
	listening = true;
	d->netif = n;
	d->due = NEVER;
	timer_setup(&d->timer, timer_func);
	list_add_tail(&clients, &d->link);
	d->dns.netif = n;
	resolvconf_add(&d->dns);
	n->dhcp = d;
	d->cable_at = link_ready(n) ? net_now() : NEVER;
	if (link_ready(n))
		discover(d);
	return 0;
}

/* Length of the UDP payload and where it begins in p, whose data is at the IP header; 0: it is not
 * for a DHCP client, or its checksum is wrong. */
static uint32_t payload(const struct packet *p, uint32_t *offset)
{
	struct iphdr ip;
	struct udphdr u;

	if (p->len < sizeof ip)
		return 0;
	packet_read(p, 0, &ip, sizeof ip);
	uint32_t at = ip.ihl * 4u, total = ntoh16(ip.tot_len);
	if (ip.protocol != IPPROTO_UDP || (ip.frag_off & hton16(0x3fff)) || total > p->len ||
	    total < at + sizeof u)
		return 0;
	packet_read(p, at, &u, sizeof u);
	uint32_t len = ntoh16(u.len);
	if (u.dest != hton16(DHCP_CLIENT_PORT) || u.source != hton16(DHCP_SERVER_PORT) ||
	    len < sizeof u || len > total - at)
		return 0;
	if (u.check && p->csum == CSUM_NONE) {
		struct ip_addr src = ip_from_v4(ip.saddr), dst = ip_from_v4(ip.daddr);
		uint16_t sum = checksum_fold(checksum_pseudo(&src, &dst, IPPROTO_UDP, len));
		if (packet_sum(p, at, len, sum) != 0xffff)
			return 0;
	}
	*offset = at + (uint32_t)sizeof u;
	return len - (uint32_t)sizeof u;
}

bool dhcp_input(struct packet *p)
{
	static uint8_t message[DHCP_MAX_INPUT];
	static struct dhcp_answer answer;
	struct dhcp *d = p->netif->dhcp;
	uint32_t offset;

	/* Every UDP datagram comes by here: most of the time no answer is awaited. */
	if (!d || d->state == DHCP_BOUND || d->state == DHCP_INIT)
		return false;
	uint32_t n = payload(p, &offset);
	if (n == 0 || n > sizeof message)
		return false;
	packet_read(p, offset, message, n);
	if (!dhcp_parse(message, n, d->xid, d->netif->mac, &answer))
		return false;
	d->received++;
	packet_free(p);
	on_answer(d, &answer);
	return true;
}

void dhcp_arp_input(struct netif *n, const uint8_t mac[6], uint32_t ip)
{
	struct dhcp *d = n->dhcp;
	uint64_t now = net_now();

	if (!d || memcmp(mac, n->mac, ETH_ALEN) == 0)
		return;
	if (d->state == DHCP_REQUESTING && ip == d->offer.addr) {
		d->conflict = true;
		return;
	}
	if (!d->bound || ip != d->lease.addr)
		return;
	if (d->state == DHCP_BOUND && now - d->bound_at < CONFLICT_TIME) {
		lose_lease(d);
		decline(d, &d->lease);
	} else if (!d->defended || now - d->defended > DEFEND_WAIT) {
		/* RFC 5227 2.4 (b): ours, and we say so. */
		d->defended = now;
		frame_send_arp(n, ip, ip);
	}
}

static void show_addr(struct textbuf *t, const char *name, be32_t addr)
{
	const uint8_t *b = (const uint8_t *)&addr;

	text_printf(t, "%s %u.%u.%u.%u\n", name, b[0], b[1], b[2], b[3]);
}

void dhcp_show(struct textbuf *t)
{
	static const char *const states[] = {"init",  "selecting", "requesting",
					     "bound", "renewing",  "rebinding"};
	uint64_t now = net_now();

	list_for_each_entry (d, &clients, struct dhcp, link) {
		text_printf(t, "interface %s\nstate %s\nsent %lu\nreceived %lu\n", d->netif->name,
			    states[d->state], d->sent, d->received);
		if (!d->bound)
			continue;
		show_addr(t, "address", d->lease.addr);
		text_printf(t, "prefix %u\n", d->lease.prefix);
		show_addr(t, "server", d->lease.server);
		if (d->expires != NEVER)
			text_printf(t, "expires %lu\n",
				    d->expires > now ? (unsigned long)((d->expires - now) / SECOND)
						     : 0ul);
		for (unsigned i = 0; i < d->lease.nntp; i++)
			show_addr(t, "ntp", d->lease.ntp[i]);
	}
}
