/*
 * The virtio network driver against a device that does what the input says: three bytes a step, an
 * action and its numbers. The device may write what it likes wherever it may write.
 */
#include "driver.h"
#include "../unit/virtio_net_device.h"
#include "engine.h"

const char fuzz_name[] = "virtio";

void fuzz_setup(void)
{
}

static void send_packet(struct virtio_net *v, uint8_t a, uint8_t b)
{
	struct packet *p = packet_alloc(60);

	if (!p)
		return;
	memset(packet_put(p, 60), 0, 60);
	for (unsigned i = 0; i < a % 19u; i++) {
		struct netbuf *f = netbuf_alloc(100u + b);

		if (f)
			packet_add_frag(p, f, 0, 100u + b);
	}
	net_enter();
	v->netif.ops->xmit(&v->netif, p);
	want_flush = true;
	net_leave();
}

/* The next buffer of queue q is used: its first bytes are taken from the input. */
static size_t use_buffer(unsigned q, uint8_t len_high, uint8_t len_low, const uint8_t *data,
			 size_t size)
{
	struct vring_desc s[64];
	uint16_t id;
	unsigned n = take(q, &id, s);

	/* A buffer that it said it had used already is not its own any more. */
	if (!n || !dev.queues[q].vq->slots[id].descriptors)
		return 0;
	if (size > NET_HEADER)
		size = NET_HEADER;
	for (unsigned i = 0; i < n; i++)
		if (s[i].flags & VRING_DESC_F_WRITE)
			memcpy((void *)(uintptr_t)s[i].addr, data,
			       s[i].len < size ? s[i].len : size);
	use(q, id, (uint32_t)len_high << 8 | len_low);
	return size;
}

static void step(struct virtio_net *v, uint8_t action, uint8_t a, uint8_t b)
{
	switch (action % 9) {
	case 0:
		use(a % 3u, b, a);
		break;
	case 1:
		((uint8_t *)dev.queues[a % 3u].vq->used)[b % 64u] = action;
		break;
	case 2:
		send_packet(v, a, b);
		break;
	case 3:
		v->netif.flags ^= IFF_PROMISC;
		v->netif.mac[5] = a;
		net_enter();
		v->netif.ops->set_rx_mode(&v->netif);
		net_leave();
		break;
	case 4:
		run_timer(&v->poll);
		run_timer(&v->broken);
		break;
	case 5:
		epoll_busy = a & 1;
		break;
	case 6:
		config.status = a;
		virtio_config_interrupt(&dev.d);
		break;
	case 7:
		packet_stats.bytes_limit = (a & 1 ? 64u << 20 : packet_stats.bytes + b * 64u);
		break;
	default:
		interrupt();
		if (a & 1)
			free_got();
	}
	if (ngot > GOT_MAX / 2)
		free_got();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct virtio_net *v;

	if (size < 2)
		return 0;
	v = start_with(data[0] & 1   ? ALL
		       : data[0] & 2 ? ALL & ~F(MRG_RXBUF)
				     : ALL & ~F(GUEST_TSO4),
		       16u << data[1] % 5u);
	for (data += 2, size -= 2; v && size >= 3; data += 3, size -= 3) {
		if (data[0] < 128) {
			step(v, data[0], data[1], data[2]);
		} else if (!dev.d.broken) {
			size_t n = use_buffer(data[0] % 3u, data[1], data[2], data + 3, size - 3);

			data += n;
			size -= n;
		}
	}
	if (v)
		stop(v);
	return 0;
}
