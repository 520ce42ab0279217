/*
 * Names of functions for backtraces. The table comes from outside the link, so nothing in it is
 * trusted: each look-up checks the bounds it depends on.
 */
#include "lib/symbols.h"
#include <stdbool.h>
#include "lib/string.h"

#define SYMBOLS_MAGIC 0x4d595355u /* "USYM" */

struct symbol_table {
	uint32_t magic, count;
	uint64_t base;
	uint32_t words[]; /* offset[count], name[count], then the names */
};

/* In .data, not .bss: the tool writes it into the file. */
struct kernel_symbols kernel_symbols __attribute__((section(".data.kernel_symbols")));

const char *symbol_lookup(uintptr_t address, size_t *offset)
{
	const struct symbol_table *t = (const void *)kernel_symbols.address;
	size_t length = kernel_symbols.length;

	if (!t || length < sizeof(*t) || t->magic != SYMBOLS_MAGIC)
		return NULL;
	size_t count = t->count, arrays = sizeof(*t) + count * 2 * sizeof(uint32_t);
	if (count == 0 || arrays >= length)
		return NULL;
	const uint32_t *start = t->words, *name = t->words + count;
	const char *names = (const char *)(name + count);
	size_t names_length = length - arrays;

	if (address < t->base || address - t->base < start[0])
		return NULL;
	size_t low = 0, high = count; /* start[low] <= address < start[high] */
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;
		if (start[middle] <= address - t->base)
			low = middle;
		else
			high = middle;
	}
	*offset = address - t->base - start[low];
	if (name[low] >= names_length || !memchr(names + name[low], '\0', names_length - name[low]))
		return NULL;
	/* The end of the last function is not known; far behind it is not in it. */
	if (low == count - 1 && *offset > 64 * 1024)
		return NULL;
	return names + name[low];
}
