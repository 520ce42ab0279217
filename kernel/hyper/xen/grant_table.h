/* Of grant.c: how the entries of the two versions of the table look. */
#pragma once
#include "hyper/xen/grant.h"

/* The most frames that we use, whatever Xen's limit: four million entries of version 1. */
#define GRANT_MAX_FRAMES 8192u

struct grant_format {
	unsigned version;
	unsigned per_frame;
	void (*set)(grant_ref_t ref, domid_t domain, uint64_t gfn, bool readonly);
	/* Ends access. False if the other side has the page in use; nothing has changed then. */
	bool (*clear)(grant_ref_t ref);
};

/* The frames that are mapped, and the pages of states (version 2). */
extern void **grant_frames;
extern uint16_t **grant_states;
extern const struct grant_format grant_format_v1, grant_format_v2;
#define GRANT_STATES_PER_PAGE (PAGE_SIZE / sizeof(uint16_t))
