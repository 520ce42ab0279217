/*
 * The symbol table for backtraces, which the tool appends to an image (docs/image.md, "Symbol table
 * for backtraces"). Read-only and constant; it may be absent.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct kernel_symbols {
	uint64_t address, length;
};

/* Filled in by the tool after the link; length 0: no table. */
extern struct kernel_symbols kernel_symbols;

/*
 * The function that address lies in, with the distance from its start in *offset; NULL if there is
 * no table, it is not sound, or the address lies outside of all functions. No locks.
 */
const char *symbol_lookup(uintptr_t address, size_t *offset);
