/*
 * Calls of the hypervisor (Xen's public headers: libxen-dev; ABI: arch-x86/xen-x86_64.h, "Hypercall
 * interface"). Results are Xen's errnos, negative; their values are Linux's.
 *
 * Pointers passed must be mapped: the hypervisor does not fault pages in.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* All of Xen's headers are included here: the first inclusion settles the version. */
#define __XEN_INTERFACE_VERSION__ 0x00040d00
#include <xen/xen.h>
#include <xen/arch-x86/hvm/start_info.h>
#include <xen/event_channel.h>
#include <xen/features.h>
#include <xen/grant_table.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>
#include <xen/memory.h>
#include <xen/sched.h>
#include <xen/vcpu.h>
#include <xen/version.h>

/* Finds Xen by CPUID; remembers where its leaves are. */
bool xen_detect(void);
/* Fills the hypercall page. From here on hypercalls work. */
void hypercall_init(void);

#ifndef HOST_TEST
#define xen_hypercall(nr, a1, a2, a3, a4)                                                          \
	({                                                                                         \
		long result_;                                                                      \
		unsigned long a1_ = (unsigned long)(a1), a2_ = (unsigned long)(a2);                \
		unsigned long a3_ = (unsigned long)(a3);                                           \
		register unsigned long a4_ __asm__("r10") = (unsigned long)(a4);                   \
		__asm__ volatile("call xen_hypercall_page + %c[at]"                                \
				 : "=a"(result_), "+D"(a1_), "+S"(a2_), "+d"(a3_), "+r"(a4_)       \
				 : [at] "i"((nr)*32)                                               \
				 : "memory", "rcx", "r8", "r9", "r11", "cc");                      \
		result_;                                                                           \
	})
#else
long xen_hypercall(unsigned nr, unsigned long a1, unsigned long a2, unsigned long a3,
		   unsigned long a4);
#define xen_hypercall(nr, a1, a2, a3, a4)                                                          \
	xen_hypercall(nr, (unsigned long)(a1), (unsigned long)(a2), (unsigned long)(a3),           \
		      (unsigned long)(a4))
#endif

static inline long xen_version(int cmd, void *arg)
{
	return xen_hypercall(__HYPERVISOR_xen_version, cmd, arg, 0, 0);
}

static inline long xen_memory_op(unsigned cmd, void *arg)
{
	return xen_hypercall(__HYPERVISOR_memory_op, cmd, arg, 0, 0);
}

static inline long xen_console_io(unsigned cmd, unsigned count, void *text)
{
	return xen_hypercall(__HYPERVISOR_console_io, cmd, count, text, 0);
}

static inline long xen_vcpu_op(unsigned cmd, unsigned vcpu, void *arg)
{
	return xen_hypercall(__HYPERVISOR_vcpu_op, cmd, vcpu, arg, 0);
}

static inline long xen_sched_op(unsigned cmd, void *arg)
{
	return xen_hypercall(__HYPERVISOR_sched_op, cmd, arg, 0, 0);
}

static inline long xen_event_channel_op(unsigned cmd, void *arg)
{
	return xen_hypercall(__HYPERVISOR_event_channel_op, cmd, arg, 0, 0);
}

static inline long xen_hvm_op(unsigned cmd, void *arg)
{
	return xen_hypercall(__HYPERVISOR_hvm_op, cmd, arg, 0, 0);
}

static inline long xen_grant_table_op(unsigned cmd, void *args, unsigned count)
{
	return xen_hypercall(__HYPERVISOR_grant_table_op, cmd, args, count, 0);
}

/* HVMOP_get_param of this domain (hvm/params.h): 0 and *value, or an error. */
long xen_hvm_param(unsigned index, uint64_t *value);
