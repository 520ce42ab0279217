#include "hyper/xen/shared.h"

union xen_shared_page xen_shared __attribute__((aligned(4096)));
struct vcpu_info xen_vcpu_info __attribute__((aligned(64))); /* must not cross a page */

_Static_assert(sizeof(struct vcpu_info) == 64, "vcpu_info");

long xen_shared_init(void)
{
	struct xen_add_to_physmap map = {
	    .domid = DOMID_SELF,
	    .space = XENMAPSPACE_shared_info,
	    .gpfn = (uintptr_t)&xen_shared / 4096,
	};
	struct vcpu_register_vcpu_info reg = {
	    .mfn = (uintptr_t)&xen_vcpu_info / 4096,
	    .offset = (uintptr_t)&xen_vcpu_info % 4096,
	};
	long err = xen_memory_op(XENMEM_add_to_physmap, &map);

	if (!err)
		err = xen_vcpu_op(VCPUOP_register_vcpu_info, 0, &reg);
	return err;
}
