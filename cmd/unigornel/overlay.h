/*
 * The overlay that turns system calls into function calls (docs/architecture.md, "Build").
 *
 * For each assembly file of the standard library, and of the program's modules, that has the
 * SYSCALL instruction, a copy is made in which it reads CALL unigornel_syscall(SB), and in which
 * the clock functions have a short way (asm_clock.h). Package runtime gets two more files, which
 * make the kernel's symbols known and export the entry. Copies live in the user's cache directory
 * under names made from their contents, so they never go stale and go's build cache hits.
 */
#pragma once
#include "gotool.h"

/* Writes the overlay for go's -overlay flag; merges the user's own. Returns its path, allocated. */
char *overlay_write(const struct gotool *go, const struct goflags *flags);

/* True if a package outside the standard library has SYSCALL in its assembly. Go does not let
 * overlays replace files of the module cache, so there the assembler is called through us
 * (toolexec.c). */
bool overlay_needs_toolexec(const struct gotool *go, const struct goflags *flags,
			    const struct package_list *packages);

/* The directory for what is kept between runs (XDG_CACHE_HOME/unigornel), created. */
const char *cache_dir(void);
