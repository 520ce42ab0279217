/*
 * Xen's network frontend against a backend that does what the input says: what it offers in the
 * store, then four bytes a step, an action and its numbers. It may write what it likes to the pages
 * it was granted: indices, answers that were never asked for, extra slots, lengths, offsets.
 */
#include "driver.h"
#include "../unit/netfront_backend.h"
#include "engine.h"

const char fuzz_name[] = "netfront";

#define PAGES 1024u /* that there are */

void fuzz_setup(void)
{
}

static struct netif *eth0;

/* What the input says next; zeros after its end. */
static const uint8_t *input;
static size_t left;

static uint8_t byte(void)
{
	if (!left)
		return 0;
	left--;
	return *input++;
}

static uint16_t word(void)
{
	uint16_t low = byte();

	return (uint16_t)(low | byte() << 8);
}

/* A node of the backend's: missing, sensible, or any text. */
static void offer_some(void)
{
	static const char *const names[] = {"feature-rx-copy",
					    "feature-sg",
					    "feature-gso-tcpv4",
					    "feature-gso-tcpv6",
					    "feature-ipv6-csum-offload",
					    "feature-no-csum-offload",
					    "feature-split-event-channels",
					    "feature-multicast-control",
					    "feature-dynamic-multicast-control",
					    "multi-queue-max-queues",
					    "mtu"};
	char text[6] = {0};

	offer_all();
	for (unsigned n = byte() % 8u; n; n--) {
		const char *name = names[byte() % (sizeof names / sizeof *names)];

		switch (byte() % 4) {
		case 0:
			offer(name, "0");
			break;
		case 1:
			offer(name, "1");
			break;
		case 2:
			snprintf(text, sizeof text, "%u", word());
			offer(name, text);
			break;
		default:
			for (unsigned i = 0; i < 5; i++)
				text[i] = (char)byte();
			offer(name, text);
		}
	}
	if (byte() % 8 == 0)
		set_node(FRONTEND, "mtu", byte() & 1 ? "9000" : "70000");
	if (byte() % 16 == 0)
		set_node(FRONTEND, "mac", "00:16:3e:zz");
}

/* A frame for the backend, of what the interface says that it takes. */
static void send_packet(uint8_t a, uint8_t b)
{
	uint8_t head[54] = {2, 2, 2, 2, 2, 2, 4, 4, 4, 4, 4, 4, 8, 0, 0x45};
	struct packet *p = packet_alloc(2000);
	unsigned features = interface->features;

	if (!p)
		return;
	head[23] = b & 1 ? 6 : 17;
	head[46] = 0x50; /* TCP's header has no options */
	memcpy(packet_put(p, sizeof head), head, sizeof head);
	memset(packet_put(p, b * 4u), 0x33, b * 4u);
	for (unsigned i = 0; features & NETIF_SG && i < a % 19u && i < PACKET_MAX_FRAGS; i++) {
		uint32_t n = 1u + (b & 2 ? 4095u : b * 16u);
		struct netbuf *f = netbuf_alloc(n);

		if (f) {
			memset(f->data, 0x55, n);
			packet_add_frag(p, f, 0, n);
		}
	}
	put_be16(p->data + 16, (uint16_t)(p->len < 65535 + 14 ? p->len - 14 : 65535));
	if (b & 4 && features & NETIF_CSUM) {
		p->csum = CSUM_PARTIAL;
		p->l4 = p->csum_start = p->data + 34;
		p->csum_offset = b & 1 ? 16 : 6;
		if (b & 8 && b & 1 && features & NETIF_TSO4 && p->len > 1514) {
			p->gso = GSO_TCP4;
			p->gso_size = 1448;
		}
	}
	p->l3 = p->data + 14;
	net_enter();
	if (p->len <= interface->mtu + 14 || p->gso) {
		interface->ops->xmit(interface, p);
		want_flush = true;
	} else {
		packet_free(p);
	}
	net_leave();
}

/* What is in the next receive request's page, and what the answer says of it. */
static void answer_receive(void)
{
	uint32_t i = backend.rx_cons;
	union netif_rx_sring_entry *e = rx_slot(backend.rx->rsp_prod);
	uint8_t how = byte(), *page = NULL;
	uint16_t offset = word(), flags = byte() % 32u, id;
	int16_t status = (int16_t)word();

	if (how & 1) { /* as it should be */
		offset %= 64;
		status = (int16_t)((uint16_t)status % (PAGE_SIZE - 64u));
	}
	if (backend.rx->req_prod - i - 1 < NETFRONT_ENTRIES) {
		struct netif_rx_request r = rx_slot(i)->req;
		page = granted(r.gref, true);
		backend.rx_cons++;
	}
	if (page) {
		uint8_t *at = page + offset % PAGE_SIZE;
		unsigned n = byte() % 80u;

		for (unsigned k = 0; k < n && at + k < page + PAGE_SIZE && left; k++)
			at[k] = byte();
	}
	id = how & 2 ? (uint16_t)(backend.rx->rsp_prod % NETFRONT_ENTRIES) : word();
	e->rsp = (struct netif_rx_response){
	    .id = id, .offset = offset, .flags = flags, .status = status};
	if (how & 4)
		backend.rx->rsp_prod++;
	else
		backend.rx->rsp_prod += byte();
}

static void answer_extra(void)
{
	uint8_t *e = (void *)rx_slot(backend.rx->rsp_prod);

	for (unsigned i = 0; i < sizeof(struct netif_extra_info); i++)
		e[i] = byte();
	backend.rx->rsp_prod++;
	backend.rx_cons++;
}

static void answer_send(void)
{
	uint8_t how = byte();
	uint16_t id = how & 1 && backend.tx->req_prod != backend.tx_cons
			  ? tx_slot(backend.tx_cons)->req.id
			  : word();

	backend.tx_cons++;
	tx_slot(backend.tx->rsp_prod)->rsp =
	    (struct netif_tx_response){id, how & 2 ? NETIF_RSP_OKAY : (int16_t)(int8_t)byte()};
	backend.tx->rsp_prod += how & 4 ? 1u : byte();
}

static void scribble(void)
{
	uint8_t *ring = byte() & 1 ? (uint8_t *)backend.tx : (uint8_t *)backend.rx;
	unsigned at = byte() & 1 ? word() % PAGE_SIZE : byte() % 64u;

	ring[at] = byte();
}

/* Any page it was granted, at any time: those of frames that were handed up are not its any more.
 */
static void scribble_pages(void)
{
	unsigned at = word() % PAGE_SIZE;
	uint8_t value = byte();

	for (unsigned i = 0; i < grants_end; i++)
		if (grants[i].active && !grants[i].readonly)
			grants[i].page[at] = value;
}

static void multicast(void)
{
	net_enter();
	interface->flags ^= byte() & 1 ? IFF_PROMISC : IFF_ALLMULTI;
	interface->ops->set_rx_mode(interface);
	net_leave();
	run_work();
}

static void step(void)
{
	switch (byte() % 16) {
	case 0:
	case 1:
	case 2:
		answer_receive();
		break;
	case 3:
		answer_extra();
		break;
	case 4:
	case 5:
		answer_send();
		break;
	case 6:
		scribble();
		break;
	case 7:
		scribble_pages();
		break;
	case 8:
	case 9: {
		uint8_t a = byte();
		send_packet(a, byte());
		break;
	}
	case 10:
		run_timer(&front()->queues[0].poll);
		break;
	case 11:
		epoll_busy = byte() & 1;
		break;
	case 12: {
		uint8_t b = byte();
		packet_stats.bytes_limit = b & 1 ? 64u << 20 : packet_stats.bytes + b * 64u;
		page_limit = b & 2 ? PAGES : live_pages + b;
		break;
	}
	case 13:
		multicast();
		break;
	case 14:
		if (byte() & 1)
			free_got();
		break;
	default:
		event(byte() & 1 ? backend.rx_port : backend.tx_port);
	}
	if (ngot > GOT_MAX / 2)
		free_got();
}

/* Both ends become Connected, as in plug(), which insists on an honest backend. */
static bool connect_backend(void)
{
	const char *rx, *tx;

	if (xen_netfront.connect(&device))
		return false;
	failure = NULL;
	rx = node(FRONTEND, "event-channel-rx");
	tx = node(FRONTEND, "event-channel-tx");
	if (!front()->features.split)
		rx = tx = node(FRONTEND, "event-channel");
	if (!node(FRONTEND, "tx-ring-ref"))
		return false; /* several queues */
	backend.tx = (void *)granted(number("tx-ring-ref"), true);
	backend.rx = (void *)granted(number("rx-ring-ref"), true);
	backend.rx_port = (unsigned)atoi(rx);
	backend.tx_port = (unsigned)atoi(tx);
	backend.tx_cons = backend.rx_cons = 0;
	return xen_netfront.ready(&device) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned rounds = 0;

	input = data;
	left = size;
	clean();
	page_limit = PAGES;
	/* One interface for all inputs: they are never freed. */
	device.id = 1;
	set_node(FRONTEND, "mac", "00:16:3e:00:00:01");
	interface = eth0;
	if (eth0) {
		eth0->mtu = 1500;
		eth0->flags = IFF_BROADCAST | IFF_MULTICAST;
	}
	offer_some();
	if (xen_netfront.probe(&device))
		return 0;
	eth0 = interface;
	do {
		if (connect_backend())
			for (unsigned n = 0; left && n < 200; n++)
				step();
		unplug(0);
		backend.tx = NULL;
		backend.rx = NULL;
	} while (left && ++rounds < 3);
	xen_netfront.removed(&device);
	assert_int_equal(live_pages, 0);
	assert_int_equal(packet_stats.netbufs, 0);
	assert_int_equal(packet_stats.bytes, 0);
	return 0;
}
