/* The list of hypervisors. */
#include "machine.h"
#include <string.h>

const struct hypervisor *hypervisor_find(const char *name)
{
	static const struct hypervisor *const all[] = {&hypervisor_qemu, &hypervisor_xen};
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		if (!strcmp(all[i]->name, name))
			return all[i];
	return NULL;
}
