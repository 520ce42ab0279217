/* Time under Xen: the pvclock of vcpu_info, the wall clock of shared_info, the one-shot timer. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* As the fields of struct hypervisor (hyper/hyper.h). */
bool xen_clock_init(void);
uint64_t xen_wall_clock(void);
void xen_timer_init(void (*expired)(void *));
void xen_timer_set(uint64_t deadline);

/* Around a suspension (suspend.c), with interrupts off: monotonic time stands still in between, the
 * time of day goes on. */
void xen_clock_suspend(void);
void xen_clock_resume(void);
/* In a new domain, once event channels work again: the timer's is gone. */
void xen_timer_resume(void);
