/*
 * The two structures that Xen shares with the domain: shared_info (event channels, wall clock) and
 * vcpu_info of this CPU (upcalls, the pvclock). Both lie in the image, so that no assumption about
 * free guest addresses is needed; Xen puts its page in the place of ours.
 */
#pragma once
#include "hyper/xen/hypercall.h"

union xen_shared_page {
	struct shared_info info;
	char page[4096];
};

extern union xen_shared_page xen_shared;
extern struct vcpu_info xen_vcpu_info;

/* Maps both. Called once, early: neither allocates nor prints. 0 or an error of Xen. */
long xen_shared_init(void);
