#include "hyper/xen/hypercall.h"
#include "arch/x86_64/cpu.h"
#include "lib/string.h"

extern char xen_hypercall_page[];

static uint32_t leaves; /* the first of Xen's CPUID leaves, 0 if there is no Xen */

/* arch-x86/cpuid.h: Xen's leaves start at a multiple of 0x100, after those of any hypervisor
 * that it imitates. */
bool xen_detect(void)
{
	if (!(cpuid(1, 0).ecx >> 31))
		return false;
	for (uint32_t base = 0x40000000; base < 0x40010000; base += 0x100) {
		struct cpuid r = cpuid(base, 0);
		uint32_t signature[3] = {r.ebx, r.ecx, r.edx};

		if (!memcmp(signature, "XenVMMXenVMM", 12) && r.eax - base >= 2) {
			leaves = base;
			return true;
		}
	}
	return false;
}

/* Leaf 2: EBX is the MSR that takes the page's address. The image is mapped where it is. The mode
 * that we are in now also tells Xen that shared_info has its 64-bit layout. */
void hypercall_init(void)
{
	wrmsr(cpuid(leaves + 2, 0).ebx, (uintptr_t)xen_hypercall_page);
}

long xen_hvm_param(unsigned index, uint64_t *value)
{
	struct xen_hvm_param p = {.domid = DOMID_SELF, .index = index};
	long err = xen_hvm_op(HVMOP_get_param, &p);

	*value = err ? 0 : p.value;
	return err;
}
