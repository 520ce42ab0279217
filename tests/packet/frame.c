/* Frames: what the machine sends is checked and queued here, what the peer sends is made here. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "machine.h"
#include "peer.h"

bool v6, offload;
const uint8_t local_mac[6] = {0x02, 0, 0, 0, 0, 1}, peer_mac[6] = {0x02, 0, 0, 0, 0, 2};
void (*frame_tap)(const uint8_t *f, size_t len);

static struct frame *tcp_queue[65536], *other_queue[4096];
static unsigned tcp_head, tcp_tail, other_head, other_tail;
static unsigned kinds;
static bool batching;

struct address address4(uint32_t a)
{
	struct address r = {0};
	set_be32(r.b, a);
	return r;
}

struct address address6(const char *text)
{
	struct address r = {.v6 = true};
	if (inet_pton(AF_INET6, text, r.b) != 1)
		abort();
	return r;
}

struct address local_address(void)
{
	return v6 ? address6("2001:db8::1") : address4(LOCAL4);
}

struct address peer_address(void)
{
	return v6 ? address6("2001:db8::2") : address4(PEER4);
}

uint16_t inet_sum(const void *p, size_t n, uint32_t sum)
{
	const uint8_t *b = p;

	for (size_t i = 0; i < n; i++) {
		sum += (uint32_t)b[i] << (i & 1 ? 0 : 8);
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return (uint16_t)sum;
}

static uint32_t pseudo(const struct address *src, const struct address *dst, uint8_t protocol,
		       size_t n)
{
	size_t size = src->v6 ? 16 : 4;
	uint8_t rest[8] = {(uint8_t)(n >> 24),
			   (uint8_t)(n >> 16),
			   (uint8_t)(n >> 8),
			   (uint8_t)n,
			   0,
			   0,
			   0,
			   protocol};

	return inet_sum(rest, 8, inet_sum(dst->b, size, inet_sum(src->b, size, 0)));
}

uint16_t pseudo_checksum(struct address src, struct address dst, uint8_t protocol, const void *p,
			 size_t n)
{
	uint16_t sum = (uint16_t)~inet_sum(p, n, pseudo(&src, &dst, protocol, n));
	return sum ? sum : 0xffff;
}

uint16_t transport_sum(const struct ip_view *v)
{
	uint32_t start = v->protocol == 1 || v->protocol == 2
			     ? 0
			     : pseudo(&v->src, &v->dst, v->protocol, v->len);
	return (uint16_t)~inet_sum(v->payload, v->len, start);
}

/* False: not an IP datagram, or a bad one (said why). */
static bool parse_ip(const uint8_t *f, size_t len, struct ip_view *v, const char **why)
{
	*why = NULL;
	memset(v, 0, sizeof *v);
	if (len < 34 || (be16_at(f + 12) != 0x0800 && be16_at(f + 12) != 0x86dd))
		return false;
	const uint8_t *h = f + 14;
	v->header = h;
	if (be16_at(f + 12) == 0x0800) {
		size_t hl = (h[0] & 15u) * 4, total = be16_at(h + 2);
		if (h[0] >> 4 != 4 || hl < 20 || total < hl || total > len - 14)
			return *why = "IPv4 header lengths", false;
		if (inet_sum(h, hl, 0) != 0xffff)
			return *why = "IPv4 header checksum", false;
		memcpy(v->src.b, h + 12, 4);
		memcpy(v->dst.b, h + 16, 4);
		v->protocol = h[9];
		v->ttl = h[8];
		v->tos = h[1];
		v->id = (uint16_t)be16_at(h + 4);
		v->frag = (uint16_t)be16_at(h + 6);
		v->payload = h + hl;
		v->len = total - hl;
	} else {
		size_t payload = be16_at(h + 4);
		if (len < 54 || h[0] >> 4 != 6 || payload > len - 54)
			return *why = "IPv6 header lengths", false;
		v->src.v6 = v->dst.v6 = true;
		memcpy(v->src.b, h + 8, 16);
		memcpy(v->dst.b, h + 24, 16);
		v->protocol = h[6];
		v->ttl = h[7];
		v->tos = (uint8_t)(h[0] << 4 | h[1] >> 4);
		v->flow = be32_at(h) & 0xfffff;
		v->payload = h + 40;
		v->len = payload;
		if (v->protocol == 0 && v->len >= 8) { /* router alert of MLD */
			size_t n = 8 + 8u * v->payload[1];
			if (n <= v->len) {
				v->protocol = v->payload[0];
				v->payload += n;
				v->len -= n;
			}
		}
	}
	return true;
}

struct ip_view view_ip(const struct frame *f)
{
	struct ip_view v;
	const char *why;

	if (!parse_ip(f->data, f->len, &v, &why))
		fail(__FILE__, __LINE__, "not IP, or %s", why ? why : "of another kind");
	return v;
}

static struct frame *frame_new(const uint8_t *data, size_t len)
{
	struct frame *f = malloc(sizeof *f + len);

	f->ms = now_ms();
	f->len = len;
	memcpy(f->data, data, len);
	return f;
}

void put_frame(const void *data, size_t len)
{
	if (!batching)
		machine_batch(true);
	machine_receive(data, len, offload);
	if (!batching)
		machine_batch(false);
}

void batch_begin(void)
{
	batching = true;
	machine_batch(true);
}

void batch_end(void)
{
	machine_batch(false);
	batching = false;
}

void put_ip(struct ip_fields f, const void *payload, size_t len)
{
	uint8_t b[14 + 60 + 65536 + 2000];
	bool six = f.src.v6;
	size_t at = 14;

	memcpy(b, f.mac_dst ? f.mac_dst : local_mac, 6);
	memcpy(b + 6, peer_mac, 6);
	set_be16(b + 12, six ? 0x86dd : 0x0800);
	uint8_t *h = b + at;
	if (six) {
		memset(h, 0, 40);
		h[0] = (uint8_t)(0x60 | f.tos >> 4);
		h[1] = (uint8_t)(f.tos << 4);
		set_be16(h + 4, (unsigned)(f.claim ? f.claim : len + f.options_len));
		h[6] = f.protocol;
		h[7] = f.ttl ? f.ttl : 64;
		memcpy(h + 8, f.src.b, 16);
		memcpy(h + 24, f.dst.b, 16);
		at += 40;
	} else {
		memset(h, 0, 20);
		h[0] = (uint8_t)(0x45 + f.options_len / 4);
		h[1] = f.tos;
		set_be16(h + 2, (unsigned)(f.claim ? f.claim : 20 + f.options_len + len));
		set_be16(h + 4, f.id);
		set_be16(h + 6, f.frag);
		h[8] = f.ttl ? f.ttl : 64;
		h[9] = f.protocol;
		memcpy(h + 12, f.src.b, 4);
		memcpy(h + 16, f.dst.b, 4);
		at += 20;
	}
	if (f.options_len) {
		memcpy(b + at, f.options, f.options_len);
		at += f.options_len;
	}
	if (!six) {
		set_be16(h + 10, (uint16_t)~inet_sum(h, 20 + f.options_len, 0));
		if (f.bad_checksum)
			h[10] ^= 0x55;
	}
	if (len)
		memcpy(b + at, payload, len);
	put_frame(b, at + len);
}

void wanted(unsigned k)
{
	kinds = k;
}

static void answer_arp(const uint8_t *f)
{
	uint8_t r[42];

	memcpy(r, f + 6, 6);
	memcpy(r + 6, peer_mac, 6);
	memcpy(r + 12, f + 12, 8);
	set_be16(r + 20, 2);
	memcpy(r + 22, peer_mac, 6);
	memcpy(r + 28, f + 38, 4);
	memcpy(r + 32, f + 22, 10);
	put_frame(r, sizeof r);
}

static void answer_ns(const struct ip_view *v)
{
	uint8_t na[32] = {136};

	na[4] = 0x60; /* solicited, override */
	memcpy(na + 8, v->payload + 8, 16);
	na[24] = 2;
	na[25] = 1;
	memcpy(na + 26, peer_mac, 6);
	struct ip_fields f = {.dst = v->src, .protocol = 58, .ttl = 255};
	f.src.v6 = true;
	memcpy(f.src.b, v->payload + 8, 16);
	set_be16(na + 2, pseudo_checksum(f.src, f.dst, 58, na, sizeof na));
	put_ip(f, na, sizeof na);
}

static void answer(void *arg)
{
	struct frame *f = arg;
	struct ip_view v;
	const char *why;

	if (be16_at(f->data + 12) == 0x0806)
		answer_arp(f->data);
	else if (parse_ip(f->data, f->len, &v, &why))
		answer_ns(&v);
	free(f);
}

static void other(const uint8_t *f, size_t len)
{
	if (other_tail - other_head < 4096)
		other_queue[other_tail++ % 4096] = frame_new(f, len);
}

static void classify(const uint8_t *f, size_t len)
{
	static const uint8_t any[16];
	struct ip_view v;
	const char *why;

	if (len < 14 || len > 65535 + 14)
		fail(__FILE__, __LINE__, "a frame of %zu bytes", len);
	if (memcmp(f + 6, local_mac, 6) != 0)
		fail(__FILE__, __LINE__, "source address of a frame is not the machine's");
	if (be16_at(f + 12) == 0x0806) {
		log_line("> ARP %u %u.%u.%u.%u", be16_at(f + 20), f[38], f[39], f[40], f[41]);
		if (kinds & WANT_ARP)
			other(f, len);
		else if (be16_at(f + 20) == 1 && memcmp(f + 28, f + 38, 4) != 0 &&
			 be32_at(f + 28) != 0)
			event_add(0, answer, frame_new(f, len));
		return;
	}
	if (!parse_ip(f, len, &v, &why)) {
		if (why)
			fail(__FILE__, __LINE__, "a frame left with wrong %s", why);
		if (kinds & WANT_IP)
			other(f, len);
		return;
	}
	bool fragment = !v.src.v6 && v.frag & 0x3fff;
	if (!fragment && (v.protocol == 6 || v.protocol == 58 || v.protocol == 1 ||
			  (v.protocol == 17 && be16_at(v.payload + 6)))) {
		if (transport_sum(&v))
			fail(__FILE__, __LINE__, "protocol %u left with a wrong checksum",
			     v.protocol);
	}
	if (v.protocol == 6 && !fragment) {
		if (v.len < 20 || (size_t)(v.payload[12] >> 4) * 4 > v.len || v.payload[12] < 0x50)
			fail(__FILE__, __LINE__, "TCP data offset");
		if (tcp_tail - tcp_head >= 65536)
			fail(__FILE__, __LINE__, "too many segments");
		struct frame *copy = frame_new(f, len);
		tcp_queue[tcp_tail++ % 65536] = copy;
		struct tcp_view t = {0};
		t.ip = v;
		t.lport = (uint16_t)be16_at(v.payload);
		t.rport = (uint16_t)be16_at(v.payload + 2);
		t.seq = be32_at(v.payload + 4);
		t.ack = be32_at(v.payload + 8);
		t.flags = v.payload[13];
		t.window = be16_at(v.payload + 14);
		t.options = v.payload + 20;
		t.options_len = (v.payload[12] >> 4) * 4u - 20;
		t.len = (unsigned)(v.len - 20 - t.options_len);
		segment_log(false, &t);
		return;
	}
	if (v.protocol == 58 && v.payload[0] == 135) {
		log_line("> neighbour solicitation ..%02x", v.payload[23]);
		if (kinds & WANT_ND)
			other(f, len);
		else if (memcmp(v.src.b, any, 16) != 0)
			event_add(0, answer, frame_new(f, len));
		return;
	}
	log_line("> IP protocol %u, %zu bytes, first %02x %02x", v.protocol, v.len, v.payload[0],
		 v.payload[1]);
	unsigned kind = WANT_IP;
	if (v.protocol == 58 && v.payload[0] == 133)
		kind = WANT_RA;
	else if (v.protocol == 58 && v.payload[0] == 136)
		kind = WANT_ND;
	else if (v.protocol == 2 ||
		 (v.protocol == 58 &&
		  (v.payload[0] == 143 || (v.payload[0] >= 130 && v.payload[0] <= 132))))
		kind = WANT_MC;
	else if (v.protocol == 1 || v.protocol == 58)
		kind = WANT_ICMP;
	else if (v.protocol == 17)
		kind = WANT_UDP;
	if (kinds & kind)
		other(f, len);
}

static void sent(const uint8_t *f, size_t len)
{
	if (machine_complaint)
		fail(__FILE__, __LINE__, "%s", machine_complaint);
	if (frame_tap)
		frame_tap(f, len);
	else
		classify(f, len);
}

void frames_init(void)
{
	machine_sent = sent;
}

struct frame *get_frame(void)
{
	return other_head == other_tail ? NULL : other_queue[other_head++ % 4096];
}

struct frame *await_frame(double ms, const char *file, int line)
{
	uint64_t end = machine_now() + (uint64_t)(ms * 1e6);
	struct frame *f;

	while (!(f = get_frame()))
		if (!machine_step(end)) {
			machine_run_until(end);
			fail(file, line, "no frame within %g ms", ms);
		}
	return f;
}

void no_frame(double ms, const char *file, int line)
{
	machine_run_until(machine_now() + (uint64_t)(ms * 1e6));
	if (get_frame())
		fail(file, line, "an unexpected frame");
}

bool tcp_take(const struct address *remote, uint16_t rport, uint16_t lport, bool peek,
	      struct tcp_view *t)
{
	static struct frame *held;

	for (unsigned i = tcp_head; i != tcp_tail; i++) {
		struct frame *f = tcp_queue[i % 65536];
		const char *why;
		if (!f || !parse_ip(f->data, f->len, &t->ip, &why))
			continue;
		const uint8_t *h = t->ip.payload;
		if (be16_at(h + 2) != rport || (lport && be16_at(h) != lport) ||
		    memcmp(t->ip.dst.b, remote->b, remote->v6 ? 16 : 4) != 0)
			continue;
		t->lport = (uint16_t)be16_at(h);
		t->rport = rport;
		t->seq = be32_at(h + 4);
		t->ack = be32_at(h + 8);
		t->flags = h[13];
		t->window = be16_at(h + 14);
		t->urg = be16_at(h + 18);
		t->options = h + 20;
		t->options_len = (h[12] >> 4) * 4u - 20;
		t->payload = h + 20 + t->options_len;
		t->len = (unsigned)(t->ip.len - 20 - t->options_len);
		t->ms = f->ms;
		if (!peek) {
			free(held);
			held = f;
			tcp_queue[i % 65536] = NULL;
			while (tcp_head != tcp_tail && !tcp_queue[tcp_head % 65536])
				tcp_head++;
		}
		return true;
	}
	return false;
}

unsigned tcp_drop_all(uint16_t rport)
{
	unsigned n = 0;

	for (unsigned i = tcp_head; i != tcp_tail; i++) {
		struct frame *f = tcp_queue[i % 65536];
		if (!f)
			continue;
		n++;
		free(f);
		tcp_queue[i % 65536] = NULL;
	}
	(void)rport;
	tcp_head = tcp_tail;
	return n;
}
