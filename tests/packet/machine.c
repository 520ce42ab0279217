/* The virtual machine: clock, randomness, one network interface, the stack's start. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <asm/errno.h>
#include "hyper/hyper.h"
#include "lib/printk.h"
#include "mm/kmalloc.h"
#include "net/init.h"
#include "net/net.h"
#include "net/netif.h"
#include "net/networds.h"
#include "net/packet.h"
#include "net/route.h"
#include "net/socket.h"
#include "net/tcp.h"
#include "sched/timer.h"
#include "time/clock.h"
#include "../unit/vfs/shims.h"
#include "vfs/fdtable.h"
#include "machine.h"

void (*machine_sent)(const uint8_t *frame, size_t len);
uint64_t (*machine_next_event)(void);
void (*machine_run_events)(uint64_t now);
const char *machine_complaint;
unsigned machine_fail_one_in;
static unsigned feature_mask = ~0u;

/* Randomness that is the same in every run. */
static uint64_t random_state = 88172645463325252u;

static uint64_t next_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state * 2685821657736338717u;
}

void machine_seed(uint64_t seed)
{
	random_state = seed * 2862933555777941757u + 3037000493u;
	if (!random_state)
		random_state = 1;
	next_random();
}

void random_bytes(void *p, size_t n);
void random_bytes(void *p, size_t n)
{
	uint8_t *b = p;

	for (size_t i = 0; i < n; i++)
		b[i] = (uint8_t)(next_random() >> 24);
}

/* Memory; now and then there is none. */
static bool refuse(void)
{
	return machine_fail_one_in && next_random() % machine_fail_one_in == 0;
}

void *kmalloc(size_t size)
{
	return refuse() ? NULL : malloc(size);
}

void *kzalloc(size_t size)
{
	return refuse() ? NULL : calloc(1, size);
}

void *krealloc(void *p, size_t size)
{
	return refuse() ? NULL : realloc(p, size);
}

void kfree(void *p)
{
	free(p);
}

/* The clock. */
uint64_t machine_now(void)
{
	return vfs_test_monotonic;
}

void clock_event_set(uint64_t deadline)
{
	(void)deadline;
}

bool machine_step(uint64_t limit)
{
	uint64_t timer = timer_next(), event = machine_next_event ? machine_next_event() : ~0ul;
	uint64_t next = timer < event ? timer : event;

	if (next > limit)
		return false;
	if (next > vfs_test_monotonic) {
		vfs_test_realtime += next - vfs_test_monotonic;
		vfs_test_monotonic = next;
	}
	/* The peer first: what arrives at the moment of a timeout was in time. */
	if (event <= next)
		machine_run_events(vfs_test_monotonic);
	else
		timer_run();
	return true;
}

void machine_run_until(uint64_t ns)
{
	unsigned still = 0;
	uint64_t last = 0;

	while (machine_step(ns)) {
		still = vfs_test_monotonic == last ? still + 1 : 0;
		last = vfs_test_monotonic;
		if (still > 200000)
			panic("timers or events that never let the clock go on");
	}
	if (ns > vfs_test_monotonic) {
		vfs_test_realtime += ns - vfs_test_monotonic;
		vfs_test_monotonic = ns;
	}
}

/* A thread that waits lets time go by. */
static int sleep_until(uint64_t deadline)
{
	if (machine_step(deadline))
		return 0;
	if (deadline == UINT64_MAX)
		panic("would sleep for ever");
	machine_run_until(deadline);
	return -ETIMEDOUT;
}

/* The interface. */
static struct netif eth0 = {
    .type = 1, /* ARPHRD_ETHER */
    .mac = {0x02, 0, 0, 0, 0, 1},
    .mtu = 1500,
    .min_mtu = 68,
    .max_mtu = 65535,
};

static uint32_t sum_bytes(const uint8_t *p, size_t n, uint32_t sum)
{
	for (size_t i = 0; i < n; i++) {
		sum += (uint32_t)p[i] << (i & 1 ? 0 : 8);
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return sum;
}

/* Folded sum of the pseudo header of the datagram at ip. */
static uint32_t pseudo_sum(const uint8_t *ip, uint8_t protocol, size_t len)
{
	uint32_t sum = ip[0] >> 4 == 4 ? sum_bytes(ip + 12, 8, 0) : sum_bytes(ip + 8, 32, 0);
	uint8_t rest[4] = {(uint8_t)(len >> 8), (uint8_t)len, 0, protocol};

	return sum_bytes(rest, 4, sum);
}

static void store(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* Completes the checksum of a partial packet, as a device does. */
static void complete(uint8_t *f, size_t len, size_t start, size_t offset)
{
	if (start + offset + 2 > len) {
		machine_complaint = "csum_start and csum_offset beyond the frame";
		return;
	}
	uint32_t sum = ~sum_bytes(f + start, len - start, 0) & 0xffff;
	store(f + start + offset, sum ? sum : 0xffff);
}

/* Cuts what a device with TSO would cut (virtio 1.2, 5.1.6.2.1), by our own means. */
static void cut(uint8_t *f, size_t len, size_t l4, uint8_t gso, size_t size)
{
	size_t l3 = 14, header = l4 + (gso <= GSO_TCP6 ? (size_t)(f[l4 + 12] >> 4) * 4 : 8);
	static uint8_t piece[65536 + 256];
	uint32_t seq = (uint32_t)f[l4 + 4] << 24 | (uint32_t)f[l4 + 5] << 16 |
		       (uint32_t)f[l4 + 6] << 8 | f[l4 + 7];
	unsigned id = (unsigned)(f[l3 + 4] << 8 | f[l3 + 5]);
	bool tcp = gso <= GSO_TCP6;

	if (!size || header > len) {
		machine_complaint = "GSO size or header";
		return;
	}
	for (size_t at = header; at < len; at += size, id++) {
		size_t n = len - at < size ? len - at : size;
		bool last = at + n == len;
		memcpy(piece, f, header);
		memcpy(piece + header, f + at, n);
		if (f[l3] >> 4 == 4) {
			store(piece + l3 + 2, (uint32_t)(header - l3 + n));
			store(piece + l3 + 4, id & 0xffff);
			store(piece + l3 + 10, 0);
			store(piece + l3 + 10,
			      ~sum_bytes(piece + l3, (f[l3] & 15u) * 4, 0) & 0xffff);
		} else {
			store(piece + l3 + 4, (uint32_t)(header - l3 - 40 + n));
		}
		size_t l4len = header - l4 + n, field = tcp ? 16 : 6;
		if (tcp) {
			store(piece + l4 + 4, seq >> 16);
			store(piece + l4 + 6, seq & 0xffff);
			if (!last) /* PSH and FIN belong to the last, CWR to the first */
				piece[l4 + 13] &= (uint8_t)~0x09;
			if (at != header)
				piece[l4 + 13] &= (uint8_t)~0x80;
			seq += (uint32_t)n;
		} else {
			store(piece + l4 + 4, (uint32_t)l4len);
		}
		store(piece + l4 + field, 0);
		uint32_t sum =
		    sum_bytes(piece + l4, l4len, pseudo_sum(piece + l3, tcp ? 6 : 17, l4len));
		sum = ~sum & 0xffff;
		store(piece + l4 + field, sum ? sum : 0xffff);
		machine_sent(piece, header + n);
	}
}

static int xmit(struct netif *n, struct packet *p)
{
	static uint8_t f[65536 + 256];
	size_t len = p->len, l4 = p->csum == CSUM_PARTIAL ? (size_t)(p->csum_start - p->data) : 0;
	uint8_t gso = p->gso;
	size_t size = p->gso_size, offset = p->csum_offset;
	bool partial = p->csum == CSUM_PARTIAL;

	if (len > sizeof f || len < 14)
		panic("a frame of %zu bytes", len);
	if (packet_linear(p) > p->len)
		panic("linear part longer than the packet");
	if (partial && !(n->features & NETIF_CSUM))
		machine_complaint = "CSUM_PARTIAL without NETIF_CSUM";
	if (gso && !partial)
		machine_complaint = "GSO without CSUM_PARTIAL";
	if ((gso == GSO_TCP4 && !(n->features & NETIF_TSO4)) ||
	    (gso == GSO_TCP6 && !(n->features & NETIF_TSO6)) ||
	    (gso > GSO_TCP6 && !(n->features & NETIF_USO)))
		machine_complaint = "GSO that was not offered";
	if (p->nfrags && !(n->features & NETIF_SG))
		machine_complaint = "fragments without NETIF_SG";
	packet_read(p, 0, f, (uint32_t)len);
	if (!gso && len > n->mtu + 14)
		machine_complaint = "a frame longer than the MTU";
	packet_free(p);
	if (partial) {
		/* The field must hold the pseudo header's sum: what is under it is not summed. */
		size_t l4len = len - l4;
		uint8_t protocol = f[14] >> 4 == 4 ? f[14 + 9] : offset == 16 ? 6 : 17;
		uint32_t want = pseudo_sum(f + 14, protocol, l4len);
		uint32_t got = (uint32_t)(f[l4 + offset] << 8 | f[l4 + offset + 1]);
		if (f[14] >> 4 == 6 && offset == 2)
			want = pseudo_sum(f + 14, 58, l4len);
		if (l4 < 34 || l4 + offset + 2 > len || (got % 0xffff) != (want % 0xffff))
			machine_complaint = "CSUM_PARTIAL: not the pseudo header's sum";
	}
	if (gso)
		cut(f, len, l4, gso, size);
	else {
		if (partial)
			complete(f, len, l4, offset);
		machine_sent(f, len);
	}
	return 0;
}

static void flush(struct netif *n)
{
	(void)n;
}

static const struct netif_ops ops = {.xmit = xmit, .flush = flush};

static struct hypervisor no_hypervisor;

void machine_restrict_features(unsigned mask)
{
	feature_mask = mask;
}

void machine_start(bool offloads)
{
	hyper = &no_hypervisor;
	vfs_test_setup(NULL);
	vfs_test_sleep = sleep_until;
	vfs_test_monotonic = 1000 * 1000000000ul;
	packet_stats.bytes_limit = 64u << 20;
	ip_init();
	loopback_init();
	socket_init();
	udp_init();
	raw_init();
	tcp_init();
	unix_init();
	netlink_init();
	packet_socket_init();
	eth0.ops = &ops;
	if (offloads)
		eth0.features =
		    (NETIF_CSUM | NETIF_TSO4 | NETIF_TSO6 | NETIF_SG | NETIF_USO) & feature_mask;
	net_enter();
	if (!packet_stats.bytes_limit)
		packet_stats.bytes_limit = 64u << 20;
	netif_register(&eth0, "eth%d");
	netif_set_link(&eth0, true);
	netif_set_up(&eth0, true);
	net_leave();
}

void machine_batch(bool begin)
{
	if (begin) {
		net_enter();
	} else {
		netif_input_end();
		net_leave();
	}
}

/* Memory just as large as what is in it, so that a read beyond is seen. */
static void release_exact(struct netbuf *b)
{
	packet_stats.netbufs--;
	packet_stats.bytes -= b->size;
	free(b->data);
	free(b);
}

static struct netbuf *exact(const uint8_t *bytes, size_t len, size_t before)
{
	struct netbuf *b = calloc(1, sizeof *b);

	b->refs = 1;
	b->size = (uint32_t)(before + len);
	b->data = malloc(b->size ? b->size : 1);
	memset(b->data, 0, before);
	memcpy(b->data + before, bytes, len);
	b->release = release_exact;
	packet_stats.netbufs++;
	packet_stats.bytes += b->size;
	return b;
}

void machine_receive(const uint8_t *frame, size_t len, bool split)
{
	/* As the driver: room in front, then in some cases the payload in another buffer. */
	size_t first = split && len > 100 ? 100 : len;
	struct packet *p = packet_wrap(exact(frame, first, 64), 64, (uint32_t)first);

	for (size_t at = first; p && at < len;) {
		size_t n = len - at < 700 ? len - at : 700;
		if (packet_add_frag(p, exact(frame + at, n, 0), 0, (uint32_t)n) != 0)
			panic("too many fragments");
		at += n;
	}
	if (p)
		netif_input(&eth0, p);
}

void machine_close_all(void)
{
	for (int fd; (fd = fd_next(0)) >= 0;)
		fd_close(fd);
}

/* What packet.h promises to the cases. */
uint64_t packets_alive(void);
uint64_t packet_bytes(void);
uint64_t sockets_alive(void);
void packet_bytes_limit(uint64_t bytes);
void machine_add_address(const char *text, unsigned prefix);
int machine_ifindex(void);
void machine_set_mtu(uint32_t mtu);
void machine_link(bool up);
bool machine_has_address(const char *text);
void machine_add_route(const char *gateway);

uint64_t packets_alive(void)
{
	return packet_stats.packets + packet_stats.netbufs;
}

uint64_t packet_bytes(void)
{
	return packet_stats.bytes;
}

uint64_t sockets_alive(void)
{
	return socket_count;
}

void packet_bytes_limit(uint64_t bytes)
{
	packet_stats.bytes_limit = bytes;
}

void machine_add_address(const char *text, unsigned prefix)
{
	struct ip_addr a;

	if (!ip_parse(text, &a))
		panic("address %s", text);
	net_enter();
	int err = ifaddr_add(&eth0, &a, (uint8_t)prefix, IFADDR_STATIC, UINT64_MAX, UINT64_MAX);
	net_leave();
	if (err)
		panic("ifaddr_add %s: %d", text, err);
}

void machine_add_route(const char *gateway)
{
	struct route_entry e = {.type = 1 /* RTN_UNICAST */,
				.protocol = 4 /* RTPROT_STATIC */,
				.netif = &eth0,
				.expires = UINT64_MAX};

	ip_parse(gateway, &e.gateway);
	if (ip_is_v4(&e.gateway)) {
		e.dst = ip_from_v4(0);
		e.prefix = 96;
	}
	net_enter();
	int err = route_add(&e);
	net_leave();
	if (err)
		panic("route_add via %s: %d", gateway, err);
}

int machine_ifindex(void)
{
	return eth0.index;
}

void machine_set_mtu(uint32_t mtu)
{
	net_enter();
	int err = netif_set_mtu(&eth0, mtu);
	net_leave();
	if (err)
		panic("netif_set_mtu: %d", err);
}

void machine_link(bool up)
{
	net_enter();
	netif_set_link(&eth0, up);
	net_leave();
}

bool machine_has_address(const char *text)
{
	struct ip_addr a;

	if (!ip_parse(text, &a))
		panic("address %s", text);
	net_enter();
	bool found = ifaddr_find(&eth0, &a) != NULL;
	net_leave();
	return found;
}

/* DHCP and router solicitation on the interface, as the command line would start them. */
void machine_configure(const char *words);
void machine_configure(const char *words)
{
	static char kept[100]; /* the words stay in use */
	const char *error = NULL;

	snprintf(kept, sizeof kept, "%s", words ? words : "");
	if (words && !networds_parse(kept, &error))
		panic("not a word about the network: %s", words);
	if (error)
		panic("%s: %s", words, error);
	netconfig_start();
}

/* Only the end of a machine waits like this. */
void sched_serve_interrupt(void);
void sched_serve_interrupt(void)
{
	machine_step(UINT64_MAX);
}

/* What sockets there are, for a case that finds too many. */
void machine_dump(void);
void machine_dump(void)
{
	list_for_each_entry (so, &socket_list, struct socket, all_link) {
		fprintf(stderr, "%s socket, family %d, type %d%s", so->proto->name, so->family,
			so->type, so->file ? ", open" : "");
		if (so->type == 1 && (so->family == 2 || so->family == 10)) {
			const struct tcp_sock *tp = tcp_of(so);
			fprintf(stderr,
				": state %u, orphan %d, dead %d, una %u, nxt %u, write %u, timer "
				"%d, now %lu",
				tp->state, tp->orphan, tp->dead, tp->snd_una, tp->snd_nxt,
				tp->write_seq, tp->timer_pending, vfs_test_monotonic);
			for (unsigned i = 0; i < TCP_TIMERS; i++)
				if (tp->deadline[i])
					fprintf(stderr, ", deadline %u: %lu", i, tp->deadline[i]);
		}
		fputc('\n', stderr);
	}
}
