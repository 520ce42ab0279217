/* Whether the CPU is QEMU's emulator (TCG), two of whose faults need a way round. */
#pragma once
#include <stdbool.h>

/* Also where a hypervisor runs in the emulator, if the CPU has the name of -cpu max. */
bool cpu_emulated(void);
