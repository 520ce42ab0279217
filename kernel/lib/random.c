#include <stdbool.h>
#include <stdint.h>
#include "arch/x86_64/cpu.h"
#include "boot_info.h"
#include "lib/chacha20.h"
#include "lib/random.h"
#include "lib/spinlock.h"
#include "lib/string.h"
#include "time/clock.h"

#define CPUID1_ECX_RDRAND (1u << 30)
#define CPUID7_EBX_RDSEED (1u << 18)

static spinlock_t random_lock;
static uint8_t key[CHACHA20_KEY];
static const char *source = "timing jitter";

/* With the lock held, or before anyone else runs: key = stream(key xor input). Each step depends on
 * all input so far, and one who chooses input without knowing the key learns nothing. */
static void absorb(const void *p, size_t n)
{
	static const uint32_t nonce[3] = {0x6b6e7573, 0, 0}; /* unlike that of generation */
	uint8_t block[CHACHA20_BLOCK];
	const uint8_t *in = p;

	while (n) {
		size_t chunk = n < sizeof key ? n : sizeof key;

		for (size_t i = 0; i < chunk; i++)
			key[i] ^= in[i];
		chacha20_block(block, key, (uint32_t)chunk, nonce);
		memcpy(key, block, sizeof key);
		in += chunk;
		n -= chunk;
	}
}

void random_mix(const void *p, size_t n, const char *name)
{
	spin_lock(&random_lock);
	absorb(p, n);
	if (name)
		source = name;
	spin_unlock(&random_lock);
}

const char *random_source(void)
{
	return source;
}

static bool rdrand(uint64_t *v)
{
	bool ok = false;

	/* It may run dry for a moment: Intel's guide says ten tries. */
	for (unsigned i = 0; i < 10 && !ok; i++)
		__asm__ volatile("rdrand %0" : "=r"(*v), "=@ccc"(ok));
	return ok;
}

static bool rdseed(uint64_t *v)
{
	bool ok = false;

	for (unsigned i = 0; i < 100 && !ok; i++) {
		__asm__ volatile("rdseed %0" : "=r"(*v), "=@ccc"(ok));
		if (!ok)
			cpu_relax();
	}
	return ok;
}

/* 256 bits from an instruction; false if it failed or repeats itself (some AMD CPUs answered all
 * ones after a resume). */
static bool seed_from(bool (*instruction)(uint64_t *))
{
	uint64_t v[4];

	for (unsigned i = 0; i < 4; i++)
		if (!instruction(&v[i]) || (i && v[i] == v[i - 1]))
			return false;
	absorb(v, sizeof v);
	return true;
}

/* What differs from boot to boot: time of day, how long every step took, where things were put. */
static void absorb_boot_state(void)
{
	uint64_t v[5] = {rdtsc(), clock_realtime(), clock_tsc_hz(), boot_info.ram[0].end,
			 boot_info.module.start};

	absorb(v, sizeof v);
	absorb(boot_info.cmdline, strlen(boot_info.cmdline));
}

/*
 * How long a few hundred memory accesses take differs by caches, by what else the host runs, and
 * under emulation by far more. The low bits of each difference count; the count is generous, since
 * neighbouring ones are alike. About 100 us.
 */
static void absorb_jitter(void)
{
	static volatile uint8_t memory[1024];
	uint16_t differences[64];
	uint64_t last = rdtsc();

	for (unsigned round = 0; round < 8; round++) {
		for (unsigned i = 0; i < 64; i++) {
			uint64_t t;

			for (unsigned j = 0; j < 8; j++)
				memory[(last * 67 + j * 521) % sizeof memory]++;
			t = rdtsc_ordered();
			differences[i] = (uint16_t)(t - last);
			last = t;
		}
		absorb(differences, sizeof differences);
	}
}

void random_init(void)
{
	bool have_rdrand = cpuid(1, 0).ecx & CPUID1_ECX_RDRAND;
	bool have_rdseed = cpuid(0, 0).eax >= 7 && (cpuid(7, 0).ebx & CPUID7_EBX_RDSEED);

	spin_lock(&random_lock);
	absorb_boot_state();
	absorb_jitter();
	if (have_rdrand && seed_from(rdrand))
		source = "rdrand";
	if (have_rdseed && seed_from(rdseed))
		source = "rdseed";
	spin_unlock(&random_lock);
}

void random_bytes(void *p, size_t n)
{
	static const uint32_t nonce[3];
	uint8_t block[CHACHA20_BLOCK], request_key[CHACHA20_KEY], *out = p;
	size_t spare = CHACHA20_BLOCK - sizeof key;
	uint64_t tsc = rdtsc();

	/* The first block: half of it the next key, half of it (for small requests, all) the
	 * answer. The time of the request goes in so that a machine resumed twice from one snapshot
	 * does not repeat itself for long. */
	spin_lock(&random_lock);
	for (unsigned i = 0; i < sizeof tsc; i++)
		key[i] ^= (uint8_t)(tsc >> 8 * i);
	memcpy(request_key, key, sizeof key);
	chacha20_block(block, key, 0, nonce);
	memcpy(key, block, sizeof key);
	spin_unlock(&random_lock);

	if (n < spare)
		spare = n;
	memcpy(out, block + sizeof key, spare);
	out += spare;
	n -= spare;
	for (uint32_t counter = 1; n; counter++) {
		size_t chunk = n < sizeof block ? n : sizeof block;

		chacha20_block(block, request_key, counter, nonce);
		memcpy(out, block, chunk);
		out += chunk;
		n -= chunk;
	}
	memset(block, 0, sizeof block);
	memset(request_key, 0, sizeof request_key);
	__asm__ volatile("" : : "r"(block), "r"(request_key) : "memory"); /* do not skip that */
}
