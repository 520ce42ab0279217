/* arch/x86_64/emulated.h: by the names that QEMU's emulator gives in CPUID (its target/i386/cpu.c).
 */
#include "arch/x86_64/emulated.h"
#include "arch/x86_64/cpu.h"
#include "lib/string.h"

#define HYPERVISOR_BIT	(1u << 31) /* of leaf 1's ECX */
#define HYPERVISOR_LEAF 0x40000000u
#define BRAND_LEAF	0x80000002u /* the first of three, 16 characters each */

/* The emulator is what runs us: it is the only hypervisor. */
static bool by_hypervisor(void)
{
	struct cpuid r = cpuid(HYPERVISOR_LEAF, 0);
	uint32_t signature[3] = {r.ebx, r.ecx, r.edx};

	return cpuid(1, 0).ecx & HYPERVISOR_BIT && !memcmp(signature, "TCGTCGTCGTCG", 12);
}

/* Or what runs the hypervisor, which leaves the CPU its name. */
static bool by_brand(void)
{
	struct cpuid r;

	if (cpuid(BRAND_LEAF & ~0xffffu, 0).eax < BRAND_LEAF)
		return false;
	r = cpuid(BRAND_LEAF, 0);
	return !memcmp(&r, "QEMU TCG CPU ver", 16);
}

bool cpu_emulated(void)
{
	return by_hypervisor() || by_brand();
}
