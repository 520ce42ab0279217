/* The interpreter and its check. */
#include "net/bpf.h"
#include <asm/errno.h>
#include <linux/filter.h>
#include "lib/random.h"
#include "net/netif.h"
#include "net/packet.h"

#define LINK_HEADER 14

static bool load_k_ok(uint32_t k)
{
	if (k < (uint32_t)SKF_AD_OFF)
		return true;
	switch (k - (uint32_t)SKF_AD_OFF) {
	case SKF_AD_PROTOCOL:
	case SKF_AD_PKTTYPE:
	case SKF_AD_IFINDEX:
	case SKF_AD_MARK:
	case SKF_AD_QUEUE:
	case SKF_AD_HATYPE:
	case SKF_AD_RXHASH:
	case SKF_AD_CPU:
	case SKF_AD_ALU_XOR_X:
	case SKF_AD_VLAN_TAG:
	case SKF_AD_VLAN_TAG_PRESENT:
	case SKF_AD_RANDOM:
	case SKF_AD_VLAN_TPID:
		return true;
	}
	return false;
}

static bool alu_ok(const struct sock_filter *f)
{
	switch (BPF_OP(f->code)) {
	case BPF_ADD:
	case BPF_SUB:
	case BPF_MUL:
	case BPF_OR:
	case BPF_AND:
	case BPF_XOR:
		return true;
	case BPF_LSH:
	case BPF_RSH:
		return BPF_SRC(f->code) == BPF_X || f->k < 32;
	case BPF_NEG:
		return BPF_SRC(f->code) == BPF_K;
	case BPF_DIV:
	case BPF_MOD:
		return BPF_SRC(f->code) == BPF_X || f->k != 0;
	}
	return false;
}

static bool load_ok(const struct sock_filter *f)
{
	unsigned mode = BPF_MODE(f->code), size = BPF_SIZE(f->code);

	if (BPF_CLASS(f->code) == BPF_LDX) {
		if (mode == BPF_MSH)
			return size == BPF_B;
		return size == BPF_W && (mode == BPF_IMM || mode == BPF_LEN ||
					 (mode == BPF_MEM && f->k < BPF_MEMWORDS));
	}
	switch (mode) {
	case BPF_ABS:
		return size != 0x18 && load_k_ok(f->k);
	case BPF_IND:
		return size != 0x18;
	case BPF_IMM:
	case BPF_LEN:
		return size == BPF_W;
	case BPF_MEM:
		return size == BPF_W && f->k < BPF_MEMWORDS;
	}
	return false;
}

static bool insn_ok(const struct sock_filter *f, unsigned left)
{
	switch (BPF_CLASS(f->code)) {
	case BPF_LD:
	case BPF_LDX:
		return f->code < 0x100 && load_ok(f);
	case BPF_ST:
	case BPF_STX:
		return (f->code & ~7) == 0 && f->k < BPF_MEMWORDS;
	case BPF_ALU:
		return f->code < 0x100 && alu_ok(f);
	case BPF_JMP:
		switch (BPF_OP(f->code)) {
		case BPF_JA:
			return f->code == (BPF_JMP | BPF_JA) && f->k < left;
		case BPF_JEQ:
		case BPF_JGT:
		case BPF_JGE:
		case BPF_JSET:
			return f->code < 0x100 && f->jt < left && f->jf < left;
		}
		return false;
	case BPF_RET:
		return f->code == (BPF_RET | BPF_K) || f->code == (BPF_RET | BPF_A);
	case BPF_MISC:
		return f->code == (BPF_MISC | BPF_TAX) || f->code == (BPF_MISC | BPF_TXA);
	}
	return false;
}

int bpf_check(const struct sock_filter *insns, unsigned n)
{
	if (n == 0 || n > BPF_MAXINSNS)
		return -EINVAL;
	/* Jumps lead forward and the last instruction returns, so every program ends. */
	for (unsigned i = 0; i < n; i++)
		if (!insn_ok(&insns[i], n - i - 1))
			return -EINVAL;
	return BPF_CLASS(insns[n - 1].code) == BPF_RET ? 0 : -EINVAL;
}

/* The registers. */
struct state {
	const struct bpf_context *c;
	uint32_t a, x, m[BPF_MEMWORDS];
};

static uint32_t ancillary(struct state *s, uint32_t what)
{
	uint32_t r;

	switch (what) {
	case SKF_AD_PROTOCOL:
		return ntoh16(s->c->p->ethertype);
	case SKF_AD_PKTTYPE:
		return s->c->pkttype;
	case SKF_AD_IFINDEX:
		return s->c->p->netif ? (uint32_t)s->c->p->netif->index : 0;
	case SKF_AD_HATYPE:
		return s->c->p->netif ? s->c->p->netif->type : 0;
	case SKF_AD_ALU_XOR_X:
		return s->a ^ s->x;
	case SKF_AD_RANDOM:
		random_bytes(&r, sizeof r);
		return r;
	}
	return 0; /* marks, queues, hashes and VLANs that are not there; the one CPU */
}

/* size bytes at offset k. False: they are not there. */
static bool load(struct state *s, uint32_t k, unsigned size, uint32_t *out)
{
	const struct packet *p = s->c->p;
	uint64_t at = s->c->data + (uint64_t)k;
	uint8_t v[4];

	if (k >= (uint32_t)SKF_AD_OFF) {
		*out = ancillary(s, k - (uint32_t)SKF_AD_OFF);
		return true;
	}
	if (k >= 0x80000000u) {
		if (!s->c->frame || k < (uint32_t)SKF_LL_OFF)
			return false;
		at = k >= (uint32_t)SKF_NET_OFF ? LINK_HEADER + (k - (uint32_t)SKF_NET_OFF)
						: k - (uint32_t)SKF_LL_OFF;
	}
	if (at + size > p->len)
		return false;
	packet_read(p, (uint32_t)at, v, size);
	*out = size == 4 ? get_be32(v) : size == 2 ? get_be16(v) : v[0];
	return true;
}

static unsigned width(uint16_t code)
{
	return BPF_SIZE(code) == BPF_W ? 4 : BPF_SIZE(code) == BPF_H ? 2 : 1;
}

static bool run_load(struct state *s, const struct sock_filter *f)
{
	uint32_t len = s->c->p->len - s->c->data, v;
	uint32_t *to = BPF_CLASS(f->code) == BPF_LDX ? &s->x : &s->a;

	switch (BPF_MODE(f->code)) {
	case BPF_ABS:
		return load(s, f->k, width(f->code), to);
	case BPF_IND:
		return load(s, s->x + f->k, width(f->code), to);
	case BPF_LEN:
		*to = len;
		return true;
	case BPF_IMM:
		*to = f->k;
		return true;
	case BPF_MEM:
		*to = s->m[f->k];
		return true;
	case BPF_MSH: /* the length of an IPv4 header */
		if (!load(s, f->k, 1, &v))
			return false;
		s->x = (v & 15) << 2;
		return true;
	}
	return false;
}

/* False: a division by zero, which ends the program. */
static bool run_alu(struct state *s, const struct sock_filter *f)
{
	uint32_t v = BPF_SRC(f->code) == BPF_X ? s->x : f->k;

	switch (BPF_OP(f->code)) {
	case BPF_ADD:
		s->a += v;
		break;
	case BPF_SUB:
		s->a -= v;
		break;
	case BPF_MUL:
		s->a *= v;
		break;
	case BPF_OR:
		s->a |= v;
		break;
	case BPF_AND:
		s->a &= v;
		break;
	case BPF_XOR:
		s->a ^= v;
		break;
	case BPF_LSH:
		s->a <<= v & 31;
		break;
	case BPF_RSH:
		s->a >>= v & 31;
		break;
	case BPF_NEG:
		s->a = 0u - s->a;
		break;
	case BPF_DIV:
		if (!v)
			return false;
		s->a /= v;
		break;
	case BPF_MOD:
		if (!v)
			return false;
		s->a %= v;
		break;
	}
	return true;
}

static unsigned jump(const struct state *s, const struct sock_filter *f)
{
	uint32_t v = BPF_SRC(f->code) == BPF_X ? s->x : f->k;
	bool is = false;

	switch (BPF_OP(f->code)) {
	case BPF_JA:
		return f->k;
	case BPF_JEQ:
		is = s->a == v;
		break;
	case BPF_JGT:
		is = s->a > v;
		break;
	case BPF_JGE:
		is = s->a >= v;
		break;
	case BPF_JSET:
		is = (s->a & v) != 0;
		break;
	}
	return is ? f->jt : f->jf;
}

uint32_t bpf_run(const struct sock_filter *f, const struct bpf_context *c)
{
	struct state s = {.c = c};

	if (c->data > c->p->len)
		return 0;
	for (;; f++) {
		switch (BPF_CLASS(f->code)) {
		case BPF_LD:
		case BPF_LDX:
			if (!run_load(&s, f))
				return 0;
			break;
		case BPF_ST:
			s.m[f->k] = s.a;
			break;
		case BPF_STX:
			s.m[f->k] = s.x;
			break;
		case BPF_ALU:
			if (!run_alu(&s, f))
				return 0;
			break;
		case BPF_JMP:
			f += jump(&s, f);
			break;
		case BPF_RET:
			return BPF_RVAL(f->code) == BPF_A ? s.a : f->k;
		case BPF_MISC:
			if (BPF_MISCOP(f->code) == BPF_TAX)
				s.x = s.a;
			else
				s.a = s.x;
			break;
		}
	}
}
