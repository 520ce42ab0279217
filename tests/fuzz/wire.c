/* The cable of the network's fuzzers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../packet/machine.h"
#include "wire.h"

uint64_t packets_alive(void), packet_bytes(void), sockets_alive(void);
void packet_bytes_limit(uint64_t bytes);
void machine_add_address(const char *text, unsigned prefix);
void machine_add_route(const char *gateway);
void machine_dump(void);

static bool batching;

void wire_be16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

void wire_be32(uint8_t *p, uint32_t v)
{
	wire_be16(p, v >> 16);
	wire_be16(p + 2, v & 0xffff);
}

static unsigned be16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)be16(p) << 16 | be16(p + 2);
}

uint16_t wire_sum(const void *p, size_t n, uint32_t sum)
{
	const uint8_t *b = p;

	for (size_t i = 0; i < n; i++) {
		sum += (uint32_t)b[i] << (i & 1 ? 0 : 8);
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return (uint16_t)sum;
}

/* What the machine asks is answered a moment later: nothing may come in from within xmit. */
static uint8_t answers[64][128];
static size_t answer_len[64];
static unsigned answer_head, answer_tail;

static uint64_t next_event(void)
{
	return answer_head != answer_tail ? machine_now() : UINT64_MAX;
}

static void run_events(uint64_t now)
{
	(void)now;
	if (answer_head != answer_tail) {
		unsigned i = answer_head++ % 64;
		machine_batch(true);
		machine_receive(answers[i], answer_len[i], false);
		machine_batch(false);
	}
}

static void queue_answer(const uint8_t *f, size_t len)
{
	if (answer_tail - answer_head >= 64)
		return;
	memcpy(answers[answer_tail % 64], f, len);
	answer_len[answer_tail++ % 64] = len;
}

bool wire_answer(const uint8_t *f, size_t len)
{
	uint8_t r[86] = {0};

	if (len >= 42 && be16(f + 12) == 0x0806) {
		if (be16(f + 20) == 1 && be32(f + 28) && be32(f + 28) != be32(f + 38)) {
			memcpy(r, f + 6, 6);
			memcpy(r + 6, "\2\0\0\0\0\2", 6);
			memcpy(r + 12, f + 12, 8);
			r[21] = 2;
			memcpy(r + 22, "\2\0\0\0\0\2", 6);
			memcpy(r + 28, f + 38, 4);
			memcpy(r + 32, f + 22, 10);
			queue_answer(r, 42);
		}
		return true;
	}
	if (len >= 78 && be16(f + 12) == 0x86dd && f[20] == 58 && f[54] == 135) {
		static const uint8_t none[16];
		if (memcmp(f + 22, none, 16) != 0) {
			memcpy(r, f + 6, 6);
			memcpy(r + 6, "\2\0\0\0\0\2", 6);
			wire_be16(r + 12, 0x86dd);
			r[14] = 0x60;
			r[19] = 32, r[20] = 58, r[21] = 255;
			memcpy(r + 22, f + 62, 16);
			memcpy(r + 38, f + 22, 16);
			r[54] = 136, r[58] = 0x60;
			memcpy(r + 62, f + 62, 16);
			r[78] = 2, r[79] = 1;
			memcpy(r + 80, "\2\0\0\0\0\2", 6);
			wire_fix(r, 86);
			queue_answer(r, 86);
		}
		return true;
	}
	return false;
}

void wire_start(bool addresses)
{
	machine_next_event = next_event;
	machine_run_events = run_events;
	machine_seed(1);
	machine_start(true);
	if (addresses) {
		machine_add_address("192.0.2.1", 24);
		machine_add_address("2001:db8::1", 64);
		machine_add_route("192.0.2.2");
		machine_run_until(machine_now() + 5000000000u);
		machine_add_route("2001:db8::2");
	}
}

void wire_batch(bool on)
{
	batching = on;
}

void wire_frame(const uint8_t *f, size_t len)
{
	if (!batching)
		machine_batch(true);
	machine_receive(f, len, len & 1);
	if (!batching)
		machine_batch(false);
}

void wire_ip(uint8_t protocol, uint8_t *payload, size_t len)
{
	uint8_t f[14 + 20 + 9000] = {0x02, 0, 0, 0, 0, 1, 0x02, 0, 0, 0, 0, 2, 8, 0, 0x45};

	if (len > 9000)
		return;
	wire_be16(f + 16, (unsigned)(20 + len));
	f[22] = 64;
	f[23] = protocol;
	wire_be32(f + 26, 0xc0000202u);
	wire_be32(f + 30, 0xc0000201u);
	memcpy(f + 34, payload, len);
	wire_fix(f, 34 + len);
	wire_frame(f, 34 + len);
}

void wire_fix(uint8_t *f, size_t len)
{
	size_t l4, n;
	uint8_t protocol;
	uint32_t sum;

	if (len < 34)
		return;
	if (be16(f + 12) == 0x0800) {
		size_t hl = (f[14] & 15u) * 4;
		if (hl < 20 || 14 + hl > len)
			return;
		wire_be16(f + 24, 0);
		wire_be16(f + 24, wire_sum(f + 14, hl, 0) ^ 0xffffu);
		l4 = 14 + hl;
		n = be16(f + 16) >= hl && be16(f + 16) <= len - 14 ? be16(f + 16) - hl : len - l4;
		protocol = f[23];
		sum = wire_sum(f + 26, 8, 0);
		if (be16(f + 20) & 0x3fff)
			return;
	} else if (be16(f + 12) == 0x86dd && len >= 54) {
		protocol = f[20];
		l4 = 54;
		n = be16(f + 18) <= len - 54 ? be16(f + 18) : len - 54;
		sum = wire_sum(f + 22, 32, 0);
		/* Through the extension headers. */
		for (int i = 0; i < 8 && n >= 8; i++) {
			if (protocol != 0 && protocol != 43 && protocol != 60)
				break;
			size_t skip = 8 + 8u * f[l4 + 1];
			if (skip > n)
				return;
			protocol = f[l4];
			l4 += skip;
			n -= skip;
		}
	} else
		return;
	size_t field = protocol == 6 ? 16 : protocol == 17 ? 6 : 2;
	if (protocol != 6 && protocol != 17 && protocol != 1 && protocol != 2 && protocol != 58)
		return;
	if (n < field + 2)
		return;
	if (protocol == 1 || protocol == 2)
		sum = 0;
	else {
		uint8_t rest[4] = {0, protocol, (uint8_t)(n >> 8), (uint8_t)n};
		sum = wire_sum(rest, 4, sum);
	}
	wire_be16(f + l4 + field, 0);
	uint16_t v = (uint16_t)~wire_sum(f + l4, n, sum);
	wire_be16(f + l4 + field, v ? v : 0xffff);
}

bool wire_tcp(const uint8_t *f, size_t len, struct wire_tcp *t)
{
	size_t l4;

	memset(t, 0, sizeof *t);
	if (len >= 54 && be16(f + 12) == 0x0800 && f[23] == 6)
		l4 = 14 + (f[14] & 15u) * 4;
	else if (len >= 74 && be16(f + 12) == 0x86dd && f[20] == 6)
		l4 = 54;
	else
		return false;
	t->lport = (uint16_t)be16(f + l4);
	t->rport = (uint16_t)be16(f + l4 + 2);
	t->seq = be32(f + l4 + 4);
	t->ack = be32(f + l4 + 8);
	t->flags = f[l4 + 13];
	size_t hl = (f[l4 + 12] >> 4) * 4u;
	t->len = (unsigned)(len - l4 - hl);
	for (size_t at = l4 + 20; at + 10 <= l4 + hl;) {
		if (f[at] == 1) {
			at++;
			continue;
		}
		if (f[at] == 0 || f[at + 1] < 2)
			break;
		if (f[at] == 8)
			t->ts_val = be32(f + at + 2);
		at += f[at + 1];
	}
	return true;
}

uint64_t wire_packets(void)
{
	return packets_alive();
}

uint64_t wire_sockets(void)
{
	return sockets_alive();
}

uint64_t wire_bytes(void)
{
	return packet_bytes();
}

void wire_memory(uint64_t limit)
{
	packet_bytes_limit(limit);
}

void wire_die(const char *why)
{
	fprintf(stderr, "fuzz: %s: %llu packets, %llu sockets, %llu bytes\n", why,
		(unsigned long long)packets_alive(), (unsigned long long)sockets_alive(),
		(unsigned long long)packet_bytes());
	machine_dump();
	abort();
}

/* The machine's messages would drown ours. */
void printk(const char *fmt, ...);
void printk(const char *fmt, ...)
{
	(void)fmt;
}
