/* Time under Xen: the pvclock of vcpu_info, the wall clock of shared_info, the one-shot timer. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* As the fields of struct hypervisor (hyper/hyper.h). */
bool xen_clock_init(void);
uint64_t xen_wall_clock(void);
void xen_timer_init(void (*expired)(void *));
void xen_timer_set(uint64_t deadline);
