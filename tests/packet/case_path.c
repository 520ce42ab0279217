/*
 * Whole transfers over a path that delays, loses, reorders, duplicates and damages. The machine is
 * both ends: what it sends to the peer's address comes back with source and destination exchanged
 * (which no checksum minds), so that its client talks to its own server. Virtual time makes it
 * deterministic, and a minute of transfer takes a second.
 */
#include <asm/errno.h>
#include <math.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "machine.h"
#include "peer.h"

static struct path {
	double delay;				 /* ms each way */
	double loss, reorder, duplicate, damage; /* 0 to 1 */
	double jitter;				 /* ms more for those that are reordered */
	double hold;				 /* or exactly so much */
	double rate;				 /* bytes a ms; 0: as fast as it comes */
	double queue;				 /* ms the bottleneck's queue holds */
	bool cut;				 /* nothing passes */
} path;
static uint64_t dice_state;
static unsigned carried, lost;
/* Pauses of the last transfer that were timeouts (the least is 200 ms), and their time in ms. */
static unsigned timeouts;
static double timeouts_ms;
static double busy_until[2];

static double dice(void)
{
	dice_state ^= dice_state << 13;
	dice_state ^= dice_state >> 7;
	dice_state ^= dice_state << 17;
	return (double)(dice_state >> 11) / 9007199254740992.0;
}

struct parcel {
	size_t len;
	uint8_t data[];
};

static void deliver(void *arg)
{
	struct parcel *p = arg;

	put_frame(p->data, p->len);
	free(p);
}

static void forward(const uint8_t *f, size_t len, double ms)
{
	struct parcel *p = malloc(sizeof *p + len);
	uint8_t *h = p->data + 14, keep[16];
	size_t n = be16_at(f + 12) == 0x0800 ? 4 : 16, at = n == 4 ? 12 : 8;

	p->len = len;
	memcpy(p->data, f, len);
	memcpy(p->data, local_mac, 6);
	memcpy(p->data + 6, peer_mac, 6);
	memcpy(keep, h + at, n);
	memcpy(h + at, h + at + n, n);
	memcpy(h + at + n, keep, n);
	if (dice() < path.damage)
		p->data[14 + (size_t)(dice() * (double)(len - 14))] ^=
		    (uint8_t)(1u << (int)(dice() * 8));
	event_add(ms, deliver, p);
}

static void carry(const uint8_t *f, size_t len)
{
	unsigned type = be16_at(f + 12);
	size_t ports = type == 0x0800 ? 14 + 20 : 14 + 40;

	if (type == 0x0806) { /* the other one's address is no secret */
		if (be16_at(f + 20) == 1 && be32_at(f + 28) != be32_at(f + 38)) {
			uint8_t r[42];
			memcpy(r, f, 42);
			memcpy(r, local_mac, 6);
			memcpy(r + 6, peer_mac, 6);
			r[21] = 2;
			memcpy(r + 22, peer_mac, 6);
			memcpy(r + 28, f + 38, 4);
			memcpy(r + 32, f + 22, 10);
			struct parcel *p = malloc(sizeof *p + 42);
			p->len = 42;
			memcpy(p->data, r, 42);
			event_add(0, deliver, p);
		}
		return;
	}
	uint8_t protocol = f[type == 0x0800 ? 23 : 20];
	if (protocol == 58 && len >= 14 + 40 + 24 && f[54] == 135) {
		uint8_t na[32] = {136};
		struct ip_fields i = {.protocol = 58, .ttl = 255};
		if (f[14 + 8] == 0)
			return;
		na[4] = 0x60;
		memcpy(na + 8, f + 54 + 8, 16);
		na[24] = 2, na[25] = 1;
		memcpy(na + 26, peer_mac, 6);
		i.src.v6 = i.dst.v6 = true;
		memcpy(i.src.b, f + 54 + 8, 16);
		memcpy(i.dst.b, f + 14 + 8, 16);
		set_be16(na + 2, pseudo_checksum(i.src, i.dst, 58, na, 32));
		/* From within a transmission nothing may come in. */
		uint8_t b[14 + 40 + 32] = {0};
		memcpy(b, local_mac, 6);
		memcpy(b + 6, peer_mac, 6);
		set_be16(b + 12, 0x86dd);
		b[14] = 0x60;
		set_be16(b + 18, 32);
		b[20] = 58, b[21] = 255;
		memcpy(b + 22, i.src.b, 16);
		memcpy(b + 38, i.dst.b, 16);
		memcpy(b + 54, na, 32);
		struct parcel *p = malloc(sizeof *p + sizeof b);
		p->len = sizeof b;
		memcpy(p->data, b, sizeof b);
		event_add(0, deliver, p);
		return;
	}
	if (protocol != 6)
		return;
	carried++;
	if (path.cut || dice() < path.loss) {
		lost++;
		return;
	}
	double ms = path.delay;
	if (path.rate > 0) {
		int way = be16_at(f + ports) == 80;
		double now = now_ms(), start = busy_until[way] > now ? busy_until[way] : now;
		if (start - now > path.queue) {
			lost++;
			return;
		}
		busy_until[way] = start + (double)len / path.rate;
		ms += busy_until[way] - now;
	}
	if (dice() < path.reorder)
		ms += path.hold > 0 ? path.hold : path.jitter * dice();
	forward(f, len, ms);
	if (dice() < path.duplicate)
		forward(f, len, ms + dice());
}

static int server, client;

static void connect_ends(void)
{
	int l = listen_on(80, 5);

	dice_state = 0x9e3779b97f4a7c15u;
	frame_tap = carry;
	client = sk_tcp();
	double start = now_ms();
	CHECK_EQ(sk_connect(client, peer_address(), 80), -EINPROGRESS);
	while (!(sk_poll(client) & POLLOUT)) {
		run_ms(1);
		CHECK(now_ms() - start < 130e3);
	}
	while ((server = (int)sk_accept(l)) < 0) {
		run_ms(1);
		CHECK(now_ms() - start < 130e3);
	}
	log_now = false;
}

/* Sends total bytes from one end to the other; returns KB a second. */
static double transfer(int from, int to, size_t total, double limit_ms)
{
	double start = now_ms(), end = start + limit_ms;
	size_t goal = received_bytes(to) + total, left = total;
	double stalled = 0, last = start;

	timeouts = 0;
	timeouts_ms = 0;
	unsigned retrans, n = sizeof(struct tcp_info);
	struct tcp_info i;

	while (received_bytes(to) < goal) {
		while (left) {
			long r = sk_send(from, left < 65536 ? left : 65536, 0);
			if (r <= 0) {
				if (r != -EAGAIN)
					fail(__FILE__, __LINE__, "send: %ld", r);
				break;
			}
			left -= (size_t)r;
		}
		if (!machine_step(machine_now() + 10000000000u))
			fail(__FILE__, __LINE__, "it has stopped: %zu of %zu bytes",
			     total - (goal - received_bytes(to)), total);
		long r = sk_recv(to, 1 << 20, 0);
		if (r > 0) {
			double pause = now_ms() - last;
			if (pause > stalled)
				stalled = pause;
			if (pause > 199) {
				timeouts++;
				timeouts_ms += pause;
			}
			last = now_ms();
		} else if (r != -EAGAIN)
			fail(__FILE__, __LINE__, "recv: %ld", r);
		if (now_ms() > end)
			fail(__FILE__, __LINE__, "%zu of %zu bytes in %.0f ms",
			     total - (goal - received_bytes(to)), total, limit_ms);
	}
	double rate = (double)total / (now_ms() - start);
	sk_get_bytes(from, IPPROTO_TCP, TCP_INFO, &i, &n);
	retrans = i.tcpi_total_retrans;
	printf("  path: %.1f KB/s, %u packets, %u lost, %u sent again, longest pause %.0f ms\n",
	       rate, carried, lost, retrans, stalled);
	return rate;
}

/* What Reno would reach: 1.22 segments over the square root of the loss rate, each round trip
 * (Mathis, Semke, Mahdavi, Ott, 1997). CUBIC is at least as fast where it is friendly to Reno. */
static double model(double rtt, double loss)
{
	return 1448 / rtt * 1.22 / sqrt(loss);
}

CASE(path_clean, "RFC 5681; RFC 9438", "a clean path of 50 ms is filled")
{
	path = (struct path){.delay = 25};
	connect_ends();
	double rate = transfer(client, server, 8 << 20, 60e3);
	CHECK(rate > 5000);
	CHECK(lost == 0);
}

CASE(path_clean_server, "RFC 5681; RFC 9438",
     "and in the other direction, with buffers as they come")
{
	path = (struct path){.delay = 25};
	connect_ends();
	CHECK(transfer(server, client, 8 << 20, 60e3) > 5000);
}

CASE(path_short, "RFC 5681", "a short path is fast at once")
{
	path = (struct path){.delay = 0.05};
	connect_ends();
	CHECK(transfer(client, server, 8 << 20, 10e3) > 100000);
}

CASE(path_loss_1, "RFC 9438 4.3; RFC 8985",
     "1 % lost both ways at 50 ms: as the square root law says")
{
	path = (struct path){.delay = 25, .loss = 0.01};
	connect_ends();
	double rate = transfer(client, server, 6 << 20, 200e3);
	CHECK(rate > 0.9 * model(50, 0.01));
}

CASE(path_loss_1_long, "RFC 9438 4.3; RFC 8985", "1 % at 50 ms each way")
{
	path = (struct path){.delay = 50, .loss = 0.01};
	connect_ends();
	double rate = transfer(server, client, 4 << 20, 200e3);
	CHECK(rate > 0.9 * model(100, 0.01));
}

CASE(path_loss_5, "RFC 9438 4.3; RFC 8985", "5 % lost both ways at 50 ms")
{
	path = (struct path){.delay = 25, .loss = 0.05};
	connect_ends();
	double rate = transfer(client, server, 3 << 20, 200e3);
	CHECK(rate > 0.7 * model(50, 0.05));
}

CASE(path_loss_5_long, "RFC 9438 4.3; RFC 8985", "5 % at 50 ms each way")
{
	path = (struct path){.delay = 50, .loss = 0.05};
	connect_ends();
	double rate = transfer(server, client, 2 << 20, 300e3);
	CHECK(rate > 0.7 * model(100, 0.05));
}

CASE(path_loss_near, "RFC 8985; RFC 6675",
     "1 % and 5 % lost on a short path: recovery in round trips, not timeouts")
{
	path = (struct path){.delay = 0.2, .loss = 0.01};
	connect_ends();
	double rate = transfer(client, server, 16 << 20, 100e3);
	CHECK(rate > 0.9 * model(0.4, 0.01));
	path.loss = 0.05;
	rate = transfer(server, client, 8 << 20, 100e3);
	/* Where all that is in flight is lost, the retransmission with it, only a timeout helps. */
	CHECK(timeouts <= 2);
	CHECK((8 << 20) / ((8 << 20) / rate - timeouts_ms) > 0.9 * model(0.4, 0.05));
}

CASE(path_loss_20, "RFC 6298; RFC 9293 3.8.1", "20 % are slow, but end")
{
	path = (struct path){.delay = 10, .loss = 0.2};
	connect_ends();
	transfer(client, server, 200 << 10, 600e3);
}

CASE(path_reorder, "RFC 8985 6.2, 7", "reordering without loss costs little")
{
	path = (struct path){.delay = 25, .reorder = 0.1, .jitter = 10};
	connect_ends();
	double rate = transfer(client, server, 5 << 20, 100e3);
	CHECK(rate > 2000);
}

CASE(path_reorder_near, "RFC 8985 6.2; RFC 3522; RFC 3708", "a tenth held up for ten round trips")
{
	path = (struct path){.delay = 0.05, .reorder = 0.1, .hold = 1};
	connect_ends();
	double rate = transfer(client, server, 8 << 20, 100e3);
	CHECK(rate > 5000);
}

CASE(path_reorder_wild, "RFC 8985 6.2", "each packet delayed anew: still no collapse")
{
	path = (struct path){.delay = 20, .reorder = 1, .jitter = 20};
	connect_ends();
	double rate = transfer(client, server, 4 << 20, 200e3);
	CHECK(rate > 400);
}

CASE(path_duplicate, "RFC 2883; RFC 9293 3.8.1", "duplicates cost nothing but themselves")
{
	path = (struct path){.delay = 25, .duplicate = 0.1};
	connect_ends();
	double rate = transfer(client, server, 5 << 20, 100e3);
	CHECK(rate > 4000);
}

CASE(path_damage, "RFC 9293 3.1", "what is damaged on the way never reaches the program")
{
	path = (struct path){.delay = 10, .damage = 0.02};
	connect_ends();
	transfer(client, server, 3 << 20, 200e3);
}

CASE(path_everything, "RFC 9293",
     "loss, reordering, duplicates and damage at once, both ways in turn")
{
	path = (struct path){.delay = 25,
			     .loss = 0.01,
			     .reorder = 0.02,
			     .jitter = 20,
			     .duplicate = 0.01,
			     .damage = 0.005};
	connect_ends();
	double rate = transfer(client, server, 3 << 20, 300e3);
	CHECK(rate > 0.9 * model(50, 0.016));
	/* Nor may it be much faster: reordering undoes what was mistaken, duplicates and losses
	 * that are true undo nothing. */
	rate = transfer(server, client, 12 << 20, 300e3);
	CHECK(rate > 0.9 * model(50, 0.016));
	CHECK(rate < 2 * model(50, 0.016));
}

CASE(path_bottleneck, "RFC 9438; RFC 9406",
     "10 MB/s with a short queue: used well, with few losses")
{
	path = (struct path){.delay = 20, .rate = 10e3, .queue = 20};
	connect_ends();
	double rate = transfer(client, server, 16 << 20, 60e3);
	CHECK(rate > 8000); /* with the losses that end slow start */
	CHECK(lost < carried / 200);
}

CASE(path_bottleneck_deep, "RFC 9438; RFC 9406", "and with a deep one")
{
	path = (struct path){.delay = 20, .rate = 10e3, .queue = 200};
	connect_ends();
	double rate = transfer(client, server, 16 << 20, 60e3);
	CHECK(rate > 8000);
}

CASE(path_slow_link, "RFC 5681", "64 KB/s: the queue is filled, nothing breaks")
{
	path = (struct path){.delay = 100, .rate = 64, .queue = 500};
	connect_ends();
	double rate = transfer(client, server, 2 << 20, 100e3);
	CHECK(rate > 50);
}

CASE(path_cut, "RFC 6298 5.5, 5.6",
     "a path that is gone for ten seconds is used soon after it is back")
{
	path = (struct path){.delay = 25};
	connect_ends();
	transfer(client, server, 1 << 20, 60e3);
	path.cut = true;
	CHECK(sk_send(client, 1 << 16, 0) > 0);
	run_ms(10e3);
	path.cut = false;
	double start = now_ms();
	size_t had = received_bytes(server);
	while (received_bytes(server) < had + (1 << 16)) {
		run_ms(10);
		sk_recv(server, 1 << 20, 0);
		CHECK(now_ms() - start < 20e3);
	}
}

CASE(path_ping_pong, "RFC 8985 7; RFC 6298",
     "requests and answers under 2 % loss do not wait for long")
{
	double worst = 0, begin;

	path = (struct path){.delay = 10, .loss = 0.02};
	connect_ends();
	begin = now_ms();
	for (int i = 0; i < 500; i++) {
		double start = now_ms();
		CHECK_EQ(sk_send(client, 300, 0), 300);
		for (size_t want = received_bytes(server) + 300; received_bytes(server) < want;) {
			run_ms(0.5);
			sk_recv(server, 1000, 0);
			CHECK(now_ms() - start < 20e3);
		}
		CHECK_EQ(sk_send(server, 2000, 0), 2000);
		for (size_t want = received_bytes(client) + 2000; received_bytes(client) < want;) {
			run_ms(0.5);
			sk_recv(client, 5000, 0);
			CHECK(now_ms() - start < 20e3);
		}
		if (now_ms() - start > worst)
			worst = now_ms() - start;
	}
	printf("  path: %.1f ms a question, worst %.0f ms\n", (now_ms() - begin) / 500, worst);
	CHECK((now_ms() - begin) / 500 < 40);
	CHECK(worst < 3000);
}

CASE(path_many, "RFC 9293", "fifty connections through one bottleneck share it")
{
	int l = listen_on(81, 100), a[50], b[50];
	size_t total = 0;

	path = (struct path){.delay = 20, .rate = 10e3, .queue = 50};
	dice_state = 1;
	frame_tap = carry;
	for (int i = 0; i < 50; i++) {
		a[i] = sk_tcp();
		CHECK_EQ(sk_connect(a[i], peer_address(), 81), -EINPROGRESS);
	}
	run_ms(1000);
	for (int i = 0; i < 50; i++)
		CHECK((b[i] = (int)sk_accept(l)) >= 0);
	double start = now_ms();
	while (now_ms() - start < 4e3) {
		for (int i = 0; i < 50; i++) {
			sk_send(a[i], 20000, 0);
			long r = sk_recv(b[i], 1 << 20, 0);
			if (r > 0)
				total += (size_t)r;
		}
		run_ms(5);
	}
	printf("  path: %.1f KB/s together, %u of %u lost\n", (double)total / 4e3, lost, carried);
	CHECK(total > 28 << 20);
	for (int i = 0; i < 50; i++)
		CHECK(received_bytes(b[i]) > 80000);
}
