/* fpu.h: XSAVE in its standard format, or FXSAVE. Intel SDM volume 1 chapters 10.5 and 13. */
#include "arch/x86_64/fpu.h"
#include "arch/x86_64/cpu.h"
#include "lib/string.h"

#define FXSAVE_SIZE	  512u
#define XSAVE_HEADER_SIZE 64u
#define FCW_INITIAL	  0x37fu
#define MXCSR_INITIAL	  0x1f80u
#define MXCSR_MASK_OLD	  0xffbfu /* of CPUs that store no mask (SDM 11.6.6) */

#define XCR0_X87    (1ul << 0)
#define XCR0_SSE    (1ul << 1)
#define XCR0_AVX    (1ul << 2)
#define XCR0_AVX512 (7ul << 5)

/* The legacy region of a save area (SDM volume 1, table 10-2). */
struct fxsave {
	uint16_t fcw, fsw;
	uint8_t ftw, reserved0;
	uint16_t fop;
	uint64_t fip, fdp;
	uint32_t mxcsr, mxcsr_mask;
	uint8_t registers[416];
	uint8_t available[64];
};

struct xsave_header {
	uint64_t xstate_bv, xcomp_bv, reserved[6];
};

_Static_assert(sizeof(struct fxsave) == FXSAVE_SIZE, "the CPU's layout");
_Static_assert(sizeof(struct xsave_header) == XSAVE_HEADER_SIZE, "the CPU's layout");

size_t fpu_state_size;
uint64_t fpu_xcr0;
static uint32_t mxcsr_mask;

static struct xsave_header *header_of(void *area)
{
	return (struct xsave_header *)((char *)area + FXSAVE_SIZE);
}

/* The features to enable: vector registers as far as Go and libc use them. Each set of registers
 * is offered whole or not at all. */
static uint64_t choose_xcr0(void)
{
	struct cpuid c = cpuid(0xd, 0);
	uint64_t offered = (uint64_t)c.edx << 32 | c.eax;
	uint64_t wanted = XCR0_X87 | XCR0_SSE;

	if (offered & XCR0_AVX) {
		wanted |= XCR0_AVX;
		if ((offered & XCR0_AVX512) == XCR0_AVX512)
			wanted |= XCR0_AVX512;
	}
	return wanted;
}

void fpu_init(void)
{
	uint64_t cr0, cr4;

	__asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
	cr0 = (cr0 & ~(CR0_EM | CR0_TS)) | CR0_MP | CR0_NE;
	__asm__ volatile("mov %0, %%cr0" : : "r"(cr0));
	bool xsave = cpuid(1, 0).ecx & 1u << 26 && cpuid(0, 0).eax >= 0xd;
	__asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
	cr4 |= CR4_OSFXSR | CR4_OSXMMEXCPT | (xsave ? CR4_OSXSAVE : 0);
	__asm__ volatile("mov %0, %%cr4" : : "r"(cr4));

	fpu_state_size = FXSAVE_SIZE;
	if (xsave) {
		fpu_xcr0 = choose_xcr0();
		__asm__ volatile("xsetbv"
				 :
				 : "c"(0), "a"((uint32_t)fpu_xcr0),
				   "d"((uint32_t)(fpu_xcr0 >> 32)));
		fpu_state_size = cpuid(0xd, 0).ebx; /* for what XCR0 has now */
	}

	uint32_t mxcsr = MXCSR_INITIAL;
	__asm__ volatile("fninit; ldmxcsr %0" : : "m"(mxcsr));
	struct fxsave probe __attribute__((aligned(16)));
	memset(&probe, 0, sizeof(probe));
	__asm__ volatile("fxsave64 %0" : "+m"(probe));
	mxcsr_mask = probe.mxcsr_mask ? probe.mxcsr_mask : MXCSR_MASK_OLD;
}

/*
 * Plain XSAVE, not XSAVEOPT: the latter leaves out what has not changed since the last XRSTOR from
 * the same address, and areas are reused and written by sigreturn.
 */
void fpu_save(void *area)
{
	if (fpu_xcr0) {
		memset(header_of(area), 0, XSAVE_HEADER_SIZE); /* XSAVE writes only XSTATE_BV */
		__asm__ volatile("xsave64 (%0)"
				 :
				 : "r"(area), "a"((uint32_t)fpu_xcr0),
				   "d"((uint32_t)(fpu_xcr0 >> 32))
				 : "memory");
	} else {
		__asm__ volatile("fxsave64 (%0)" : : "r"(area) : "memory");
	}
}

void fpu_restore(const void *area)
{
	if (fpu_xcr0)
		__asm__ volatile("xrstor64 (%0)"
				 :
				 : "r"(area), "a"((uint32_t)fpu_xcr0),
				   "d"((uint32_t)(fpu_xcr0 >> 32))
				 : "memory");
	else
		__asm__ volatile("fxrstor64 (%0)" : : "r"(area) : "memory");
}

void fpu_init_area(void *area)
{
	struct fxsave *fx = area;

	memset(area, 0, fpu_state_size);
	fx->fcw = FCW_INITIAL;
	fx->mxcsr = MXCSR_INITIAL;
	fx->mxcsr_mask = mxcsr_mask;
	/* XSTATE_BV 0 loads the initial state; MXCSR comes from the area all the same. */
}

bool fpu_sanitize(void *area)
{
	struct fxsave *fx = area;

	fx->mxcsr &= mxcsr_mask;
	if (fpu_xcr0) {
		struct xsave_header *h = header_of(area);
		if (h->xcomp_bv >>
		    63) /* the compacted format, which Linux never hands out either */
			return false;
		h->xstate_bv &= fpu_xcr0;
		h->xcomp_bv = 0;
		memset(h->reserved, 0, sizeof(h->reserved));
	}
	return true;
}
