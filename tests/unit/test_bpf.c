/* unit: tests/unit/net/host.c tests/unit/net/parts.c kernel/net/bpf.c kernel/net/addr.c kernel/net/checksum.c kernel/net/packet.c kernel/net/packet_gso.c kernel/net/netbuf.c kernel/net/netif.c kernel/net/notify.c kernel/net/loopback.c kernel/net/ethernet.c kernel/net/arp.c kernel/net/nd.c kernel/net/neighbour.c kernel/net/nd_dad.c kernel/net/ifaddr.c kernel/net/route*.c kernel/net/ic*.c kernel/net/ip*.c kernel/net/m[cl]*.c kernel/net/igmp.c kernel/net/frame.c kernel/sched/timer.c kernel/lib/siphash.c */
/* Classic BPF: what the check refuses, what programs compute. */
#include "net/host.h"
#include <linux/filter.h>
#include <stdlib.h>
#include <string.h>
#include "net/bpf.h"

static struct packet *packet_of(const void *bytes, uint32_t n)
{
	struct packet *p = packet_alloc(n);

	memcpy(packet_put(p, n), bytes, n);
	p->ethertype = hton16(0x800);
	return p;
}

static const uint8_t bytes[40] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 8, 0, 0x46, 0xff, 0xee};

static uint32_t run(const struct sock_filter *f, unsigned n, uint32_t data)
{
	struct packet *p = packet_of(bytes, sizeof bytes);
	struct bpf_context c = {.p = p, .data = data, .frame = true, .pkttype = 3};

	assert_int_equal(bpf_check(f, n), 0);
	uint32_t r = bpf_run(f, &c);
	packet_free(p);
	return r;
}
#define RUN(f, data) run(f, sizeof(f) / sizeof((f)[0]), data)
#define RET_A	     BPF_STMT(BPF_RET | BPF_A, 0)

static uint32_t load(uint16_t size, uint32_t k, uint32_t data)
{
	struct sock_filter f[] = {BPF_STMT(BPF_LD | BPF_ABS | size, k), RET_A};
	return RUN(f, data);
}

static void test_loads(void **state)
{
	(void)state;
	assert_int_equal(load(BPF_B, 0, 0), 1);
	assert_int_equal(load(BPF_H, 0, 0), 0x102);
	assert_int_equal(load(BPF_W, 1, 0), 0x2030405);
	assert_int_equal(load(BPF_W, 0, 14), 0x46ffee00);
	assert_int_equal(load(BPF_B, 39, 0), 0);
	assert_int_equal(load(BPF_B, 40, 0), 0); /* not there: nothing of the packet */
	assert_int_equal(load(BPF_W, 37, 0), 0);
	assert_int_equal(load(BPF_W, 0x7fffffff, 0), 0);
	assert_int_equal(load(BPF_B, (uint32_t)SKF_NET_OFF, 14), 0x46);
	assert_int_equal(load(BPF_B, (uint32_t)SKF_LL_OFF, 14), 1);
	assert_int_equal(load(BPF_B, (uint32_t)SKF_LL_OFF - 1, 14), 0);
	assert_int_equal(load(BPF_W, (uint32_t)(SKF_AD_OFF + SKF_AD_PROTOCOL), 0), 0x800);
	assert_int_equal(load(BPF_W, (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE), 0), 3);
}

static void test_indirect(void **state)
{
	(void)state;
	struct sock_filter msh[] = {BPF_STMT(BPF_LDX | BPF_MSH | BPF_B, 14),
				    BPF_STMT(BPF_LD | BPF_IND | BPF_B, 0 - 24u + 1u), RET_A};
	assert_int_equal(RUN(msh, 0), 2); /* X is 24 */
	struct sock_filter wrap[] = {BPF_STMT(BPF_LDX | BPF_IMM, 0xffffffff),
				     BPF_STMT(BPF_LD | BPF_IND | BPF_W, 2), RET_A};
	assert_int_equal(RUN(wrap, 0), 0x2030405);
	struct sock_filter len[] = {BPF_STMT(BPF_LD | BPF_LEN | BPF_W, 0), RET_A};
	assert_int_equal(RUN(len, 14), 26);
}

static uint32_t alu(uint16_t op, uint32_t a, uint32_t k)
{
	struct sock_filter f[] = {BPF_STMT(BPF_LD | BPF_IMM, a), BPF_STMT(BPF_ALU | op | BPF_K, k),
				  RET_A};
	struct sock_filter x[] = {BPF_STMT(BPF_LD | BPF_IMM, a), BPF_STMT(BPF_LDX | BPF_IMM, k),
				  BPF_STMT(BPF_ALU | op | BPF_X, 0), RET_A};
	uint32_t r = RUN(f, 0);
	if (op != BPF_NEG)
		assert_int_equal(RUN(x, 0), r);
	return r;
}

static void test_alu(void **state)
{
	(void)state;
	assert_int_equal(alu(BPF_ADD, 0xffffffff, 2), 1);
	assert_int_equal(alu(BPF_SUB, 1, 2), 0xffffffff);
	assert_int_equal(alu(BPF_MUL, 7, 6), 42);
	assert_int_equal(alu(BPF_DIV, 7, 2), 3);
	assert_int_equal(alu(BPF_MOD, 7, 4), 3);
	assert_int_equal(alu(BPF_AND, 12, 10), 8);
	assert_int_equal(alu(BPF_OR, 12, 10), 14);
	assert_int_equal(alu(BPF_XOR, 12, 10), 6);
	assert_int_equal(alu(BPF_LSH, 1, 31), 0x80000000);
	assert_int_equal(alu(BPF_RSH, 0x80000000, 31), 1);
	assert_int_equal(alu(BPF_NEG, 5, 0), 0xfffffffb);
	struct sock_filter zero[] = {BPF_STMT(BPF_LD | BPF_IMM, 5), BPF_STMT(BPF_LDX | BPF_IMM, 0),
				     BPF_STMT(BPF_ALU | BPF_DIV | BPF_X, 0),
				     BPF_STMT(BPF_RET | BPF_K, 99)};
	assert_int_equal(RUN(zero, 0), 0);
}

static void test_jumps_and_memory(void **state)
{
	(void)state;
	struct sock_filter f[] = {
	    BPF_STMT(BPF_LD | BPF_IMM, 7),
	    BPF_STMT(BPF_ST, 3),
	    BPF_STMT(BPF_LD | BPF_IMM, 1),
	    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 2, 3, 0),
	    BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 0, 0, 2),
	    BPF_STMT(BPF_LDX | BPF_MEM, 3),
	    BPF_STMT(BPF_JMP | BPF_JA, 1),
	    BPF_STMT(BPF_RET | BPF_K, 1),
	    BPF_STMT(BPF_MISC | BPF_TXA, 0),
	    RET_A,
	};
	assert_int_equal(RUN(f, 0), 7);
	struct sock_filter fresh[] = {BPF_STMT(BPF_LD | BPF_MEM, 15), RET_A};
	assert_int_equal(RUN(fresh, 0), 0);
}

static void test_refused(void **state)
{
	static const struct sock_filter bad[] = {
	    BPF_STMT(BPF_LD | BPF_IMM, 1),	    /* does not return */
	    BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 0), /* by zero */
	    BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 32),
	    BPF_STMT(BPF_LD | BPF_MEM, 16),
	    BPF_STMT(BPF_ST, 16),
	    BPF_STMT(BPF_STX, 0xffffffff),
	    BPF_STMT(BPF_LDX | BPF_ABS | BPF_W, 0),
	    BPF_STMT(BPF_LDX | BPF_MSH | BPF_W, 0),
	    BPF_STMT(BPF_LD | BPF_ABS | 0x18, 0),
	    BPF_STMT(BPF_LD | BPF_MSH | BPF_B, 0),
	    BPF_STMT(BPF_LD | BPF_ABS | BPF_W, (uint32_t)(SKF_AD_OFF + SKF_AD_NLATTR)),
	    BPF_STMT(BPF_LD | BPF_ABS | BPF_W, (uint32_t)(SKF_AD_OFF + 64)),
	    BPF_STMT(BPF_ALU | 0xd0, 0),
	    BPF_STMT(BPF_JMP | BPF_JA, 1),
	    BPF_STMT(BPF_JMP | BPF_JA, 0xffffffff),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 255),
	    BPF_STMT(BPF_JMP | 0x50, 0),
	    BPF_STMT(BPF_RET | BPF_X, 0),
	    BPF_STMT(BPF_MISC | 0x40, 0),
	    BPF_STMT(0x8000 | BPF_LD | BPF_IMM, 0),
	};
	static const struct sock_filter ret = BPF_STMT(BPF_RET | BPF_K, 0);
	(void)state;
	assert_int_equal(bpf_check(&ret, 0), -22);
	assert_int_equal(bpf_check(&ret, BPF_MAXINSNS + 1), -22);
	assert_int_equal(bpf_check(&bad[0], 1), -22);
	for (size_t i = 1; i < sizeof bad / sizeof bad[0]; i++) {
		struct sock_filter f[2] = {bad[i], ret};
		if (bpf_check(f, 2) == 0)
			fail_msg("taken: %zu", i);
	}
}

void random_bytes(void *p, size_t n);

static void test_random(void **state)
{
	unsigned good = 0;
	(void)state;
	for (int i = 0; i < 300000; i++) {
		struct sock_filter f[8];
		static const uint8_t likely[] = {
		    0x20, 0x28, 0x30, 0x40, 0x48, 0x50, 0xb1, 0x60, 0x61, 2, 3,	   4,	 0x0c, 0x34,
		    0x3c, 0x64, 0x6c, 0x15, 0x25, 0x35, 0x45, 5,    6,	  7, 0x87, 0x80, 0x84};
		random_bytes(f, sizeof f);
		for (int j = 0; j < 8; j++) {
			f[j].code &= 0xff;
			if (f[j].code % 8)
				f[j].code = likely[f[j].code % sizeof likely];
			f[j].jt &= 1;
			f[j].jf &= 1;
			if (f[j].k & 7)
				f[j].k &= 15;
		}
		f[7] = (struct sock_filter)RET_A;
		if (bpf_check(f, 8) == 0) {
			RUN(f, 14);
			good++;
		}
	}
	assert_true(good > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_loads),   cmocka_unit_test(test_indirect),
	    cmocka_unit_test(test_alu),	    cmocka_unit_test(test_jumps_and_memory),
	    cmocka_unit_test(test_refused), cmocka_unit_test(test_random),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
