/* Which machine this is. */
#include "hyper/hyper.h"

const struct hypervisor *hyper;

void hyper_select(void)
{
	/* "pc" has no test of its own: it is what remains. */
	const struct hypervisor *const candidates[] = {&hyper_xen, &hyper_pc};

	for (unsigned i = 0; i < sizeof candidates / sizeof *candidates && !hyper; i++)
		if (candidates[i]->detect())
			hyper = candidates[i];
}
